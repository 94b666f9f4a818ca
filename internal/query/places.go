package query

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// Places says where to read on in the shards of a logstore. As a text it is shard:position, with commas between.
type Places map[sluice.ShardID]sluice.Position

// maxPlaces is how many shards a text may name.
const maxPlaces = 4096

// ParsePlaces reads what String wrote. Errors: Invalid [parameter].
func ParsePlaces(text string) (Places, error) {
	bad := func(part string) error {
		return sluice.Errorf(sluice.Invalid, "parameter", "Last-Event-ID has %.64q where shard:position should be, each shard once", part)
	}
	p := Places{}
	for part := range strings.SplitSeq(text, ",") {
		id, at, _ := strings.Cut(part, ":")
		number, err1 := strconv.ParseInt(id, 10, 32)
		position, err2 := strconv.ParseInt(at, 10, 64)
		_, twice := p[sluice.ShardID(number)]
		if err1 != nil || err2 != nil || number < 0 || position < 0 || twice || len(p) == maxPlaces {
			return nil, bad(part)
		}
		p[sluice.ShardID(number)] = sluice.Position(position)
	}
	return p, nil
}

func (p Places) String() string {
	parts := make([]string, 0, len(p))
	for _, id := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, strconv.FormatInt(int64(id), 10)+":"+strconv.FormatInt(int64(p[id]), 10))
	}
	return strings.Join(parts, ",")
}

func (p Places) clone() Places {
	clone := make(Places, len(p))
	maps.Copy(clone, p)
	return clone
}

// Ends returns the places behind all logs of a logstore.
func (e *Engine) Ends(ctx context.Context, ref sluice.LogstoreRef) (Places, error) {
	return e.placesAt(ctx, ref, logEnd)
}

// PlacesAt returns the places of the first logs that came in at or after t.
func (e *Engine) PlacesAt(ctx context.Context, ref sluice.LogstoreRef, t time.Time) (Places, error) {
	return e.placesAt(ctx, ref, receivedFrom(t))
}

func (e *Engine) placesAt(ctx context.Context, ref sluice.LogstoreRef, at bound) (Places, error) {
	l, err := e.cat.Logstore(ctx, ref)
	if err != nil {
		return nil, err
	}
	p := make(Places, len(l.Shards))
	for i := range l.Shards {
		if p[l.Shards[i].ID], err = at(l.Shards[i].Stored); err != nil {
			return nil, err
		}
	}
	return p, nil
}
