package sqlite

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var indexes = table[meta.Index]{
	noun:    "index",
	name:    "indexes",
	keys:    []string{"project", "logstore"},
	columns: []string{"project", "logstore", "config", "created", "modified"},
	parent:  &logstores,
	fields: func(x *meta.Index) []any {
		return []any{&x.Project, &x.Logstore, (*blob)(&x.Config), (*moment)(&x.Created), (*moment)(&x.Modified)}
	},
}

func (t *tx) Index(ref sluice.LogstoreRef) (meta.Index, error) {
	return indexes.get(t, ref.Project, ref.Logstore)
}

func (t *tx) CreateIndex(x meta.Index) error { return indexes.insert(t, &x) }
func (t *tx) UpdateIndex(x meta.Index) error { return indexes.update(t, &x) }

func (t *tx) DeleteIndex(ref sluice.LogstoreRef) error {
	return indexes.delete(t, ref.Project, ref.Logstore)
}
