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
		chosen := plan(partsOf(x.mergeable(ref, l), config.ID), windowOf(view.TTLDays))
		if chosen == nil || ctx.Err() != nil {
			return false, nil
		}
		if err := x.merge(ctx, ref, l, config, chosen); err != nil {
			return false, err
		}
	}
	return true, nil
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
		return x.blame(old, err)
	}
	return x.apply(ctx, ref, l, &change{add: []*built{{row, made}}, remove: old})
}

// mergeable leaves out segments that are damaged or are to be made anew.
func (x *Indexer) mergeable(ref sluice.LogstoreRef, l *logstore) []*Segment {
	x.jobs.Lock()
	last := x.rebuilds[ref]
	x.jobs.Unlock()
	return slices.DeleteFunc(slices.Clone(l.segments), func(s *Segment) bool { return s.isDamaged() || s.name <= last })
}

// blame marks the segment that damage was found in, so that the others can be merged; other errors it returns.
func (x *Indexer) blame(of []*Segment, err error) error {
	var damage *segment.DamageError
	if !errors.As(err, &damage) {
		return err
	}
	for _, s := range of {
		if info := s.Info(); damage.Object == info.ParquetObject() || damage.Object == info.IndexObject() {
			x.o.Logger.Error("damaged segment, not merged", "error", err)
			s.MarkDamaged()
			return nil
		}
	}
	return err
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
	return x.apply(ctx, ref, l, &change{remove: old})
}
