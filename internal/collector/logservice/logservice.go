// Package logservice is the source of the services that read a logstore: audit events that a trail delivers there, access logs, logs of
// databases, internal audit logs.
//
//	ListShards ──> parts ──GetCursor(start)──> PullLogs ──> batch: what lies between two cursors
//	                 └── a child after its parents
//
// A batch is named by its cursors, and the logstore gives the same logs for them as long as it keeps them. So batches are not written down before they
// go out, and nothing has to be remembered: each log of a shard is read once. A log that its writer has put twice is there twice.
package logservice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/collector"
)

// Config is a service's section beside what is common to all.
type Config struct {
	// Endpoint of the log service, as https://cn-hangzhou.log.aliyuncs.com [that of region].
	Endpoint string `json:"endpoint,omitempty"`
	Region   string `json:"region,omitempty"`
	SignV4   bool   `json:"sign_v4,omitempty"` // signs with version 4 and region
	Project  string `json:"project"`
	Logstore string `json:"logstore"`
	// Field that holds a whole event as a JSON object, which is then all that goes out of such a log.
	Field string `json:"event_field,omitempty"`
}

// Kind is a service that reads a logstore. tag is its table in Devo, field the default of event_field.
func Kind(tag, field string) collector.Kind {
	return collector.Kind{
		Module: "LogServiceStandardPuller", PullID: 301, Tag: tag, Period: time.Minute,
		Open: func(s collector.SourceSetup) (collector.Source, error) { return open(s, field) },
	}
}

// Source reads one logstore.
type Source struct {
	config Config
	ref    sluice.LogstoreRef
	client *client.Client
	stop   func()
}

func open(s collector.SourceSetup, field string) (collector.Source, error) {
	c := Config{Field: field}
	if err := collector.Strictly(s.Config, &c); err != nil {
		return nil, err
	}
	switch {
	case c.Endpoint == "" && c.Region == "":
		return nil, errors.New("endpoint or region is needed")
	case c.SignV4 && c.Region == "":
		return nil, errors.New("region is empty, and sign_v4 signs with it")
	case c.Project == "" || c.Logstore == "":
		return nil, errors.New("project and logstore are both needed")
	case c.Endpoint == "":
		c.Endpoint = "https://" + c.Region + ".log.aliyuncs.com"
	}
	cl, stop, err := collector.NewClient(client.Options{
		Endpoint: c.Endpoint, AccessKeyID: s.Credentials.AccessKeyID, Secret: s.Credentials.AccessKeySecret.Reveal(),
		SecurityToken: s.Credentials.SecurityToken.Reveal(), SignV4: c.SignV4, Region: c.Region,
	}, s.Clock, s.Transport)
	if err != nil {
		return nil, err
	}
	return &Source{config: c, ref: sluice.LogstoreRef{Project: c.Project, Logstore: c.Logstore}, client: cl, stop: stop}, nil
}

// Close implements [collector.Source].
func (s *Source) Close() error {
	s.stop()
	return nil
}

// Check reads one log group of the first shard. A clock that is wrong is found out by the first request, and right in the second.
func (s *Source) Check(ctx context.Context) error {
	shards, err := s.client.Shards(ctx, s.ref)
	if code := client.Code(err); code == "RequestTimeTooSkewed" || code == "RequestTimeExpired" {
		shards, err = s.client.Shards(ctx, s.ref)
	}
	if err != nil {
		return collector.ExplainLogService(err)
	}
	if len(shards) == 0 {
		return fmt.Errorf("logstore %s has no shards", s.ref)
	}
	cursor, err := s.client.BeginCursor(ctx, s.ref, shards[0].ID)
	if err == nil {
		_, err = s.client.PullRaw(ctx, s.ref, shards[0].ID, client.PullOptions{Cursor: cursor, Count: 1})
	}
	return collector.ExplainLogService(err)
}

