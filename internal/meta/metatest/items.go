package metatest

import (
	"encoding/json"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

func testItems(t *testing.T, s meta.Store) {
	generation := s.Generation()
	a := meta.Item{Kind: "run", Name: "a/1", Group: "g", Body: json.RawMessage("{ \"x\": 1 }")}
	b := meta.Item{Kind: "run", Name: "a/2", Body: json.RawMessage(`{}`)}
	c := meta.Item{Kind: "run", Name: "b'--%_", Group: "g"}
	other := meta.Item{Kind: "other", Name: "a/1", Group: "g"}
	update(t, s, func(tx meta.Tx) error {
		for _, i := range []meta.Item{c, {Kind: "run", Name: "a/2", Group: "g"}, a, other, b} {
			if err := tx.SetItem(i); err != nil {
				return err
			}
		}
		return nil
	})
	f := func(what string, r meta.ItemRange, want ...meta.Item) {
		t.Helper()
		got := read(t, s, func(tx meta.Tx) ([]meta.Item, error) { return tx.Items("run", r) })
		wantSame(t, what, got, want)
	}
	f("all", meta.ItemRange{}, a, b, c)
	f("of a group", meta.ItemRange{Group: "g"}, a, c)
	f("of a group, from the end", meta.ItemRange{Group: "g", Reverse: true}, c, a)
	f("with a prefix", meta.ItemRange{Prefix: "a/"}, a, b)
	f("with a prefix that is a pattern elsewhere", meta.ItemRange{Prefix: "%"})
	f("behind one", meta.ItemRange{After: "a/1", Limit: 1}, b)
	f("before one", meta.ItemRange{After: "a/2", Reverse: true}, a)
	f("the last", meta.ItemRange{Limit: 1, Reverse: true}, c)
	for _, c := range []struct {
		kind, group string
		want        int
	}{{"run", "", 3}, {"run", "g", 2}, {"other", "g", 1}, {"run", "none", 0}, {"none", "", 0}} {
		got := read(t, s, func(tx meta.Tx) (int, error) { return tx.CountItems(c.kind, c.group) })
		wantSame(t, "count of "+c.kind+" "+c.group, got, c.want)
	}
	wantSame(t, "one", read(t, s, func(tx meta.Tx) (meta.Item, error) { return tx.Item("run", "a/1") }), a)

	for range 2 { // deleting what is not there is no error
		update(t, s, func(tx meta.Tx) error { return tx.DeleteItem("run", "a/1") })
	}
	err := s.View(ctx, func(tx meta.Tx) error {
		_, err := tx.Item("run", "a/1")
		return err
	})
	wantError(t, "a deleted item", err, sluice.NotFound, "item")
	wantSame(t, "of another kind", read(t, s, func(tx meta.Tx) (meta.Item, error) { return tx.Item("other", "a/1") }), other)
	if s.Generation() != generation {
		t.Error("items make caches stale")
	}
}
