package tty_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func TestVisible(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := tty.Visible(in); got != want {
			t.Errorf("Visible(%q) = %q, want %q", in, got, want)
		}
	}
	f("plain text", "plain text")
	f("grüße 日志", "grüße 日志")
	f("\x1b[31mred", `\x1b[31mred`)
	f("a\nb\tc", `a\nb\tc`)
	f("\u009b2J", `\u009b2J`) // CSI in one character
	f("abc\u202ecba", `abc\u202ecba`)
	f("\xff\xfe", `\xff\xfe`)
	f("quote ' and \"", "quote ' and \"")
}

func TestVisibleLines(t *testing.T) {
	if got, want := tty.VisibleLines("a\n\tb\x07"), "a\n\tb\\a"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoTerminalNoEscapes(t *testing.T) {
	var b bytes.Buffer
	o := tty.New(&b, func(string) string { return "" })
	o.Status("working")
	o.ClearStatus()
	if b.Len() != 0 || o.Red("x") != "x" || o.Terminal() {
		t.Errorf("a buffer was treated as a terminal: %q, %q", b.String(), o.Red("x"))
	}
}

func TestTableFits(t *testing.T) {
	draw := func(width int, whole ...int) string {
		table := tty.NewTable("name", ">a count of things", "日志日志日志日志")
		table.Add("short", "1", "x")
		table.Add("a name that goes on and on", "1234567", "日志日志日志日志日志日志")
		table.Fit(width, whole...)
		var b bytes.Buffer
		if err := table.Write(tty.New(&b, func(string) string { return "" })); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for width, want := range map[int]string{
		70: "name                       a count of things  日志日志日志日志\n" +
			"short                                      1  x\n" +
			"a name that goes on and …            1234567  日志日志日志日志日志日志\n",
		40: "name          a count of …  日志日志日…\n" +
			"short                    1  x\n" +
			"a name that…       1234567  日志日志日…\n",
	} {
		if got := draw(width); got != want {
			t.Errorf("in %d columns:\n%s", width, got)
		}
	}
	if got := draw(1); !strings.Contains(got, "a name …   1234567  日志日…") {
		t.Errorf("columns of a few characters stay:\n%s", got)
	}
	if got := draw(1, 0); !strings.Contains(got, "a name that goes on and on   1234567  日志日…") {
		t.Errorf("a column is not left whole:\n%s", got)
	}
}

func TestBlocks(t *testing.T) {
	for part, want := range map[float64]string{0: "", 1e-9: "▏", 0.5: "█▌", 1: "███", 2: "███", -1: "", 0.99: "███", 0.95: "██▉"} {
		if got := tty.Blocks(part, 3); got != want {
			t.Errorf("Blocks(%v, 3) = %q, want %q", part, got, want)
		}
	}
	for part, want := range map[float64]string{0: "░░░", 0.5: "█░░", 1: "███", 7: "███"} {
		if got := tty.Progress(part, 3); got != want {
			t.Errorf("Progress(%v, 3) = %q, want %q", part, got, want)
		}
	}
}
