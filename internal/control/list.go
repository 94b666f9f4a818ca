package control

import (
	"context"
	"strings"

	"github.com/sluicelog/sluice/internal/meta"
)

// maxPage is the most that one list holds (reference sls-api 7).
const maxPage = 500

// Query chooses documents of a place. The zero value chooses all.
type Query struct {
	Name         string              // part of the name
	Names        []string            // only these; nil means all
	Match        func(Document) bool // nil takes all; it is given documents as clients see them
	Bodies       bool                // also return the documents
	Offset, Size int                 // a Size of 0 means 500
}

// List is one page of what a query chose, by name.
type List struct {
	Names     []string
	Documents []Document // of Names, if they were asked for
	Total     int        // on all pages
}

// page says which of the chosen are on the page of q.
func (q Query) page(n int) bool {
	size := q.Size
	if size <= 0 {
		size = maxPage
	}
	return n >= q.Offset && n < q.Offset+size
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
		if q.Match != nil {
			l, err = matching(tx, at, k, q)
		} else {
			l, err = byName(tx, at, k, q)
		}
		return err
	})
	return l, err
}

// byName reads names, and the documents of one page.
func byName(tx meta.Tx, at Place, k *Kind, q Query) (l List, err error) {
	names, err := tx.DocumentNames(at.Scope, at.kind(k))
	if err != nil {
		return l, err
	}
	for _, name := range names {
		if !q.named(name) {
			continue
		}
		if q.page(l.Total) {
			l.Names = append(l.Names, name)
		}
		l.Total++
	}
	if !q.Bodies {
		return l, nil
	}
	for _, name := range l.Names {
		stored, err := tx.Document(at.Scope, at.kind(k), name)
		if err != nil {
			return l, err
		}
		d, err := k.shown(stored)
		if err != nil {
			return l, err
		}
		l.Documents = append(l.Documents, d)
	}
	return l, nil
}

// matching looks into every document, of which those of one page are kept.
func matching(tx meta.Tx, at Place, k *Kind, q Query) (l List, err error) {
	err = tx.EachDocument(at.Scope, at.kind(k), func(stored meta.Document) error {
		if !q.named(stored.Name) {
			return nil
		}
		d, err := k.shown(stored)
		if err != nil {
			return err
		}
		if !q.Match(d) {
			return nil
		}
		if q.page(l.Total) {
			l.Names = append(l.Names, stored.Name)
			if q.Bodies {
				l.Documents = append(l.Documents, d)
			}
		}
		l.Total++
		return nil
	})
	return l, err
}
