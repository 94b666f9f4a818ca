package sls

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/query/spl"
	"github.com/sluicelog/sluice/internal/shard"
)

// PullLogs: GET /logstores/{logstore}/shards/{shard}?type=log
//
// Also: type=logs, as the Go SDK does; HEAD answers the headers alone.
// Behavior: at most count log groups (1 to 1000, absent or 0 means 1000) from cursor up to end_cursor, fewer when they get
// large; at the end an empty body, with the cursor as it came. Accept-Encoding chooses lz4, zstd, deflate or nothing.
// Differs: a cursor older than the data kept reads from the oldest log group, instead of InvalidCursor.
// Also: query, an SPL pipeline of commands that look at one log at a time, filters and reshapes on the server: log groups keep
// what is left of them, those of which nothing is left are not sent. The cursor moves over all that was read; x-log-rawdatasize,
// -count and -lines tell how much that was, x-log-resultlines and x-log-failedlines what became of it.
// Differs: logs that a query fails on, because they break a bound, are sent as they came.
// Differs: processor, a query by its name, is refused with NotSupported.
// Differs: read quotas are off unless configured.

var pullLogsRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}/shards/{shard}", When: "type=log|logs", Action: "PullLogs", Permission: "log:GetCursorOrData", Resource: "logstore/{logstore}", handle: (*API).pullLogs},
	{Method: "HEAD", Path: "/logstores/{logstore}/shards/{shard}", When: "type=log|logs", Action: "PullLogs", Permission: "log:GetCursorOrData", Resource: "logstore/{logstore}", handle: (*API).pullLogs},
}

const maxPullGroups = 1000

// pull is what one PullLogs asks for.
type pull struct {
	from, to sluice.Position // to is 0 without a limit
	count    int
	codec    logpb.Codec
	filter   *spl.Pipeline // nil for none
}

func (a *API) pullLogs(q *request) error {
	p, err := q.pull()
	if err != nil {
		return err
	}
	s, err := a.openShard(q)
	if err != nil {
		return err
	}
	if err := a.Reads.Admit(q.project, s.Log); err != nil {
		return err
	}
	room, err := a.pullRoom(q.ctx(), p)
	if err != nil {
		return err
	}
	defer room.shrink(0)
	batch, err := a.read(s, p)
	if err != nil {
		return readError(err, p.from)
	}
	defer batch.Release()
	if p.filter != nil {
		return a.answerFiltered(q, s, p, batch, &room)
	}
	return a.answerPull(q, s, p, batch, &room)
}

// pullWait is how long a pull waits for the memory that others have. Making an answer takes milliseconds.
const pullWait = time.Second

// pullRoom returns room for a batch and for the answer made of it.
func (a *API) pullRoom(ctx context.Context, p pull) (room, error) {
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	n := 2 * int64(a.o.MaxPullBytes)
	if p.filter != nil {
		n += 2 * filterBytes // a log group before and behind the filter
	}
	n = min(n, a.o.MaxAnswers)
	if a.answers.Acquire(ctx, n) != nil {
		return room{}, outOfMemory()
	}
	return room{a.answers, n}, nil
}

func (q *request) pull() (p pull, err error) {
	if p.filter, err = q.filter(); err != nil {
		return p, err
	}
	if p.from, err = q.cursor("cursor"); err != nil {
		return p, err
	}
	if q.query.Get("end_cursor") != "" {
		if p.to, err = q.cursor("end_cursor"); err != nil {
			return p, err
		}
		p.to = max(p.to, 1) // nothing is before 1, and 0 would mean no limit
	}
	if p.count, err = q.number("count", 0); err != nil {
		return p, err
	}
	if p.count < 0 || p.count > maxPullGroups {
		return p, badParameter("count", q.query.Get("count"), "not 1 to 1000")
	}
	if p.count == 0 {
		p.count = maxPullGroups
	}
	p.codec = accepted(q.r.Header.Get("Accept-Encoding"))
	return p, nil
}

// accepted chooses the compression of a pull. HTTP libraries add "gzip, deflate" on their own, so deflate counts only alone.
func accepted(encodings string) logpb.Codec {
	switch {
	case strings.Contains(encodings, "lz4"):
		return logpb.LZ4
	case strings.Contains(encodings, "zstd"):
		return logpb.Zstd
	case strings.TrimSpace(encodings) == "deflate":
		return logpb.Deflate
	}
	return logpb.None
}

// read reads what p asks for. The next cursor never passes end_cursor: clients stop when the two are equal.
func (a *API) read(s *catalog.Shard, p pull) (*shard.Batch, error) {
	if p.to > 0 && p.from >= p.to {
		_, end := s.Stored.Bounds()
		return &shard.Batch{Next: p.from, End: end}, nil
	}
	batch, err := s.Stored.Read(p.from, p.to, p.count, a.o.MaxPullBytes)
	if err != nil {
		return nil, err
	}
	if p.to > 0 {
		batch.Next = min(batch.Next, p.to)
	}
	return batch, nil
}

