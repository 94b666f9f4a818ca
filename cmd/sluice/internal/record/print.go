package record

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// Printer writes records as lines to To. Errors are To's.
type Printer struct {
	To     io.Writer
	Out    *tty.Output // where the lines end up: says which colours and characters may be in them
	Format Format
	Field  string // what Raw prints; "" is DefaultField

	// Mark, if not nil, marks words in the value of a field, for Table.
	Mark func(field, value string) string

	line []byte
}

// Print writes one record of a group. A record without the field that Raw wants is printed as JSON.
func (p *Printer) Print(g *sluice.LogGroup, r *sluice.Record) error {
	p.line = p.line[:0]
	switch p.Format {
	case Table:
		p.table(g, r)
	case Raw:
		p.raw(g, r)
	default:
		p.line = appendJSON(p.line, g, r)
	}
	p.line = append(p.line, '\n')
	_, err := p.To.Write(p.line)
	return err
}

func (p *Printer) raw(g *sluice.LogGroup, r *sluice.Record) {
	want := p.Field
	if want == "" {
		want = DefaultField
	}
	for _, f := range r.Fields {
		if f.Key != want {
			continue
		}
		if p.Out.Terminal() {
			f.Value = tty.VisibleLines(f.Value)
		}
		p.line = append(p.line, f.Value...)
		return
	}
	p.line = appendJSON(p.line, g, r)
}

// table: the local time, the topic, then the content alone or key=value for each field.
func (p *Printer) table(g *sluice.LogGroup, r *sluice.Record) {
	t := time.Unix(int64(r.Time), int64(r.Nanos))
	p.add(p.Out.Dim(t.Format("2006-01-02 15:04:05.000")))
	if g.Topic != "" {
		p.add("  " + p.Out.Cyan(tty.Visible(g.Topic)))
	}
	p.add(" ")
	if len(r.Fields) == 1 && r.Fields[0].Key == DefaultField {
		p.add(" " + p.mark(DefaultField, tty.Visible(r.Fields[0].Value)))
		return
	}
	for _, f := range r.Fields {
		p.add(" " + p.Out.Dim(tty.Visible(f.Key)+"=") + p.mark(f.Key, quoted(f.Value)))
	}
}

func (p *Printer) mark(field, value string) string {
	if p.Mark == nil {
		return value
	}
	return p.Mark(field, value)
}

func (p *Printer) add(s string) { p.line = append(p.line, s...) }

// quoted makes the end of a value plain.
func quoted(s string) string {
	if v := tty.Visible(s); v != "" && !strings.ContainsAny(v, ` "=`) {
		return v
	}
	return `"` + strings.ReplaceAll(tty.Visible(s), `"`, `\"`) + `"`
}

// appendJSON writes the flat object of the dialect: every value is text, repeated keys repeat.
func appendJSON(dst []byte, g *sluice.LogGroup, r *sluice.Record) []byte {
	dst = append(dst, `{"`+keyTime+`":"`...)
	dst = strconv.AppendUint(dst, uint64(r.Time), 10)
	dst = append(dst, '"')
	if r.Nanos != 0 {
		dst = appendMember(dst, keyNanos, strconv.FormatUint(uint64(r.Nanos), 10))
	}
	if g.Topic != "" {
		dst = appendMember(dst, keyTopic, g.Topic)
	}
	if g.Source != "" {
		dst = appendMember(dst, keySource, g.Source)
	}
	for _, tag := range g.Tags {
		dst = appendMember(dst, prefixTag+tag.Key, tag.Value)
	}
	for _, f := range r.Fields {
		dst = appendMember(dst, f.Key, f.Value)
	}
	return append(dst, '}')
}

// AppendObject appends the JSON object of fields, every value as text, in their order.
func AppendObject(dst []byte, fields []sluice.Field) []byte {
	dst = append(dst, '{')
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(appendString(dst, f.Key), ':'), f.Value)
	}
	return append(dst, '}')
}

func appendMember(dst []byte, key, value string) []byte {
	dst = appendString(append(dst, ','), key)
	return appendString(append(dst, ':'), value)
}

// appendString writes a JSON string in which nothing is left for a terminal to act on. Bytes that are no UTF-8, which JSON
// cannot hold, become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r >= ' ' && r < 0x7f || r > 0x7f && unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		default:
			dst = appendEscape(dst, r)
		}
	}
	return append(dst, '"')
}

func appendEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendEscape(appendEscape(dst, high), low)
	}
	return fmt.Appendf(dst, `\u%04x`, r)
}
