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
	Query     string // an SPL pipeline that looks at one log at a time; groups of which it leaves nothing are not given
}

// Pulled is a run of log groups of one shard, in order. Without a query there are no gaps.
type Pulled struct {
	Groups []*sluice.LogGroup
	First  sluice.Position // of Groups[0]; Groups[i] is at First+i. Zero when there are no groups, and with a query
	Next   string          // the cursor to read on from; the same as asked when there was nothing to read
	AtEnd  bool            // there was nothing more to read when the server answered
}

// RawPulled is Pulled with groups as bytes.
type RawPulled struct {
	Groups []byte          // protobuf message LogGroupList
	Count  int             // groups in it
	First  sluice.Position // as in Pulled
	Asked  string          // the cursor asked for
	Next   string          // as in Pulled
	AtEnd  bool            // as in Pulled
}

// Pull reads log groups from a cursor. At the end of the shard it returns no groups, at once. Error code: InvalidCursor for
// a cursor outside the shard.
func (c *Client) Pull(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, o PullOptions) (*Pulled, error) {
	raw, err := c.PullRaw(ctx, ref, id, o)
	if err != nil {
		return nil, err
	}
	p := &Pulled{First: raw.First, Next: raw.Next, AtEnd: raw.AtEnd}
	if p.Groups, err = logpb.DecodeList(raw.Groups); err != nil {
		return nil, fmt.Errorf("decode what was pulled from %s shard %s: %w", ref, id, err)
	}
	return p, nil
}

// PullRaw is Pull for programs that pass logs on as they are.
func (c *Client) PullRaw(ctx context.Context, ref sluice.LogstoreRef, id sluice.ShardID, o PullOptions) (*RawPulled, error) {
	query := url.Values{"type": {"log"}, "cursor": {o.Cursor}, "count": {strconv.Itoa(maxCount)}}
	if o.Count > 0 {
		query.Set("count", strconv.Itoa(min(o.Count, maxCount)))
	}
	if o.EndCursor != "" {
		query.Set("end_cursor", o.EndCursor)
	}
	if o.Query != "" {
		query.Set("query", o.Query)
		query.Set("pullMode", "scan_on_stream")
	}
	a, err := c.do(ctx, call{
		method: http.MethodGet, project: ref.Project, path: shardPath(ref, id), query: query, accept: logpb.LZ4, answerType: contentProtobuf,
	})
	if err != nil {
		return nil, err
	}
	p, err := decodePull(a, o)
	if err != nil {
		return nil, fmt.Errorf("decode what was pulled from %s shard %s: %w", ref, id, err)
	}
	return p, nil
}

const maxCount = 1000

func decodePull(a *answer, o PullOptions) (*RawPulled, error) {
	p := &RawPulled{Asked: o.Cursor, Next: a.header.Get("x-log-cursor"), AtEnd: a.header.Get("x-log-end-of-cursor") == "1"}
	if p.Next == "" {
		return nil, fmt.Errorf("the answer has no x-log-cursor")
	}
	p.AtEnd = p.AtEnd || p.Next == o.Cursor || (o.EndCursor != "" && p.Next == o.EndCursor)
	size, err := strconv.Atoi(a.header.Get("x-log-bodyrawsize"))
	if err != nil || size < 0 || size > maxAnswer {
		return nil, fmt.Errorf("x-log-bodyrawsize is %q", a.header.Get("x-log-bodyrawsize"))
	}
	if size == 0 {
		return p, nil
	}
	if p.Groups, err = logpb.Decompress(nil, logpb.Codec(a.header.Get("x-log-compresstype")), a.body, size); err != nil {
		return nil, err
	}
	if err := logpb.Groups(p.Groups, func([]byte) error { p.Count++; return nil }); err != nil {
		return nil, err
	}
	last, err := strconv.ParseInt(a.header.Get("x-log-read-last-cursor"), 10, 64)
	if err == nil && o.Query == "" {
		p.First = sluice.Position(last - int64(p.Count) + 1)
	}
	return p, nil
}
