package sls

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/query/spl"
	"github.com/sluicelog/sluice/internal/shard"
)

// What a pull with a query may take. As many run at once as there are processors.
const (
	filterBytes = shard.MaxBlock  // of a log group behind the pipeline
	filterTime  = time.Second     // after which the answer has the log groups that are done
	filterLimit = 5 * time.Second // for the first log group, without which there is no answer
)

// filter reads the query of a pull; nil if there is none, or one that changes nothing.
func (q *request) filter() (*spl.Pipeline, error) {
	if name := q.query.Get("processor"); name != "" {
		return nil, sluice.Errorf(sluice.Unsupported, "parameter", "processor=%.64q: stored processors are not supported by this server; send what it does as query", name)
	}
	if mode := q.query.Get("pullMode"); mode != "" && mode != "scan_on_stream" {
		return nil, badParameter("pullMode", mode, "not scan_on_stream, the only mode that there is")
	}
	text := q.query.Get("query")
	if text == "" || text == "*" {
		return nil, nil
	}
	pipeline, err := spl.Parse(text)
	if err != nil {
		return nil, err
	}
	if !pipeline.Stream() {
		return nil, sluice.Errorf(sluice.Invalid, "query", "stats, sort and limit look at all logs of a query, so they cannot follow a stream; use them in a query")
	}
	return pipeline, nil
}

// filtered is what a pipeline left of a batch.
type filtered struct {
	groups int // with logs in them
	raw    int // bytes of all that was read
	spl.Stats
}

// answerFiltered sends what the filter leaves of a batch. Of a batch that takes too long or grows too large it takes the first part:
// the next cursor says where that ends.
func (a *API) answerFiltered(q *request, s *catalog.Shard, p pull, batch *shard.Batch, room *room) error {
	plain := newBuffer()
	defer plain.release()
	leave, err := a.filterPlace(q.ctx())
	if err != nil {
		return err
	}
	defer leave()
	done, err := plain.filter(q.ctx(), p.filter, batch, a.o.MaxPullBytes)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h["X-Log-Rawdatasize"] = []string{strconv.Itoa(done.raw)}
	h["X-Log-Rawdatacount"] = []string{strconv.Itoa(len(batch.Groups))}
	h["X-Log-Rawdatalines"] = []string{strconv.Itoa(done.Lines)}
	h["X-Log-Resultlines"] = []string{strconv.Itoa(done.Result)}
	h["X-Log-Failedlines"] = []string{strconv.Itoa(done.Failed)}
	if !q.pullHeader(a, p, batch, done.groups, len(plain.b)) {
		return nil
	}
	a.Reads.Charge(q.project, s.Log, done.raw)
	q.call.RawOut, q.call.GroupsOut = int64(len(plain.b)), done.groups
	batch.Release()
	leave()
	if p.codec == logpb.None || done.groups == 0 {
		room.shrink(int64(cap(plain.b)))
		send(q.w, http.StatusOK, typeProtobuf, plain.b)
		return nil
	}
	out := newBuffer()
	defer out.release()
	if out.b, err = logpb.Compress(out.b, p.codec, plain.b); err != nil {
		return err
	}
	room.shrink(int64(cap(plain.b) + cap(out.b)))
	send(q.w, http.StatusOK, typeProtobuf, out.b)
	return nil
}

// filterPlace waits for one of the places that pulls with a query have.
func (a *API) filterPlace(ctx context.Context) (leave func(), err error) {
	wait, cancel := context.WithTimeout(ctx, filterLimit)
	defer cancel()
	if a.filters.Acquire(wait, 1) != nil {
		return nil, sluice.Errorf(sluice.Unavailable, "server", "the server is busy with other queries, please retry")
	}
	left := false
	return func() {
		if !left {
			left = true
			a.filters.Release(1)
		}
	}, nil
}

// filter makes b the plain LogGroupList of what a pipeline leaves of a batch, and cuts the batch behind what it got to. most is how
// many bytes b may have before the last log group.
func (b *buffer) filter(ctx context.Context, pipeline *spl.Pipeline, batch *shard.Batch, most int) (done filtered, err error) {
	ctx, cancel := context.WithTimeout(ctx, filterLimit)
	defer cancel()
	began := time.Now()
	scratch := newBuffer()
	defer scratch.release()
	b.b = b.b[:0]
	for i := range batch.Groups {
		g := &batch.Groups[i]
		if i > 0 && (len(b.b) > most || time.Since(began) > filterTime) {
			batch.Groups, batch.Next = batch.Groups[:i], g.Position
			break
		}
		left, stats, err := scratch.apply(ctx, pipeline, g)
		if errors.Is(err, context.DeadlineExceeded) {
			if i > 0 {
				batch.Groups, batch.Next = batch.Groups[:i], g.Position
				break
			}
			return done, sluice.Errorf(sluice.Invalid, "query", "the query takes more than %v for one log group; make it simpler, or write smaller log groups", filterLimit)
		}
		if err != nil {
			return done, err
		}
		done.raw += g.Raw
		done.Add(stats)
		if len(left.Records) > 0 {
			done.groups++
			scratch.b = logpb.Append(scratch.b[:0], left)
			b.b = append(logpb.AppendGroupHeader(b.b, len(scratch.b)), scratch.b...)
		}
	}
	return done, nil
}

// apply runs a pipeline over a stored group; b is scratch.
func (b *buffer) apply(ctx context.Context, pipeline *spl.Pipeline, g *shard.Group) (*sluice.LogGroup, spl.Stats, error) {
	b.grow(g.Raw)
	b.b = b.b[:g.Raw]
	if err := lz4block.Decompress(b.b, g.Data); err != nil {
		return nil, spl.Stats{}, err
	}
	group, err := logpb.Decode(b.b)
	if err != nil {
		return nil, spl.Stats{}, err
	}
	return pipeline.Apply(ctx, group, spl.Options{Memory: filterBytes})
}
