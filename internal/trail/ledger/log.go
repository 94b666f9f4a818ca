// Package ledger keeps audit events in a logstore of the server's own: it writes them in one chain, and reads them.
//
//	Append (waits), Offer, Note ──> queue ── one appender: what came within a few ms is one group, one sync ──> sluice-trail/events
//	                                  │ full: counted, and the count is an event              │
//	                                                                                          └── every minute or thousand events: a signed
//	                                                                                              anchor, in the chain and in metadata
//
// Invariants:
//   - An event is written once, or it is counted as lost, and the count is an event.
//   - Append returns nil only when the event is on disk, in its place in the chain.
//   - Nothing is removed from the front before an event says what goes, and a signed anchor that it does; then that goes, and no more.
//   - A key signs nothing behind the handover to the next, which is in the log before metadata knows of it.
package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/shard"

	"github.com/sluicelog/sluice/internal/trail"
)

// keptByTrail is the retention of the logstore in days: for ever. The package removes what is too old by itself, since the chain has to say so first.
const keptByTrail = 3650

// Log is the logstore of the audit events, as parts of the server read it. It is safe for concurrent use.
type Log struct {
	stored *shard.Log
}

// OpenLog opens the logstore of the audit events, and makes it where it is not there. It refuses a project of this name that somebody else has made.
func OpenLog(ctx context.Context, cat *catalog.Catalog) (*Log, error) {
	if err := makeLogstore(ctx, cat); err != nil {
		return nil, err
	}
	return FindLog(ctx, cat)
}

// FindLog opens the logstore of the audit events that is there. Errors: NotFound.
func FindLog(ctx context.Context, cat *catalog.Catalog) (*Log, error) {
	l, err := cat.Logstore(ctx, trail.Events)
	if err != nil {
		return nil, err
	}
	if len(l.Shards) != 1 || l.Shards[0].ReadOnly {
		return nil, fmt.Errorf("logstore %v has %d shards, and the chain of audit events needs one: it was split by an earlier release; "+
			"delete project %s with that release, and start again", trail.Events, len(l.Shards), trail.Project)
	}
	return &Log{l.Shards[0].Stored}, nil
}

func makeLogstore(ctx context.Context, cat *catalog.Catalog) error {
	p, err := cat.Project(ctx, trail.Project)
	if sluice.KindOf(err) == sluice.NotFound {
		p = meta.Project{Name: trail.Project, Description: "audit events"}
		err = cat.CreateProject(ctx, p)
	}
	if err != nil {
		return err
	}
	if p.Account != "" {
		return fmt.Errorf("project %s belongs to account %s, and audit events need the name: have it deleted with the release that was in use, and start again", trail.Project, p.Account)
	}
	if err := exists(cat.CreateLogstore(ctx, meta.Logstore{Project: trail.Project, Name: trail.Events.Logstore, TTLDays: keptByTrail}, 1)); err != nil {
		return err
	}
	err = cat.CreateIndex(ctx, trail.Events, indexConfig)
	if sluice.KindOf(err) == sluice.AlreadyExists {
		err = nil
		if x, readErr := cat.Index(ctx, trail.Events); readErr != nil || !sameJSON(x.Config, indexConfig) {
			err = errors.Join(readErr, cat.UpdateIndex(ctx, trail.Events, indexConfig))
		}
	}
	return err
}

// exists is err, unless that says that something is there already.
func exists(err error) error {
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return nil
	}
	return err
}

// sameJSON reports whether all that want says is in got, which may say more.
func sameJSON(got, want json.RawMessage) bool {
	var g, w struct {
		Keys map[string]map[string]any `json:"keys"`
	}
	if json.Unmarshal(got, &g) != nil || json.Unmarshal(want, &w) != nil || len(g.Keys) != len(w.Keys) {
		return false
	}
	for name, key := range w.Keys {
		for member, value := range key {
			if fmt.Sprint(g.Keys[name][member]) != fmt.Sprint(value) {
				return false
			}
		}
	}
	return true
}

// indexConfig gives every field but the event itself an index: values as a whole and in the case they have, since searches for events name them.
var indexConfig = func() json.RawMessage {
	keys := map[string]any{}
	for _, name := range []string{trail.FieldSeq, trail.FieldTime} {
		keys[name] = map[string]any{"type": "long", "doc_value": true}
	}
	whole := []string{
		trail.FieldChain, trail.FieldID, trail.FieldName, trail.FieldService, trail.FieldRW, trail.FieldCategory, trail.FieldAccount, trail.FieldUser, trail.FieldAccessKey, trail.FieldSource, trail.FieldError, trail.FieldRequest,
	}
	for _, name := range whole {
		keys[name] = textKey()
	}
	keys[trail.FieldResourceType], keys[trail.FieldResourceName] = textKey(";"), textKey(";")
	raw, _ := json.Marshal(map[string]any{"keys": keys}) // of constants
	return raw
}()

