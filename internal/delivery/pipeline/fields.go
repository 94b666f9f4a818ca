package pipeline

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/index"
)

// Names that stand for several fields.
const (
	allContents = "*"
	allTags     = index.TagPrefix + "*"
)

// defaultFields are those of a task that names none.
var defaultFields = []string{allContents, index.TimeField, index.TopicField, index.SourceField}

// maxFields is how many fields a task may name.
const maxFields = 1000

// projection makes the fields of entries.
type projection struct {
	columns []column
	kinds   map[string]kind // of fields that only * finds
	named   map[string]bool
	taken   bool // contents that * leaves out are among them
	custom  *customFields
	scratch scratch // of values that were changed
}

// column is a name of the task's list.
type column struct {
	place
	kind kind
	many bool // * or __tag__:*
}

func newProjection(s *Spec) (*projection, error) {
	p := &projection{kinds: map[string]kind{}, named: map[string]bool{}}
	for name, typ := range s.Types {
		k, ok := kindOf(typ)
		if !ok {
			return nil, invalid("types.%s: %.40q is none of number, bool, json and text", name, typ)
		}
		p.kinds[name] = k
	}
	if _, ok := p.kinds[index.TimeField]; !ok {
		p.kinds[index.TimeField] = number
	}
	if len(s.Fields) > maxFields {
		return nil, invalid("fields: %d names are over the limit of %d", len(s.Fields), maxFields)
	}
	names := s.Fields
	if len(names) == 0 {
		names = defaultFields
	}
	var err error
	if p.custom, err = newCustomFields(s.CustomFields); err != nil {
		return nil, err
	}
	for i, name := range names {
		if name == "" || len(name) > maxName || p.named[name] {
			return nil, invalid("fields[%d]: %.80q is empty, over %d bytes, or named twice", i, name, maxName)
		}
		p.add(name)
	}
	if p.custom != nil && !p.named[customField] {
		p.add(customField)
	}
	return p, nil
}

func (p *projection) add(name string) {
	p.named[name] = true
	p.taken = p.taken || name != allContents && (!index.Reserved(name) || strings.HasPrefix(name, index.TagPrefix))
	p.columns = append(p.columns, column{place: place{name: name}, kind: p.kinds[name], many: name == allContents || name == allTags})
}

// append makes the fields of l.
func (p *projection) append(fields []sink.Field, l *view) []sink.Field {
	for i := range p.columns {
		c := &p.columns[i]
		switch {
		case c.many && c.name == allContents:
			fields = p.appendAll(fields, l, l.base, len(l.Fields()))
		case c.many:
			fields = p.appendTags(fields, l)
		case p.custom != nil && c.name == customField:
			fields = append(fields, sink.Field{Key: customField, Value: p.custom.object(l, &p.scratch), Kind: sink.JSON})
		default:
			value, ok := l.value(&c.place)
			if !ok {
				fields = append(fields, sink.Field{Key: c.name, Kind: sink.Absent})
				continue
			}
			fields = append(fields, typed(c.name, value, c.kind))
		}
	}
	return fields
}

// appendAll appends the fields of l from the first to the last that have no place of their own.
func (p *projection) appendAll(fields []sink.Field, l *view, first, last int) []sink.Field {
	for _, f := range l.Fields()[first:last] {
		if p.taken && p.named[f.Key] {
			continue
		}
		k := text
		if len(p.kinds) > 1 { // that of the time is always there
			k = p.kinds[f.Key]
		}
		fields = append(fields, typed(f.Key, f.Value, k))
	}
	return fields
}

// appendTags appends the tags; of the fields of a log group they come behind source and topic.
func (p *projection) appendTags(fields []sink.Field, l *view) []sink.Field {
	first := 0
	for first < l.base && !strings.HasPrefix(l.Fields()[first].Key, index.TagPrefix) {
		first++
	}
	return p.appendAll(fields, l, first, l.base)
}

// Columns lists the names of the fields that all logs of the task have, in order; ok is false if the task has names that stand for several, so
// that logs differ.
func (s *Spec) Columns() (names []string, ok bool) {
	if len(s.Fields) == 0 {
		return nil, false
	}
	for _, name := range s.Fields {
		if name == allContents || name == allTags {
			return nil, false
		}
		names = append(names, name)
	}
	if s.CustomFields != nil && !slices.Contains(names, customField) {
		names = append(names, customField)
	}
	return names, true
}
