// Package amend keeps what became of logs after they were written: that they are deleted, or what they say now.
//
//	delete, update ──> Change ──> one amendment in metadata, durable ──> a new View
//	                                                                       │ hides places, has what logs say now
//	searches, histograms, SQL, SPL, contexts, tails <──────────────────────┘
//
// Shard logs and segments are never changed: a place that a View hides is left out by whoever answers a query, and what an updated log
// says now is matched beside what is read. Consumers, pulls and deliveries know nothing of it, as on the service that we follow
// (reference sls-api 5.10): they have positions, and get what was written.
//
// Invariants:
//   - A log has one place for its life, deleted or updated: [Place], which clients know as its row id.
//   - A View is of one moment and never changes. One that is taken after a change was answered has that change.
//   - A change is in metadata as a whole, or not at all. What cannot be read back is an error to whoever asks: nothing deleted is shown
//     for want of knowing better.
//   - Memory: a few bytes for a deleted log, and the text of an updated one; both are bounded for each logstore.
package amend

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// Bounds of one logstore.
const (
	MaxHidden   = 5_000_000 // logs that are deleted or updated
	MaxNow      = 100_000   // logs that are updated: every query looks at those of its range one by one
	MaxNowBytes = 64 << 20  // of what these say
)

// Place is where a log is: the log group at a position of a shard, and the log's index in it.
type Place struct {
	Shard    sluice.ShardID
	Position sluice.Position
	Index    int32
}

func (p Place) compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Shard, o.Shard), cmp.Compare(p.Position, o.Position), cmp.Compare(p.Index, o.Index))
}

// RowID is the place as clients carry it, in the field __rowid__. To them it is opaque.
func (p Place) RowID() string {
	return strconv.FormatInt(int64(p.Shard), 10) + "|" + strconv.FormatInt(int64(p.Position), 10) + "|" + strconv.FormatInt(int64(p.Index), 10)
}

// ParseRowID is the inverse of [Place.RowID]. Errors: Invalid [rowid].
func ParseRowID(text string) (Place, error) {
	parts := strings.Split(text, "|")
	if len(parts) == 3 {
		shard, err1 := strconv.ParseUint(parts[0], 10, 31)
		position, err2 := strconv.ParseUint(parts[1], 10, 63)
		index, err3 := strconv.ParseUint(parts[2], 10, indexBits)
		p := Place{sluice.ShardID(shard), sluice.Position(position), int32(index)}
		if err1 == nil && err2 == nil && err3 == nil && p.RowID() == text {
			return p, nil
		}
	}
	return Place{}, sluice.Errorf(sluice.Invalid, "rowid", "%.64q is not a row id; take one from the field __rowid__ of a query's answer", text)
}

// Row is what an updated log says now.
type Row struct {
	Place
	Log sluice.LogGroup // with one record
}

// Time is the time of the log in nanoseconds since 1970. Updates do not change it.
func (r *Row) Time() int64 { return int64(r.Record().Time)*1e9 + int64(r.Record().Nanos) }

// Record is the record of the log.
func (r *Row) Record() *sluice.Record { return &r.Log.Records[0] }

// Bytes is what r takes in memory, about.
func (r *Row) Bytes() int64 {
	const each = 40 // for the headers of two strings
	n := int64(200 + len(r.Log.Topic) + len(r.Log.Source))
	for _, tag := range r.Log.Tags {
		n += int64(each + len(tag.Key) + len(tag.Value))
	}
	for _, f := range r.Record().Fields {
		n += int64(each + len(f.Key) + len(f.Value))
	}
	return n
}

// Change is a step: logs that are deleted, and logs that say something else from now on. No place is in it twice.
type Change struct {
	Gone []Place
	Now  []Row
}

// Len is how many logs are changed.
func (c *Change) Len() int { return len(c.Gone) + len(c.Now) }
