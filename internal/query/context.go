package query

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/shard"
)

// packTag is the tag by which producers number their log groups: "<stream>-<number>", the number hexadecimal and growing by one
// for each log group of the stream (reference sls-query 4.6).
const packTag = "__pack_id__"

// packMetaField is what with_pack_meta adds to logs.
const packMetaField = "__pack_meta__"

// contextWindow is how far from the anchor, in receive time, its neighbours are looked for.
const contextWindow = 24 * time.Hour

// Anchor names a log, as with_pack_meta gives it out.
type Anchor struct {
	PackID   string
	Shard    sluice.ShardID
	Position sluice.Position
	Index    int
}

// ParseAnchor reads a pack id and a pack meta, "shard|cursor|logs in the group|index in it".
func ParseAnchor(packID, packMeta string) (Anchor, error) {
	bad := sluice.Errorf(sluice.Invalid, "context", "Invalid pack meta/id.")
	parts := strings.Split(packMeta, "|")
	if _, _, ok := splitPack(packID); !ok || len(parts) != 4 {
		return Anchor{}, bad
	}
	id, err1 := strconv.ParseInt(parts[0], 10, 32)
	at, err2 := sluice.ParseCursor(parts[1])
	i, err3 := strconv.Atoi(parts[3])
	if err1 != nil || err2 != nil || err3 != nil || id < 0 || i < 0 {
		return Anchor{}, bad
	}
	return Anchor{PackID: packID, Shard: sluice.ShardID(id), Position: at, Index: i}, nil
}

// splitPack splits a pack id into its stream and the number of the log group in it.
func splitPack(id string) (stream string, number uint64, ok bool) {
	dash := strings.LastIndexByte(id, '-')
	if dash < 1 {
		return "", 0, false
	}
	number, err := strconv.ParseUint(id[dash+1:], 16, 64)
	return id[:dash], number, err == nil
}

// PackMeta is the place of l in the form that ParseAnchor reads.
func (l *Log) PackMeta() string {
	return strconv.Itoa(int(l.Shard)) + "|" + l.Cursor.Cursor() + "|" + strconv.Itoa(l.Of) + "|" + strconv.Itoa(l.Index)
}

// addPackMeta adds to logs where they are, which takes the shard log's word for how many logs a log group has.
func (q *question) addPackMeta(logs []Log) error {
	var buf []byte
	for i := range logs {
		l := &logs[i]
		if l.Of == 0 {
			g, err := q.read(&buf, key{shard: l.Shard, position: l.Cursor})
			if err != nil {
				return err
			}
			if g != nil {
				l.Of = len(g.Records)
			}
		}
		l.Fields = append(l.Fields, sluice.Field{Key: packMetaField, Value: l.PackMeta()})
	}
	return nil
}

// Context is a log with those of its stream around it.
type Context struct {
	Logs     []Log
	Back     int // how many of them come before the anchor, which is Logs[Back]
	Complete bool
}

// packed is a log group of the anchor's stream.
type packed struct {
	number   uint64
	shard    sluice.ShardID
	position sluice.Position
	logs     int
}

// Around returns up to back logs before the anchor and forward logs after it, of the same stream in the stream's order, whatever
// shards they are in. Errors: Invalid [context] if the anchor is not there.
func (e *Engine) Around(ctx context.Context, ref sluice.LogstoreRef, a Anchor, back, forward int) (*Context, error) {
	l, err := e.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	gone := sluice.Errorf(sluice.Invalid, "context", "Invalid pack meta/id.")
	s, ok := l.Shard(a.Shard)
	if !ok {
		return nil, gone
	}
	received, err := s.Stored.ReceivedAt(a.Position)
	if err != nil {
		return nil, gone
	}
	stream, _, _ := splitPack(a.PackID)
	var mu sync.Mutex
	var groups []packed
	var readers []*reader
	for i := range l.Shards {
		id := l.Shards[i].ID
		readers = append(readers, &reader{
			shard: &l.Shards[i], from: receivedFrom(received.Add(-contextWindow)), to: receivedFrom(received.Add(contextWindow)),
			fn: func(g *shard.Group, lg *sluice.LogGroup) {
				if of, number, ok := splitPack(packOf(lg)); ok && of == stream {
					mu.Lock()
					defer mu.Unlock()
					groups = append(groups, packed{number, id, g.Position, len(lg.Records)})
				}
			},
		})
	}
	complete, err := e.read(e.budget(ctx), readers)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(groups, func(a, b packed) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.shard, b.shard), cmp.Compare(a.position, b.position))
	})
	q := &question{logstore: l}
	if q.amended, err = e.o.Amended.View(ctx, l); err != nil {
		return nil, err
	}
	keys, at := neighbours(groups, a, back, forward, func(k key) bool {
		return q.amended.Hides(placeOf(k)) && q.amended.Now(placeOf(k)) == nil
	})
	if at < 0 {
		return nil, gone
	}
	logs, err := q.fetch(ctx, keys)
	if err != nil {
		return nil, err
	}
	q.addRowIDs(logs)
	return &Context{Logs: logs, Back: at, Complete: complete && len(logs) == len(keys)}, nil
}

func packOf(g *sluice.LogGroup) string {
	for _, tag := range g.Tags {
		if tag.Key == packTag {
			return tag.Value
		}
	}
	return ""
}

// neighbours returns the keys around the anchor without those of deleted logs, and which of them is its own; -1 if the groups do not have it.
func neighbours(groups []packed, a Anchor, back, forward int, deleted func(key) bool) (keys []key, at int) {
	i := slices.IndexFunc(groups, func(g packed) bool { return g.shard == a.Shard && g.position == a.Position })
	if i < 0 || a.Index >= groups[i].logs {
		return nil, -1
	}
	keyOf := func(i, log int) key {
		return key{shard: groups[i].shard, position: groups[i].position, index: int32(log)}
	}
	if deleted(keyOf(i, a.Index)) {
		return nil, -1
	}
	step := func(i, log, by int) (int, int, bool) { // to the next log of the stream, or the one before
		for {
			log += by
			for log < 0 || log >= groups[i].logs {
				if i += by; i < 0 || i >= len(groups) {
					return 0, 0, false
				}
				log = 0
				if by < 0 {
					log = groups[i].logs - 1
				}
			}
			if !deleted(keyOf(i, log)) {
				return i, log, true
			}
		}
	}
	for g, log, ok := step(i, a.Index, -1); ok && len(keys) < back; g, log, ok = step(g, log, -1) {
		keys = append(keys, keyOf(g, log))
	}
	slices.Reverse(keys)
	at = len(keys)
	keys = append(keys, keyOf(i, a.Index))
	for g, log, ok := step(i, a.Index, 1); ok && len(keys) <= at+forward; g, log, ok = step(g, log, 1) {
		keys = append(keys, keyOf(g, log))
	}
	return keys[:min(len(keys), at+1+forward)], at
}