// Parts are the shards. One comes after those that it was split from, or merged of.
func (s *Source) Parts(ctx context.Context) ([]collector.Part, error) {
	shards, err := s.client.Shards(ctx, s.ref)
	if err != nil {
		return nil, collector.ExplainLogService(err)
	}
	parts := make([]collector.Part, len(shards))
	for i, child := range shards {
		parts[i] = collector.Part{Name: child.ID.String(), Ended: child.ReadOnly}
		for _, parent := range shards {
			if parent.ReadOnly && parent.ID < child.ID && parent.Begin.String() < child.End.String() && child.Begin.String() < parent.End.String() {
				parts[i].After = append(parts[i].After, parent.ID.String())
			}
		}
	}
	return parts, nil
}

func shardOf(part collector.Part) (sluice.ShardID, error) {
	n, err := strconv.ParseInt(part.Name, 10, 32)
	return sluice.ShardID(n), err
}

// cursorOf is a place: the cursor behind what was read, "" for none.
func cursorOf(place json.RawMessage) (cursor string, err error) {
	if len(place) == 0 || string(place) == "null" {
		return "", nil
	}
	return cursor, json.Unmarshal(place, &cursor)
}

// Read implements [collector.Source].
func (s *Source) Read(ctx context.Context, part collector.Part, place json.RawMessage, c collector.Cycle) (*collector.Batch, error) {
	id, err := shardOf(part)
	if err != nil {
		return nil, err
	}
	cursor, err := cursorOf(place)
	if err != nil {
		return nil, err
	}
	b := &collector.Batch{Lasting: true}
	if cursor == "" {
		// The place has to be known before the batch goes out: it names the batch.
		if cursor, err = s.client.CursorAt(ctx, s.ref, id, c.Start); err != nil {
			return nil, collector.ExplainLogService(err)
		}
		b.Requests = 1
		b.Next, err = json.Marshal(cursor)
		return b, err
	}
	p, err := s.client.Pull(ctx, s.ref, id, client.PullOptions{Cursor: cursor})
	if client.Code(err) == "InvalidCursor" {
		return s.skip(ctx, id, cursor, c)
	}
	if err != nil {
		return nil, collector.ExplainLogService(err)
	}
	b.Requests = 1
	b.Events = s.events(p.Groups, c.ID)
	b.AtEnd = p.AtEnd || p.Next == cursor
	b.Next, err = json.Marshal(p.Next)
	return b, err
}

// skip goes on at the oldest log that the shard has: what was at the cursor has expired.
func (s *Source) skip(ctx context.Context, id sluice.ShardID, cursor string, c collector.Cycle) (*collector.Batch, error) {
	begin, err := s.client.BeginCursor(ctx, s.ref, id)
	if err != nil {
		return nil, collector.ExplainLogService(err)
	}
	if begin == cursor {
		return nil, fmt.Errorf("shard %v refuses its own cursor %s", id, cursor)
	}
	c.Tell(fmt.Sprintf("Shard %v does not have the logs at cursor %s any more. Going on at its oldest, %s", id, cursor, begin))
	b := &collector.Batch{Lasting: true, Requests: 2}
	b.Next, err = json.Marshal(begin)
	return b, err
}

// Again implements [collector.Source].
func (s *Source) Again(ctx context.Context, part collector.Part, from, to json.RawMessage, c collector.Cycle) ([]collector.Event, error) {
	id, err := shardOf(part)
	if err != nil {
		return nil, err
	}
	cursor, err := cursorOf(from)
	if err != nil {
		return nil, err
	}
	end, err := cursorOf(to)
	if err != nil {
		return nil, err
	}
	var events []collector.Event
	for cursor != end {
		p, err := s.client.Pull(ctx, s.ref, id, client.PullOptions{Cursor: cursor, EndCursor: end})
		if client.Code(err) == "InvalidCursor" {
			return nil, fmt.Errorf("shard %v at %s: %w", id, cursor, collector.ErrGone)
		}
		if err != nil {
			return nil, collector.ExplainLogService(err)
		}
		events = append(events, s.events(p.Groups, c.ID)...)
		if p.Next == cursor {
			return nil, fmt.Errorf("shard %v ends at %s: %w", id, cursor, collector.ErrGone)
		}
		cursor = p.Next
	}
	return events, nil
}

// Settle implements [collector.Source]: logstores are not told.
func (s *Source) Settle(context.Context, collector.Part, json.RawMessage) error { return nil }
