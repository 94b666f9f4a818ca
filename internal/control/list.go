package control

import (
	"context"
	"strings"

	"github.com/sluicelog/sluice/internal/meta"
)

// maxPage is the most that one list holds (reference sls-api 7).
const maxPage = 500

// maxPageBytes is about the most that the documents of one list have. A page that would be larger ends early; its reader goes on behind it.
const maxPageBytes = 8 << 20

// Query chooses documents of a place. The zero value chooses all.
type Query struct {
	Name         string              // part of the name
	Names        []string            // only these; nil means all
	Match        func(Document) bool // nil takes all; it is given documents as clients see them
	Bodies       bool                // also return the documents
	Others       []Document          // chosen documents that are kept elsewhere, by name, to be put among these; with Bodies
	Offset, Size int                 // a Size of 0 means 500
}

// List is one page of what a query chose, by name.
type List struct {
	Names     []string
	Documents []Document // of Names, if they were asked for
	Total     int        // on all pages

	bytes int
}

// add takes one more of the chosen, which is on the page or not.
func (l *List) add(q Query, name string, d Document) {
	size := q.Size
	if size <= 0 {
		size = maxPage
	}
	if l.Total >= q.Offset && l.Total < q.Offset+size && l.bytes < maxPageBytes {
		l.Names = append(l.Names, name)
		if q.Bodies && d != nil {
			l.Documents = append(l.Documents, d)
			for member, value := range d {
				l.bytes += len(member) + len(value)
			}
		}
	}
	l.Total++
}

func (q Query) named(name string) bool {
	if !strings.Contains(name, q.Name) {
		return false
	}
	if q.Names == nil {
		return true
	}
	for _, n := range q.Names {
		if n == name {
			return true
		}
	}
	return false
}

// List returns one page of the documents that q chooses.
func (c *Control) List(ctx context.Context, at Place, k *Kind, q Query) (l List, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		if err := at.require(tx, k); err != nil {
			return err
		}
		if q.Match != nil || q.Bodies {
			l, err = c.matching(tx, at, k, q)
		} else {
			l, err = byName(tx, at, k, q)
		}
		return err
	})
	return l, err
}

// byName reads names alone.
func byName(tx meta.Tx, at Place, k *Kind, q Query) (l List, err error) {
	names, err := tx.DocumentNames(at.Scope, at.kind(k))
	for _, name := range names {
		if q.named(name) {
			l.add(q, name, nil)
		}
	}
	return l, err
}

// matching looks into every document, and keeps those of one page.
func (c *Control) matching(tx meta.Tx, at Place, k *Kind, q Query) (l List, err error) {
	others := q.Others
	err = tx.EachDocument(at.Scope, at.kind(k), func(stored meta.Document) error {
		if !q.named(stored.Name) {
			return nil
		}
		d, err := c.shown(at, k, stored)
		if err != nil || q.Match != nil && !q.Match(d) {
			return err
		}
		for len(others) > 0 && others[0].Text(k.NameKey) < stored.Name {
			l.add(q, others[0].Text(k.NameKey), others[0])
			others = others[1:]
		}
		l.add(q, stored.Name, d)
		return nil
	})
	for _, d := range others {
		l.add(q, d.Text(k.NameKey), d)
	}
	return l, err
}
