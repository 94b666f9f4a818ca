package assistant

import (
	"context"

	"github.com/sluicelog/sluice/internal/meta"
)

// Page is the part of a list that is asked for: after a place, or by number.
type Page struct {
	Size   int    // at most so many
	Number int    // from 1, if not After
	After  string // id of the last one before; "" for the start
	Token  bool   // the answer is to say where the next page begins
}

// Listed is a page of a list.
type Listed[T any] struct {
	Rows  []T
	Total int    // that the filter chooses; not counted for pages by place
	Next  string // Page.After of the next page; "" if this is the last
}

// listed is what has an owner, and an id that sorts by time.
type listed interface {
	owned
	id() string
}

func (c *Command) id() string    { return c.ID }
func (i *Invocation) id() string { return i.ID }
func (i *Instance) id() string   { return i.ID }
func (a *Activation) id() string { return a.ID }

// chunk is how many items are read at once.
const chunk = 500

// pageOf goes through the items of a kind that an account has, the newest first, and returns the page p of those that choose keeps, as it made them.
func pageOf[T, R any, P interface {
	*T
	listed
}](ctx context.Context, fl *Fleet, kind string, p Page, choose func(meta.Tx, P) (R, bool, error)) (Listed[R], error) {
	var out Listed[R]
	err := fl.s.store.View(ctx, func(tx meta.Tx) error {
		out = Listed[R]{Rows: []R{}}
		skip := 0
		if !p.Token {
			skip = (max(p.Number, 1) - 1) * p.Size
		}
		group := fl.account // root's are all, and instances lie with their activations
		if kind == kindInstance {
			group = ""
		}
		last := "" // of the page
		for after := p.After; ; {
			rows, err := list[T](tx, kind, meta.ItemRange{After: after, Reverse: true, Limit: chunk, Group: group})
			if err != nil {
				return err
			}
			for _, row := range rows {
				id := P(row).id()
				after = id
				if P(row).owner() != fl.account {
					continue
				}
				r, ok, err := choose(tx, row)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				out.Total++
				switch {
				case out.Total <= skip:
				case len(out.Rows) < p.Size:
					out.Rows, last = append(out.Rows, r), id
				case p.Token:
					out.Next = last
					return nil
				}
			}
			if len(rows) < chunk {
				return nil
			}
		}
	})
	return out, err
}
