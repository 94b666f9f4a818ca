package sqlite

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var amendments = table[meta.Amendment]{
	noun:    "amendment",
	name:    "amendments",
	keys:    []string{"project", "logstore", "number"},
	columns: []string{"project", "logstore", "number", "body"},
	parent:  &logstores,
	quiet:   true,
	fields:  func(a *meta.Amendment) []any { return []any{&a.Project, &a.Logstore, &a.Number, (*blob)(&a.Body)} },
}

func (t *tx) Amendments(ref sluice.LogstoreRef) ([]meta.Amendment, error) {
	return amendments.list(t, ref.Project, ref.Logstore)
}

func (t *tx) SetAmendment(a meta.Amendment) error { return amendments.replace(t, &a) }

func (t *tx) DeleteAmendment(ref sluice.LogstoreRef, number int64) error {
	return amendments.delete(t, ref.Project, ref.Logstore, number)
}
