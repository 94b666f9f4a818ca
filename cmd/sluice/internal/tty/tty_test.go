package tty_test

import (
	"bytes"
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
