package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// The content types of bodies.
const (
	contentProtobuf = "application/x-protobuf"
	contentJSON     = "application/json"
)

// PutOptions of a write.
type PutOptions struct {
	// HashKey, 1 to 32 hexadecimal digits, sends the group to the shard that owns it, so that groups with one key stay in
	// order. "" lets the server spread groups over the shards.
	HashKey string
}

// PutLogs appends one log group. When it returns nil the group is as durable as the server is configured to make it,
// which by default means on disk. After an error the group may have been stored or not.
func (c *Client) PutLogs(ctx context.Context, ref sluice.LogstoreRef, group *sluice.LogGroup, o PutOptions) error {
	return c.PutRaw(ctx, ref, logpb.Append(nil, group), o)
}

// PutRaw appends one log group given as the bytes of the protobuf message LogGroup, not compressed.
func (c *Client) PutRaw(ctx context.Context, ref sluice.LogstoreRef, group []byte, o PutOptions) error {
	body, err := logpb.Compress(nil, logpb.LZ4, group)
	if err != nil {
		return fmt.Errorf("compress the log group: %w", err)
	}
	r := call{
		method: http.MethodPost, project: ref.Project, path: logstorePath(ref) + "/shards/lb",
		contentType: contentProtobuf, body: body, codec: logpb.LZ4, rawSize: len(group),
	}
	if o.HashKey != "" {
		r.path = logstorePath(ref) + "/shards/route"
		r.query = url.Values{"key": {o.HashKey}}
	}
	return c.send(ctx, r, nil)
}
