package assistant

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// memo is a transaction that remembers the items it read and wrote: the changes that share it read the same invocation, and write the same targets and
// instances again and again. An item is read once, written once at the end, and an invocation is decoded once. It is for one goroutine.
type memo struct {
	meta.Tx
	rows        map[itemKey]*memoRow
	written     []itemKey // in the order of their first writing
	invocations map[string]*Invocation
	last        map[string]func() error // by what it is about: done once, before all is written
}

type itemKey struct{ kind, name string }

// memoRow is what an item is by now.
type memoRow struct {
	item  meta.Item
	there bool
	dirty bool // the store does not have it yet
}

func newMemo(tx meta.Tx) *memo {
	return &memo{Tx: tx, rows: map[itemKey]*memoRow{}, invocations: map[string]*Invocation{}, last: map[string]func() error{}}
}

// Item implements [meta.Tx].
func (m *memo) Item(kind, name string) (meta.Item, error) {
	key := itemKey{kind, name}
	row := m.rows[key]
	if row == nil {
		item, err := m.Tx.Item(kind, name)
		if err != nil && sluice.KindOf(err) != sluice.NotFound {
			return item, err
		}
		row = &memoRow{item: item, there: err == nil}
		m.rows[key] = row
	}
	if !row.there {
		return meta.Item{}, meta.Missing("item", name)
	}
	return row.item, nil
}

// SetItem implements [meta.Tx].
func (m *memo) SetItem(i meta.Item) error {
	m.write(itemKey{i.Kind, i.Name}, memoRow{item: i, there: true})
	return nil
}

// DeleteItem implements [meta.Tx].
func (m *memo) DeleteItem(kind, name string) error {
	m.write(itemKey{kind, name}, memoRow{})
	return nil
}

func (m *memo) write(key itemKey, row memoRow) {
	if before := m.rows[key]; before == nil || !before.dirty {
		m.written = append(m.written, key)
	}
	row.dirty = true
	m.rows[key] = &row
	if key.kind == kindInvocation {
		delete(m.invocations, key.name)
	}
}

// Items implements [meta.Tx]: the store lists, so it has to have what was written of the kind.
func (m *memo) Items(kind string, r meta.ItemRange) ([]meta.Item, error) {
	if err := m.flush(kind); err != nil {
		return nil, err
	}
	return m.Tx.Items(kind, r)
}

// CountItems implements [meta.Tx], as Items does.
func (m *memo) CountItems(kind, group string) (int, error) {
	if err := m.flush(kind); err != nil {
		return 0, err
	}
	return m.Tx.CountItems(kind, group)
}

// flush writes what the store does not have, of a kind or of all if it is "".
func (m *memo) flush(kind string) error {
	rest := m.written[:0]
	for _, key := range m.written {
		if kind != "" && key.kind != kind {
			rest = append(rest, key)
			continue
		}
		row := m.rows[key]
		var err error
		if row.there {
			err = m.Tx.SetItem(row.item)
		} else {
			err = m.Tx.DeleteItem(key.kind, key.name)
		}
		if err != nil {
			return err
		}
		row.dirty = false
	}
	m.written = rest
	return nil
}

// end does what was left for the end, and writes everything.
func (m *memo) end() error {
	for _, fn := range m.last {
		if err := fn(); err != nil {
			return err
		}
	}
	return m.flush("")
}

// atEnd has fn run once for what, when all changes of the transaction are made; outside of such a transaction it runs now.
func atEnd(tx meta.Tx, what string, fn func() error) error {
	m, ok := tx.(*memo)
	if !ok {
		return fn()
	}
	m.last[what] = fn
	return nil
}

// getInvocation reads an invocation; nil if it is not there. What its slices and maps hold is not to be changed.
func getInvocation(tx meta.Tx, id string) (*Invocation, error) {
	m, ok := tx.(*memo)
	if !ok {
		return get[Invocation](tx, kindInvocation, id)
	}
	known := m.invocations[id]
	if known == nil {
		inv, err := get[Invocation](tx, kindInvocation, id)
		if err != nil || inv == nil {
			return nil, err
		}
		m.invocations[id], known = inv, inv
	}
	own := *known
	return &own, nil
}
