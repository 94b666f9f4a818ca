package query

import (
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// sqlField is a column of SQL: a field of logs, or a leaf of one.
type sqlField struct {
	name string
	kind statement.Kind
	at   index.Field
}

type sqlFields []sqlField

// sqlFieldsOf lists the columns that a configuration gives to SQL: the keys with statistics, and what every log has.
func sqlFieldsOf(c *index.Config) sqlFields {
	fields := sqlFields{
		{index.TimeField, statement.Bigint, index.Field{Name: index.TimeField}},
		{index.SourceField, statement.Varchar, index.Field{Name: index.SourceField}},
		{index.TopicField, statement.Varchar, index.Field{Name: index.TopicField}},
	}
	add := func(name, alias string, t index.Type, at index.Field) {
		kind := statement.Varchar
		switch t {
		case index.Long:
			kind = statement.Bigint
		case index.Double:
			kind = statement.Double
		}
		if alias != "" {
			name = alias
		}
		fields = append(fields, sqlField{name, kind, at})
	}
	for _, name := range c.Names() {
		key := c.Keys[name]
		if key.DocValue && !isBuiltIn(name) {
			add(name, key.Alias, key.Type, index.Field{Name: name})
		}
		for path, leaf := range key.Leaves {
			if leaf.DocValue {
				add(name+"."+path, leaf.Alias, leaf.Type, index.Field{Name: name, Path: path})
			}
		}
	}
	return fields
}

func isBuiltIn(name string) bool {
	return name == index.TimeField || name == index.SourceField || name == index.TopicField
}

func (f sqlFields) columns() []statement.Column {
	columns := make([]statement.Column, len(f))
	for i, c := range f {
		columns[i] = statement.Column{Name: c.name, Type: statement.TypeOf(c.kind)}
	}
	return columns
}

func (f sqlFields) find(name string) (sqlField, bool) {
	for _, c := range f {
		if c.name == name {
			return c, true
		}
	}
	return sqlField{}, false
}
