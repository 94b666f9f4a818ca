package record

import (
	"io"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/logline"
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
		p.line = logline.AppendJSON(p.line, g, r)
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
	p.line = logline.AppendJSON(p.line, g, r)
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
