package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// PullOptions say what to read of a shard.
type PullOptions struct {
	Cursor    string // the first group wanted
	EndCursor string // the first group not wanted; "" is the end of the shard
	Count     int    // groups at most, 1 to 1000 [1000]; the server may give fewer to keep answers small
}

// Pulled is a run of log groups of one shard, in order and without gaps.
type Pulled struct {
	Groups []*sluice.LogGroup
	First  sluice.Position // of Groups[0]; Groups[i] is at First+i. Zero when there are no groups
	Next   string          // the cursor to read on from; the same as asked when there was nothing to read
	AtEnd  bool            // there was nothing more to read when the server answered
}

// Pull reads log groups from a cursor. At the end of the shard it returns no groups, at once. Error code: InvalidCursor for
// a cursor outside the shard.
func (c *Client) Pull(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, o PullOptions) (*Pulled, error) {
	query := url.Values{"type": {"log"}, "cursor": {o.Cursor}, "count": {strconv.Itoa(maxCount)}}
	if o.Count > 0 {
		query.Set("count", strconv.Itoa(min(o.Count, maxCount)))
	}
	if o.EndCursor != "" {
		query.Set("end_cursor", o.EndCursor)
	}
	a, err := c.do(ctx, call{
		method: http.MethodGet, project: ref.Project, path: shardPath(ref, id), query: query, accept: logpb.LZ4, answerType: contentProtobuf,
	})
	if err != nil {
		return nil, err
	}
	p, err := decodePull(a)
	if err != nil {
		return nil, fmt.Errorf("decode what was pulled from %s shard %s: %w", ref, id, err)
	}
	p.AtEnd = p.AtEnd || p.Next == o.Cursor || (o.EndCursor != "" && p.Next == o.EndCursor)
	return p, nil
}

const maxCount = 1000

func decodePull(a *answer) (*Pulled, error) {
	p := &Pulled{Next: a.header.Get("x-log-cursor"), AtEnd: a.header.Get("x-log-end-of-cursor") == "1"}
	if p.Next == "" {
		return nil, fmt.Errorf("the answer has no x-log-cursor")
	}
	size, err := strconv.Atoi(a.header.Get("x-log-bodyrawsize"))
	if err != nil || size < 0 || size > maxAnswer {
		return nil, fmt.Errorf("x-log-bodyrawsize is %q", a.header.Get("x-log-bodyrawsize"))
	}
	if size == 0 {
		return p, nil
	}
	raw, err := logpb.Decompress(nil, logpb.Codec(a.header.Get("x-log-compresstype")), a.body, size)
	if err != nil {
		return nil, err
	}
	if p.Groups, err = logpb.DecodeList(raw); err != nil {
		return nil, err
	}
	if last, err := strconv.ParseInt(a.header.Get("x-log-read-last-cursor"), 10, 64); err == nil {
		p.First = sluice.Position(last - int64(len(p.Groups)) + 1)
	}
	return p, nil
}