// textKey is a field whose values are cut at delimiters.
func textKey(delimiters ...string) map[string]any {
	return map[string]any{"type": "text", "doc_value": true, "caseSensitive": true, "chn": false, "token": append([]string{}, delimiters...)}
}

// Bounds are the first position that is held, and the one behind the last.
func (l *Log) Bounds() (begin, end sluice.Position) { return l.stored.Bounds() }

// Seek returns the first position that was received at or after t, the end if there is none. Events are received after they happened.
func (l *Log) Seek(t time.Time) (sluice.Position, error) { return l.stored.Seek(t) }

// Wait blocks until there are events at from or behind it, or ctx ends.
func (l *Log) Wait(ctx context.Context, from sluice.Position) error { return l.stored.Wait(ctx, from) }

// Read returns events in the order of the chain from a position on, and the position to go on at, which is from at the end. A position holds all the
// events that were written at once, so there may be more than limit of them: as many as are in the last position that was begun. What is damaged is
// passed over; verification tells of it.
func (l *Log) Read(ctx context.Context, from sluice.Position, limit int) (events []trail.Event, next sluice.Position, err error) {
	for next = from; len(events) < limit && ctx.Err() == nil; {
		groups, to, err := l.groups(next, 64)
		var damaged *shard.CorruptError
		switch {
		case errors.As(err, &damaged):
			next = damaged.Next
			continue
		case err != nil:
			return nil, from, err
		case len(groups) == 0:
			return events, to, nil
		}
		for _, g := range groups {
			if len(events) >= limit {
				return events, next, nil
			}
			for i := range g.Records {
				if e, _, _, err := trail.FromRecord(&g.Records[i]); err == nil {
					events = append(events, e)
				}
			}
			next = g.Position + 1
		}
	}
	return events, next, ctx.Err()
}

// group is a log group with its position.
type group struct {
	*sluice.LogGroup
	Position sluice.Position
}

// groups returns at most n log groups from a position on, and the position to go on at.
func (l *Log) groups(from sluice.Position, n int) (list []group, next sluice.Position, err error) {
	const bytes = 4 << 20
	batch, err := l.stored.Read(from, 0, n, bytes)
	if err != nil {
		return nil, from, err
	}
	defer batch.Release()
	var raw []byte
	for i := range batch.Groups {
		b := &batch.Groups[i]
		raw = slices.Grow(raw[:0], b.Raw)[:b.Raw]
		if err := lz4block.Decompress(raw, b.Data); err != nil {
			return nil, from, fmt.Errorf("position %d: %w", b.Position, err)
		}
		g, err := logpb.Decode(raw)
		if err != nil {
			return nil, from, fmt.Errorf("position %d: %w", b.Position, err)
		}
		list = append(list, group{g, b.Position})
	}
	return list, batch.Next, nil
}

// last returns the last event of the group at a position, and the chain there; nil if that is damaged or holds none.
func (l *Log) last(at sluice.Position) (*trail.Event, trail.Hash, error) {
	groups, _, err := l.groups(at, 1)
	var damaged *shard.CorruptError
	if errors.As(err, &damaged) || err == nil && (len(groups) == 0 || len(groups[0].Records) == 0) {
		return nil, trail.Hash{}, nil
	}
	if err != nil {
		return nil, trail.Hash{}, err
	}
	e, _, chain, err := trail.FromRecord(&groups[0].Records[len(groups[0].Records)-1])
	if err != nil {
		return nil, chain, fmt.Errorf("position %d holds no audit event: %w", at, err)
	}
	return &e, chain, nil
}

// head returns the place behind the last event that can be read: damage at the end is for verification to tell.
func (l *Log) head() (trail.Head, error) {
	begin, end := l.Bounds()
	for at := end - 1; at >= begin; at-- {
		e, chain, err := l.last(at)
		if err != nil {
			return trail.Head{}, err
		}
		if e != nil {
			return trail.Head{Seq: e.Seq, Chain: chain}, nil
		}
	}
	return trail.Head{}, nil
}

// handover looks for the newest handover among the events behind one; nil if there is none.
func (l *Log) handover(behind uint64) (*trail.Anchor, error) {
	begin, end := l.Bounds()
	for at := end - 1; at >= begin; at-- {
		groups, _, err := l.groups(at, 1)
		var damaged *shard.CorruptError
		if errors.As(err, &damaged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			for i := range g.Records {
				e, _, _, err := trail.FromRecord(&g.Records[i])
				switch {
				case err != nil:
				case e.Seq <= behind:
					return nil, nil // groups do not mix what is before an anchor with what is behind it
				case e.Type == trail.ServiceEvent && e.Name == trail.KeyRotated:
					if a, err := trail.AnchorOf(&e); err == nil {
						return &a, nil
					}
				}
			}
		}
	}
	return nil, nil
}
