package history

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/trail"
)

// place is a place in the walk through a window: behind the event of this time and number, or at the begin if seq is 0.
type place struct {
	start, end time.Time // the window: seconds, both inclusive
	time       int64     // milliseconds of the epoch
	seq        uint64
}

// behind is the place behind an event.
func (p place) behind(e *trail.Event) place {
	p.time, p.seq = e.Time.UnixMilli(), e.Seq
	return p
}

// before reports whether q is behind p in the order of the walk.
func (p place) before(q place, oldestFirst bool) bool {
	if p.time != q.time {
		return p.time < q.time == oldestFirst
	}
	return p.seq != q.seq && p.seq < q.seq == oldestFirst
}

// window is all of it, and moment the time of the event.
func (p place) window() query.Range {
	return query.Range{From: p.start.UnixNano(), To: p.end.Add(time.Second).UnixNano()}
}

func (p place) moment() query.Range {
	from := time.UnixMilli(p.time).UnixNano()
	return query.Range{From: from, To: from + int64(time.Millisecond)}
}

// beyond is a condition on events of the same moment: those behind the place.
func (p place) beyond(oldestFirst bool) string {
	if oldestFirst {
		return fmt.Sprintf("%s > %d", trail.FieldSeq, p.seq)
	}
	return fmt.Sprintf("%s < %d", trail.FieldSeq, p.seq)
}

/*
A token, base64 of:

	0         1       9     17     25    33           49
	+---------+-------+-----+------+-----+------------+
	| version | start | end | time | seq | check      |   big endian; times but time are seconds
	+---------+-------+-----+------+-----+------------+

check is half of the SHA-256 of what is before it, the account and the query. It is not secret: whoever makes a token up gets to another place in his own
history.
*/
const (
	tokenVersion = 1
	tokenBody    = 33
	tokenBytes   = tokenBody + 16
)

// encode makes a token of a place.
func (p place) encode(account string, q *Query) string {
	b := make([]byte, 0, tokenBytes)
	b = append(b, tokenVersion)
	for _, n := range []uint64{uint64(p.start.Unix()), uint64(p.end.Unix()), uint64(p.time), p.seq} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, check(b, account, q)...))
}

func decode(token, account string, q *Query) (place, error) {
	const most = 2 * tokenBytes
	if len(token) > most {
		return place{}, badToken()
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenBytes || b[0] != tokenVersion || string(check(b[:tokenBody], account, q)) != string(b[tokenBody:]) {
		return place{}, badToken()
	}
	n := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+8*i:])) }
	return place{start: time.Unix(n(0), 0).UTC(), end: time.Unix(n(1), 0).UTC(), time: n(2), seq: uint64(n(3))}, nil
}

func badToken() error {
	return sluice.Errorf(sluice.Invalid, "lookuptoken", "the token is none of this query: repeat all that was asked for with the first page, or begin again without a token")
}

// check is what ties a token to who asked and to what was asked.
func check(body []byte, account string, q *Query) []byte {
	asked, _ := json.Marshal(struct { // of texts and numbers
		Account     string
		Start, End  int64
		Span        time.Duration
		Attributes  []Attribute
		Data        bool
		OldestFirst bool
	}{account, unix(q.Start), unix(q.End), q.Span, q.Attributes, q.Data, q.OldestFirst})
	sum := sha256.Sum256(append(body[:len(body):len(body)], asked...))
	return sum[:tokenBytes-tokenBody]
}

// unix is a time in seconds, 0 for none.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
