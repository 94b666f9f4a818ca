package sqlite

import "github.com/sluicelog/sluice/internal/meta"

var documents = table[meta.Document]{
	noun:    "document",
	name:    "documents",
	keys:    []string{"project", "kind", "name"},
	columns: []string{"project", "kind", "name", "body", "created", "modified"},
	parent:  &projects,
	fields: func(d *meta.Document) []any {
		return []any{&d.Project, &d.Kind, &d.Name, (*blob)(&d.Body), (*moment)(&d.Created), (*moment)(&d.Modified)}
	},
}

func (t *tx) Document(project, kind, name string) (meta.Document, error) {
	return documents.get(t, project, kind, name)
}

func (t *tx) Documents(project, kind string) ([]meta.Document, error) {
	return documents.list(t, project, kind)
}

func (t *tx) CreateDocument(d meta.Document) error { return documents.insert(t, &d) }
func (t *tx) UpdateDocument(d meta.Document) error { return documents.update(t, &d) }

func (t *tx) DeleteDocument(project, kind, name string) error {
	return documents.delete(t, project, kind, name)
}