// answerPull sends a batch with the headers of reference sls-api 3.2. While a client takes the answer, no more is held of room
// than the answer has.
func (a *API) answerPull(q *request, s *catalog.Shard, p pull, batch *shard.Batch, room *room) error {
	out := newBuffer()
	defer out.release()
	raw := 0
	for i := range batch.Groups {
		raw += len(logpb.AppendGroupHeader(out.b[:0], batch.Groups[i].Raw)) + batch.Groups[i].Raw
	}
	if !q.pullHeader(a, p, batch, len(batch.Groups), raw) {
		return nil
	}
	if err := out.assemble(p.codec, batch.Groups, raw); err != nil {
		return err
	}
	a.Reads.Charge(q.project, s.Log, raw)
	q.call.RawOut, q.call.GroupsOut = int64(raw), len(batch.Groups)
	batch.Release()
	room.shrink(int64(cap(out.b)))
	send(q.w, http.StatusOK, typeProtobuf, out.b)
	return nil
}

// pullHeader sets the headers of an answer of some groups that are raw bytes long, and reports whether a body is to follow.
func (q *request) pullHeader(a *API, p pull, batch *shard.Batch, groups, raw int) bool {
	h := q.w.Header()
	h["X-Log-Count"] = []string{strconv.Itoa(groups)}
	h["X-Log-Bodyrawsize"] = []string{strconv.Itoa(raw)}
	h["X-Log-Cursor"] = []string{batch.Next.Cursor()}
	h["X-Log-End-Of-Cursor"] = []string{endOfCursor(batch)}
	h["X-Log-Cursor-Time"] = []string{strconv.FormatInt(a.readAt(batch), 10)}
	if n := len(batch.Groups); n > 0 {
		h["X-Log-Read-Last-Cursor"] = []string{strconv.FormatInt(int64(batch.Groups[n-1].Position), 10)}
	}
	if groups > 0 && p.codec != logpb.None {
		h["X-Log-Compresstype"] = []string{string(p.codec)}
	}
	if q.r.Method == http.MethodHead {
		h["Content-Type"] = typeProtobuf
		q.w.WriteHeader(http.StatusOK)
		return false
	}
	return true
}

func endOfCursor(batch *shard.Batch) string {
	if batch.Next >= batch.End {
		return "1"
	}
	return "0"
}

// readAt is the server time of what was read: when its last group came in, now at the end.
func (a *API) readAt(batch *shard.Batch) int64 {
	if n := len(batch.Groups); n > 0 {
		return batch.Groups[n-1].Received.Unix()
	}
	return a.o.Now().Unix()
}

// assemble makes b the LogGroupList of groups, raw bytes long before compression. Groups are stored as LZ4 blocks: an lz4
// answer joins them as they are, every other one decodes them.
func (b *buffer) assemble(codec logpb.Codec, groups []shard.Group, raw int) (err error) {
	if len(groups) == 0 {
		b.b = b.b[:0]
		return nil
	}
	if codec == logpb.LZ4 {
		return b.join(groups)
	}
	if codec == logpb.None {
		return b.list(groups, raw)
	}
	plain := newBuffer()
	defer plain.release()
	if err := plain.list(groups, raw); err != nil {
		return err
	}
	b.b, err = logpb.Compress(b.b, codec, plain.b)
	return err
}

// joiners keeps the memory of literals between pulls.
var joiners = sync.Pool{New: func() any { return lz4block.NewJoiner(nil) }}

// join makes b one LZ4 block of all groups.
func (b *buffer) join(groups []shard.Group) error {
	size := 0
	for i := range groups {
		size += len(groups[i].Data) + 16
	}
	b.grow(size)
	joiner := joiners.Get().(*lz4block.Joiner)
	defer joiners.Put(joiner)
	joiner.Reset(b.b[:0])
	var header [16]byte
	for i := range groups {
		joiner.Literals(logpb.AppendGroupHeader(header[:0], groups[i].Raw))
		if err := joiner.Block(groups[i].Data, groups[i].Tail); err != nil {
			return err
		}
	}
	b.b, _ = joiner.Finish()
	joiner.Reset(nil)
	return nil
}

// list makes b the plain LogGroupList.
func (b *buffer) list(groups []shard.Group, raw int) error {
	b.grow(raw)
	b.b = b.b[:0]
	for i := range groups {
		b.b = logpb.AppendGroupHeader(b.b, groups[i].Raw)
		start := len(b.b)
		b.b = b.b[:start+groups[i].Raw]
		if err := lz4block.Decompress(b.b[start:], groups[i].Data); err != nil {
			return err
		}
	}
	return nil
}
