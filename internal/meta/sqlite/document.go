package sqlite

import "github.com/sluicelog/sluice/internal/meta"

var documents = table[meta.Document]{
	noun:    "document",
	name:    "documents",
	keys:    []string{"project", "kind", "name"},
	columns: []string{"project", "kind", "name", "body", "created", "modified"},
	parent:  scopes{},
	fields: func(d *meta.Document) []any {
		return []any{&d.Project, &d.Kind, &d.Name, (*blob)(&d.Body), (*moment)(&d.Created), (*moment)(&d.Modified)}
	},
}

// scopes holds documents: projects, which are rows, and accounts, which are not.
type scopes struct{}

func (scopes) require(t *tx, keys []any) error {
	if name, ok := keys[0].(string); ok && meta.IsAccountScope(name) {
		return nil
	}
	if name, ok := keys[0].(*string); ok && meta.IsAccountScope(*name) {
		return nil
	}
	return projects.require(t, keys)
}

func (t *tx) Document(scope, kind, name string) (meta.Document, error) {
	return documents.get(t, scope, kind, name)
}

func (t *tx) Documents(scope, kind string) ([]meta.Document, error) {
	return documents.list(t, scope, kind)
}

func (t *tx) EachDocument(scope, kind string, fn func(meta.Document) error) error {
	found := false
	err := documents.each(t, []any{scope, kind}, func(d meta.Document) error {
		found = true
		return fn(d)
	})
	if err != nil || found {
		return err
	}
	return scopes{}.require(t, []any{scope})
}

func (t *tx) DocumentNames(scope, kind string) ([]string, error) {
	return t.texts(scope, "SELECT name FROM documents WHERE project = ? AND kind = ? ORDER BY name", scope, kind)
}

func (t *tx) DocumentKinds(scope, prefix string) ([]string, error) {
	return t.texts(scope, "SELECT DISTINCT kind FROM documents WHERE project = ? AND kind >= ? AND kind < ? ORDER BY kind",
		scope, prefix, behind(prefix))
}

// texts reads a column of text of what is in a scope, which must be there.
func (t *tx) texts(scope, query string, args ...any) ([]string, error) {
	rows, err := t.rows(query, args...)
	if err != nil {
		return nil, wrap("list documents", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, wrap("list documents", err)
		}
		all = append(all, s)
	}
	if err := rows.Err(); err != nil || len(all) > 0 {
		return all, wrap("list documents", err)
	}
	return nil, scopes{}.require(t, []any{scope})
}

func (t *tx) CountDocuments(scope, kind string) (int, error) {
	var n int
	err := t.row("SELECT COUNT(*) FROM documents WHERE project = ? AND kind = ?", []any{scope, kind}, &n)
	if err != nil || n > 0 {
		return n, wrap("count documents", err)
	}
	return 0, scopes{}.require(t, []any{scope})
}

func (t *tx) CreateDocument(d meta.Document) error { return documents.insert(t, &d) }
func (t *tx) UpdateDocument(d meta.Document) error { return documents.update(t, &d) }

func (t *tx) DeleteDocument(scope, kind, name string) error {
	return documents.delete(t, scope, kind, name)
}

func (t *tx) DeleteDocuments(scope, prefix string) error {
	_, err := t.change("DELETE FROM documents WHERE project = ? AND kind >= ? AND kind < ?", scope, prefix, behind(prefix))
	return wrap("delete documents", err)
}

// behind is the least text that is behind all that begin with prefix, in byte order. U+10FFFF is the last there is.
func behind(prefix string) string { return prefix + "\U0010FFFF" }
