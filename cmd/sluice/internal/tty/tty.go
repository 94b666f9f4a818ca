// Package tty knows what may be written to a terminal and not to a file: colours, lines that change in place, and, since logs
// are written by strangers, what must not reach a terminal as it is.
package tty

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Output is a stream that may be a terminal.
type Output struct {
	io.Writer
	terminal bool
	colour   bool
	fd       int
}

// New looks at w. Colours need a terminal, and an environment that does not refuse them (NO_COLOR not empty, TERM=dumb).
func New(w io.Writer, getenv func(string) string) *Output {
	o := &Output{Writer: w}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return o
	}
	o.terminal = true
	o.fd = int(file.Fd())
	o.colour = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return o
}

// Terminal reports whether people are looking.
func (o *Output) Terminal() bool { return o.terminal }

// Width returns the columns of the terminal, 80 if unknown.
func (o *Output) Width() int {
	if o.terminal {
		if width, _, err := term.GetSize(o.fd); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// Bold and the other styles return s as it is on a stream without colours.
func (o *Output) Bold(s string) string   { return o.style("1", s) }
func (o *Output) Dim(s string) string    { return o.style("2", s) }
func (o *Output) Red(s string) string    { return o.style("31", s) }
func (o *Output) Green(s string) string  { return o.style("32", s) }
func (o *Output) Yellow(s string) string { return o.style("33", s) }
func (o *Output) Cyan(s string) string   { return o.style("36", s) }

// Marked is how words stand out that were searched for.
func (o *Output) Marked(s string) string { return o.style("1;31", s) }

func (o *Output) style(code, s string) string {
	if !o.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Status shows line in place of the last status line, cut to the width. It does nothing on other than terminals.
func (o *Output) Status(line string) {
	if !o.terminal {
		return
	}
	if width := o.Width() - 1; utf8.RuneCountInString(line) > width {
		line = string([]rune(line)[:width])
	}
	io.WriteString(o.Writer, "\r\x1b[K"+line) //nolint:errcheck // a status line is worth no error
}

// ClearStatus removes the status line.
func (o *Output) ClearStatus() { o.Status("") }

// Visible returns s with what a terminal would act on written as escapes: control characters, those that change the
// direction of text, and bytes that are no UTF-8. Line breaks become \n, so that a record stays one line.
func Visible(s string) string { return visible(s, "") }

// VisibleLines is Visible for a text that may keep its line breaks and tabs.
func VisibleLines(s string) string { return visible(s, "\n\t") }

func visible(s, keep string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + hex2(s[i]))
		case strings.ContainsRune(keep, r) || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

func hex2(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}
