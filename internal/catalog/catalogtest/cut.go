package catalogtest

import (
	"context"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// CutMeta is metadata whose commits fail when step does: before anything was done, or after all of it, when nobody is told any more. So a
// simulation has power cuts, and failures that leave everybody in doubt.
func CutMeta(store meta.Store, step func() error) meta.Store { return &cutMeta{store, step} }

type cutMeta struct {
	meta.Store
	step func() error
}

// Update implements [meta.Store].
func (m *cutMeta) Update(ctx context.Context, fn func(meta.Tx) error) error {
	if err := m.step(); err != nil {
		return err
	}
	if err := m.Store.Update(ctx, fn); err != nil {
		return err
	}
	return m.step()
}

// CutDoor is a write door that fails in the same way.
func CutDoor(door sluice.Appender, step func() error) sluice.Appender { return &cutDoor{door, step} }

type cutDoor struct {
	sluice.Appender
	step func() error
}

// Append implements [sluice.Appender].
func (d *cutDoor) Append(ctx context.Context, ref sluice.LogstoreRef, g *sluice.LogGroup) (sluice.ShardID, sluice.Position, error) {
	if err := d.step(); err != nil {
		return 0, 0, err
	}
	id, at, err := d.Appender.Append(ctx, ref, g)
	if err != nil {
		return id, at, err
	}
	return id, at, d.step()
}
