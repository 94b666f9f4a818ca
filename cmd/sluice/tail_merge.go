package main

import (
	"context"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// arrived is a log group with when the server received it, to the second, as far as that was asked for.
type arrived struct {
	group    *sluice.LogGroup
	received time.Time
}

// stretch is what was read of one shard, in order.
type stretch []arrived

func stretchOf(p *client.Pulled) stretch {
	list := make(stretch, len(p.Groups))
	for i, g := range p.Groups {
		list[i].group = g
	}
	return list
}

// earlier orders the heads of two stretches: by when they were received and, within that second, by the time of their first log.
func (a arrived) earlier(b arrived) bool {
	if !a.received.Equal(b.received) {
		return a.received.Before(b.received)
	}
	return firstTime(a.group) < firstTime(b.group)
}

func firstTime(g *sluice.LogGroup) uint64 {
	if len(g.Records) == 0 {
		return 0
	}
	return uint64(g.Records[0].Time)*1e9 + uint64(g.Records[0].Nanos)
}

// merge makes one stretch of many, keeping the order inside each.
func merge(stretches []stretch) stretch {
	var merged stretch
	for {
		first := -1
		for i, r := range stretches {
			if len(r) > 0 && (first < 0 || r[0].earlier(stretches[first][0])) {
				first = i
			}
		}
		if first < 0 {
			return merged
		}
		merged = append(merged, stretches[first][0])
		stretches[first] = stretches[first][1:]
	}
}

// printMerged prints stretches as one, without the first skip logs.
func (t *tailer) printMerged(stretches []stretch, skip int) error {
	for _, a := range merge(stretches) {
		records := a.group.Records
		hidden := min(skip, len(records))
		skip -= hidden
		if err := t.print.group(a.group, records[hidden:]); err != nil {
			return err
		}
	}
	return nil
}

// backlog prints the last n logs before the cursors of the shards.
func (t *tailer) backlog(ctx context.Context, n int) error {
	if n == 0 {
		return nil
	}
	total := 0
	var stretches []stretch
	for _, s := range t.shards {
		r, logs, err := t.lastOf(ctx, s, n)
		if err != nil {
			return err
		}
		total += logs
		stretches = append(stretches, r)
	}
	return t.printMerged(stretches, max(0, total-n))
}

// lastOf reads backwards from the cursor of a shard, in growing steps, until it has n logs.
func (t *tailer) lastOf(ctx context.Context, s *followed, n int) (stretch, int, error) {
	cursor, err := t.c.BeginCursor(ctx, t.ref, s.ID)
	if err != nil {
		return nil, 0, err
	}
	begin, err := sluice.ParseCursor(cursor)
	if err != nil {
		return nil, 0, err
	}
	to, err := sluice.ParseCursor(s.cursor)
	if err != nil {
		return nil, 0, err
	}
	var all stretch
	logs, end := 0, to
	for step := sluice.Position(1); to > begin && logs < n; step *= 2 {
		from := max(begin, to-step)
		part, err := t.between(ctx, s.ID, from, to)
		if err != nil {
			return nil, 0, err
		}
		for _, a := range part {
			logs += len(a.group.Records)
		}
		all, to = append(part, all...), from
	}
	if len(t.shards) > 1 {
		err = t.stamp(ctx, s.ID, all, end-sluice.Position(len(all)))
	}
	return all, logs, err
}

// between reads the groups from one position to another.
func (t *tailer) between(ctx context.Context, id sluice.ShardID, from, to sluice.Position) (stretch, error) {
	var all stretch
	cursor := from.Cursor()
	for {
		pulled, err := t.c.Pull(ctx, t.ref, id, client.PullOptions{Cursor: cursor, EndCursor: to.Cursor()})
		if err != nil {
			return nil, err
		}
		all = append(all, stretchOf(pulled)...)
		if pulled.AtEnd || pulled.Next == to.Cursor() {
			return all, nil
		}
		cursor = pulled.Next
	}
}

// stamp finds out when the groups of a stretch, the first of which is at first, were received. It asks for the ends and, if they
// differ, for the halves: groups that came within a second cost two questions however many they are.
func (t *tailer) stamp(ctx context.Context, id sluice.ShardID, r stretch, first sluice.Position) error {
	if len(r) == 0 {
		return nil
	}
	last := len(r) - 1
	for _, i := range []int{0, last} {
		if !r[i].received.IsZero() {
			continue
		}
		received, err := t.c.CursorTime(ctx, t.ref, id, (first + sluice.Position(i)).Cursor())
		if err != nil {
			return err
		}
		r[i].received = received
	}
	if r[0].received.Equal(r[last].received) {
		for i := range r {
			r[i].received = r[0].received
		}
		return nil
	}
	if last < 2 {
		return nil
	}
	middle := len(r) / 2
	if err := t.stamp(ctx, id, r[:middle+1], first); err != nil {
		return err
	}
	return t.stamp(ctx, id, r[middle:], first+sluice.Position(middle))
}
