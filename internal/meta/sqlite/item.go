package sqlite

import (
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/meta"
)

var items = table[meta.Item]{
	noun:    "item",
	name:    "items",
	keys:    []string{"kind", "name"},
	columns: []string{"kind", "name", "grouping", "body"},
	quiet:   true,
	fields:  func(i *meta.Item) []any { return []any{&i.Kind, &i.Name, &i.Group, (*blob)(&i.Body)} },
}

func (t *tx) Item(kind, name string) (meta.Item, error) { return items.get(t, kind, name) }
func (t *tx) SetItem(i meta.Item) error                 { return items.replace(t, &i) }

func (t *tx) DeleteItem(kind, name string) error {
	_, err := items.exec(t, "DELETE FROM items"+items.where(len(items.keys)), kind, name)
	return wrap("delete item", err)
}

func (t *tx) Items(kind string, r meta.ItemRange) ([]meta.Item, error) {
	all, err := t.items(kind, r)
	return all, wrap("list items", err)
}

func (t *tx) CountItems(kind, group string) (n int, err error) {
	query, args := "SELECT COUNT(*) FROM items WHERE kind = ?", []any{kind}
	if group != "" {
		query, args = query+" AND grouping <> '' AND grouping = ?", append(args, group) // as the index says
	}
	err = t.row(query, args, &n)
	return n, wrap("count items", err)
}

func (t *tx) items(kind string, r meta.ItemRange) ([]meta.Item, error) {
	query, args := itemQuery(kind, r)
	rows, err := t.rows(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []meta.Item
	for rows.Next() {
		var i meta.Item
		if err := rows.Scan(items.fields(&i)...); err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, rows.Err()
}

func itemQuery(kind string, r meta.ItemRange) (query string, args []any) {
	var b strings.Builder
	b.WriteString("SELECT " + strings.Join(items.columns, ", ") + " FROM items WHERE kind = ?")
	args = append(args, kind)
	add := func(condition string, arg any) {
		b.WriteString(" AND " + condition)
		args = append(args, arg)
	}
	if r.Group != "" {
		b.WriteString(" AND grouping <> ''") // as the index says
		add("grouping = ?", r.Group)
	}
	if r.Prefix != "" {
		add("name >= ?", r.Prefix)
		add("name < ?", r.Prefix+string(utf8.MaxRune))
	}
	order := "name"
	if r.After != "" && !r.Reverse {
		add("name > ?", r.After)
	}
	if r.Reverse {
		order = "name DESC"
		if r.After != "" {
			add("name < ?", r.After)
		}
	}
	b.WriteString(" ORDER BY " + order)
	if r.Limit > 0 {
		b.WriteString(" LIMIT ?")
		args = append(args, r.Limit)
	}
	return b.String(), args
}
