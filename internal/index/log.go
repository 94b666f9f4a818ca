package index

import "github.com/sluicelog/sluice"

// Log is one log as indexing and matching see it: a flat list of fields, each name once. A Log is filled again and again; what it
// gives out is valid until the next Set. Its Scanner is scratch for who reads it.
type Log struct {
	Scanner Scanner

	fields []sluice.Field
	base   int            // fields[:base] are of the log group
	places map[string]int // of the contents in fields, where there are many
}

// fewFields is up to how many contents are compared one by one to find those of the same name.
const fewFields = 24

// SetGroup begins the records of a log group.
func (l *Log) SetGroup(g *sluice.LogGroup) {
	l.fields = append(l.fields[:0], sluice.Field{Key: SourceField, Value: g.Source}, sluice.Field{Key: TopicField, Value: g.Topic})
	for _, tag := range g.Tags {
		l.put(len(l.fields), TagPrefix+tag.Key, tag.Value)
	}
	l.base = len(l.fields)
}

// SetRecord turns l into a record of the log group of the last SetGroup.
func (l *Log) SetRecord(r *sluice.Record) {
	l.fields = l.fields[:l.base]
	many := len(r.Fields) > fewFields
	if many {
		if l.places == nil {
			l.places = make(map[string]int, len(r.Fields))
		}
		clear(l.places)
	}
	for _, f := range r.Fields {
		switch {
		case Reserved(f.Key):
		case !many:
			l.put(len(l.fields), f.Key, f.Value)
		default:
			i, ok := l.places[f.Key]
			if !ok {
				i = len(l.fields)
				l.places[f.Key] = i
				l.fields = append(l.fields, f)
			}
			l.fields[i].Value = f.Value
		}
	}
}

// put sets the field of that name among the first n, or appends it.
func (l *Log) put(n int, name, value string) {
	for i := range l.fields[:n] {
		if l.fields[i].Key == name {
			l.fields[i].Value = value
			return
		}
	}
	l.fields = append(l.fields, sluice.Field{Key: name, Value: value})
}

// Set turns l into a log whose fields are flat already: the reserved ones under their names, and no name twice.
func (l *Log) Set(fields []sluice.Field) {
	l.base = 0
	l.fields = append(l.fields[:0], fields...)
}

// Fields returns all fields under their full names: __source__, __topic__, the tags, the contents.
func (l *Log) Fields() []sluice.Field { return l.fields }

// Value returns the value of the field of exactly that name.
func (l *Log) Value(name string) (value string, ok bool) {
	for i := range l.fields {
		if l.fields[i].Key == name {
			return l.fields[i].Value, true
		}
	}
	return "", false
}
