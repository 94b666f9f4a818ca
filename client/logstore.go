package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
)

// Logstore is a store of logs, as it is.
type Logstore struct {
	Name              string `json:"logstoreName"`
	TTLDays           int    `json:"ttl"`        // 1 to 3650; 3650 keeps for ever
	ShardCount        int    `json:"shardCount"` // as asked for at creation
	Tracking          bool   `json:"enable_tracking"`
	AppendMeta        bool   `json:"appendMeta"`
	AutoSplit         bool   `json:"autoSplit"`
	MaxSplitShard     int    `json:"maxSplitShard"`
	TelemetryType     string `json:"telemetryType"`
	Mode              string `json:"mode"`
	HotTTLDays        int    `json:"hot_ttl"`
	InfrequentTTLDays int    `json:"infrequentAccessTTL"`
	Modifiable        bool   `json:"enableModify"` // its logs may be deleted and updated

	Created  time.Time `json:"-"`
	Modified time.Time `json:"-"`
}

// LogstoreSpec is what to make of a logstore. Nil fields are left to the server's default on creation, and as they are on
// update.
type LogstoreSpec struct {
	TTLDays           *int    `json:"ttl,omitempty"`             // 1 to 3650; 3650 keeps for ever
	ShardCount        *int    `json:"shardCount,omitempty"`      // 1 to 100; only on creation
	Tracking          *bool   `json:"enable_tracking,omitempty"` // take logs from anyone, by web tracking
	AppendMeta        *bool   `json:"appendMeta,omitempty"`      // tag each group with the sender's address and the receive time
	AutoSplit         *bool   `json:"autoSplit,omitempty"`       // split shards under sustained load
	MaxSplitShard     *int    `json:"maxSplitShard,omitempty"`   // read-write shards that AutoSplit may reach, 1 to 256
	TelemetryType     *string `json:"telemetryType,omitempty"`   // "None", "Metrics" or "Event"; only on creation
	Mode              *string `json:"mode,omitempty"`            // "standard", "query" or "lite"
	HotTTLDays        *int    `json:"hot_ttl,omitempty"`
	InfrequentTTLDays *int    `json:"infrequentAccessTTL,omitempty"`
	Modifiable        *bool   `json:"enableModify,omitempty"` // let logs be deleted and updated; once true it stays
}

// Logstores lists the names of the logstores of a project, sorted.
func (c *Client) Logstores(ctx context.Context, project string) ([]string, error) {
	names := []string{}
	for {
		var page struct {
			Total     int      `json:"total"`
			Logstores []string `json:"logstores"`
		}
		if err := c.get(ctx, project, "/logstores", pageQuery(len(names)), &page); err != nil {
			return nil, err
		}
		names = append(names, page.Logstores...)
		if len(page.Logstores) == 0 || len(names) >= page.Total {
			return names, nil
		}
	}
}

// Logstore returns one logstore.
func (c *Client) Logstore(ctx context.Context, ref sluice.LogstoreRef) (Logstore, error) {
	var w struct {
		Logstore
		Created  int64 `json:"createTime"`
		Modified int64 `json:"lastModifyTime"`
	}
	if err := c.get(ctx, ref.Project, logstorePath(ref), nil, &w); err != nil {
		return Logstore{}, err
	}
	w.Logstore.Created, w.Logstore.Modified = unixTime(w.Created), unixTime(w.Modified)
	return w.Logstore, nil
}

// CreateLogstore makes a logstore.
func (c *Client) CreateLogstore(ctx context.Context, ref sluice.LogstoreRef, spec LogstoreSpec) error {
	return c.sendJSON(ctx, http.MethodPost, ref.Project, "/logstores", nil, namedSpec{ref.Logstore, spec}, nil)
}

// UpdateLogstore changes what spec holds and leaves the rest.
func (c *Client) UpdateLogstore(ctx context.Context, ref sluice.LogstoreRef, spec LogstoreSpec) error {
	return c.sendJSON(ctx, http.MethodPut, ref.Project, logstorePath(ref), nil, namedSpec{ref.Logstore, spec}, nil)
}

type namedSpec struct {
	Name string `json:"logstoreName"`
	LogstoreSpec
}

// DeleteLogstore deletes a logstore with its logs, index configuration and consumer groups.
func (c *Client) DeleteLogstore(ctx context.Context, ref sluice.LogstoreRef) error {
	return c.send(ctx, call{method: http.MethodDelete, project: ref.Project, path: logstorePath(ref)}, nil)
}

// Index returns the index configuration of a logstore. Error code: IndexConfigNotExist.
func (c *Client) Index(ctx context.Context, ref sluice.LogstoreRef) (json.RawMessage, error) {
	var config json.RawMessage
	err := c.get(ctx, ref.Project, logstorePath(ref)+"/index", nil, &config)
	return config, err
}

// SetIndex gives a logstore its index configuration, or another one.
func (c *Client) SetIndex(ctx context.Context, ref sluice.LogstoreRef, config json.RawMessage) error {
	path := logstorePath(ref) + "/index"
	err := c.sendJSON(ctx, http.MethodPost, ref.Project, path, nil, config, nil)
	if Code(err) != "IndexAlreadyExist" {
		return err
	}
	return c.sendJSON(ctx, http.MethodPut, ref.Project, path, nil, config, nil)
}

// DeleteIndex removes the index configuration.
func (c *Client) DeleteIndex(ctx context.Context, ref sluice.LogstoreRef) error {
	return c.send(ctx, call{method: http.MethodDelete, project: ref.Project, path: logstorePath(ref) + "/index"}, nil)
}
