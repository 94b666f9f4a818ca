package indexer

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/segment"
)

// maxMerges is how many merges of a logstore there are in a turn.
const maxMerges = 2

// mergeSome merges segments of a logstore. more says that it left something to be merged.
func (x *Indexer) mergeSome(ctx context.Context, ref sluice.LogstoreRef) (more bool, err error) {
	view, err := x.cat.Logstore(ctx, ref)
	if err != nil {
		return false, err
	}
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return false, err
	}
	config, err := x.config(ctx, ref)
	if err != nil {
		return false, err
	}
	for range maxMerges {
		chosen := plan(partsOf(l.segments, config.ID), windowOf(view.TTLDays))
		if chosen == nil || ctx.Err() != nil {
			return false, nil
		}
		if err := x.merge(ctx, ref, l, config, chosen); err != nil && !x.leaveDamaged(chosen, err) {
			return false, err
		}
	}
	return true, nil
}

// leaveDamaged leaves the segment alone that a merge found damaged, and reports whether there is one: what is sound in it can still be
// searched, and the others are merged without it.
func (x *Indexer) leaveDamaged(parts []part, err error) bool {
	var bad *segment.DamageError
	if !errors.As(err, &bad) {
		return false
	}
	at := slices.IndexFunc(parts, func(p part) bool { return bad.Object == p.ParquetObject() || bad.Object == p.IndexObject() })
	if at < 0 {
		return false
	}
	parts[at].of.alone = true
	x.o.Logger.Error("damaged segment, it is not merged any more", "error", err)
	return true
}

// merge puts one segment in the place of several.
func (x *Indexer) merge(ctx context.Context, ref sluice.LogstoreRef, l *logstore, config *Config, parts []part) error {
	var old []*Segment
	var in []*segment.Segment
	var runs []meta.Run
	for _, p := range parts {
		old = append(old, p.of)
		in = append(in, p.of.Segment)
		runs = append(runs, p.of.Runs...)
	}
	o := config.options()
	row, made, err := x.write(ctx, ref, config, joined(runs), func(name string) (segment.Info, error) {
		return segment.Merge(ctx, x.objects, name, in, o)
	})
	if err != nil {
		return err
	}
	return x.replace(ctx, ref, l, old, row, made)
}

// joined joins runs that touch.
func joined(runs []meta.Run) []meta.Run {
	slices.SortFunc(runs, func(a, b meta.Run) int { return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.From, b.From)) })
	var out []meta.Run
	for _, r := range runs {
		if n := len(out); n > 0 && out[n-1].Shard == r.Shard && out[n-1].To == r.From {
			out[n-1].To = r.To
		} else {
			out = append(out, r)
		}
	}
	return out
}

// replace puts made, if not nil, in the place of old ones, in metadata and then in memory.
func (x *Indexer) replace(ctx context.Context, ref sluice.LogstoreRef, l *logstore, old []*Segment, row meta.Segment, made *Segment) error {
	err := x.store.Update(ctx, func(tx meta.Tx) error {
		for _, s := range old {
			if err := tx.DeleteSegment(ref, s.name); err != nil {
				return err
			}
		}
		if made == nil {
			return nil
		}
		return tx.CreateSegment(row)
	})
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		if made != nil {
			x.doom(row.Name)
		}
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(l.segments), func(s *Segment) bool { return slices.Contains(old, s) })
	if made != nil {
		kept = append(kept, made)
	}
	l.segments = kept
	for _, s := range old {
		x.doom(s.name)
	}
	return nil
}

// expire removes segments all of whose log groups retention has taken from their shards.
func (x *Indexer) expire(ctx context.Context, ref sluice.LogstoreRef) error {
	view, err := x.cat.Logstore(ctx, ref)
	if err != nil {
		return err
	}
	l, err := x.logstore(ctx, ref)
	if err != nil {
		return err
	}
	var old []*Segment
	for _, s := range l.segments {
		gone := !slices.ContainsFunc(s.Runs, func(r meta.Run) bool {
			sh, ok := view.Shard(r.Shard)
			if !ok {
				return false
			}
			begin, _ := sh.Stored.Bounds()
			return r.To > begin
		})
		if gone {
			old = append(old, s)
		}
	}
	if len(old) == 0 {
		return nil
	}
	return x.replace(ctx, ref, l, old, meta.Segment{}, nil)
}
