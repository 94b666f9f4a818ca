package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/sluicelog/sluice/client"
)

// Delivery is measured with the web logs and receivers inside this program, whose processor time does not count. The S3 server is
// another process, which does not count either.

const (
	allowLoopback    = "SLUICE_DELIVERY_ALLOW_NETWORKS=127.0.0.0/8"
	deliveredWithin  = 10 * time.Minute
	lookAtTasksEvery = 250 * time.Millisecond // seldom, because the server's answers cost processor time too
)

// destinations are measured in this order; the last one fills the server with copies.
var destinations = []struct {
	name, what, goal string
	open             func(context.Context, *server) (*receiver, error)
}{
	{"http", "HTTP, JSON lines, gzip", "≥ 60", openHTTP},
	{"kafka", "Kafka, JSON, lz4", "≥ 80", openKafka},
	{"s3_json", "S3, JSON lines, gzip", "≥ 60", s3With("json", "gzip")},
	{"s3_parquet", "S3, Parquet, snappy", "≥ 60", s3With("parquet", "snappy")},
	{"syslog", "syslog over TCP, RFC 5424, JSON", "≥ 50", openSyslog},
	{"sls", "a logstore of the same server, its writing included", "≥ 50", openLogstore},
}

func destinationNames() []string {
	var names []string
	for _, d := range destinations {
		names = append(names, d.name)
	}
	return names
}

// delivery measures, for each kind of destination, how much of a logstore a task ships with a second of the server's processor time: the
// task begins when everything is stored and the server is at rest.
func (b *bench) delivery(ctx context.Context) error {
	s, err := b.start(ctx, "", allowLoopback)
	if err != nil {
		return err
	}
	st, err := prepare(s, 2, nil)
	if err != nil {
		return err
	}
	groups := max(1, int(b.deliveryMB*1e6/float64(b.bodies.list[0].raw)))
	if err := flood(ctx, s, st, b.bodies.list, groups, connections); err != nil {
		return err
	}
	logs := int64(groups) * int64(weblogs.groupRecords)
	var errs []error
	for _, d := range destinations {
		if !slices.Contains(b.to, d.name) {
			continue
		}
		r, err := d.open(ctx, s)
		if errors.Is(err, errAbsent) {
			fmt.Fprintf(os.Stderr, "%s: %v\n", d.name, err)
			continue
		}
		if err != nil {
			return err
		}
		cpu, wall, err := s.deliver(ctx, d.name, st.names[0], r, logs)
		if err = errors.Join(err, r.close()); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.name, err))
			continue
		}
		raw := float64(b.bodies.total(groups)) / 1e6
		b.report.add("delivery", "deliver_"+d.name, d.what, "MB/CPU s", d.goal, raw/cpu.Seconds())
		b.report.add("delivery", "deliver_"+d.name+"_wall", "… over the clock, receiver on the same machine", "MB/s", "", raw/wall.Seconds())
	}
	return errors.Join(append(errs, s.stop())...)
}

// deliver ships a logstore from its beginning to a receiver, and returns what that took when all logs are delivered and none twice.
func (s *server) deliver(ctx context.Context, task, logstore string, to *receiver, logs int64) (cpu, wall time.Duration, err error) {
	c, err := s.client()
	if err != nil {
		return 0, 0, err
	}
	// All logs are older than this: batches are as large as they may be, and the last one is not waited for.
	aged := map[string]any{"age": "1s"}
	if _, err := c.CreateDelivery(ctx, project, document(task, logstore, to.sink, aged, nil)); err != nil {
		return 0, 0, err
	}
	cpu, wall, err = s.measure(func() error {
		if _, err := c.StartDelivery(ctx, project, task, false); err != nil {
			return err
		}
		t, err := waitDelivered(ctx, c, task, logs)
		if err != nil {
			return err
		}
		if t.Counters.Delivered != logs || t.Counters.Retries > 0 {
			return fmt.Errorf("%d of %d logs are delivered, after %d retries", t.Counters.Delivered, logs, t.Counters.Retries)
		}
		_, err = c.StopDelivery(ctx, project, task)
		return err
	})
	if err == nil && to.took != nil && to.took.Load() == 0 {
		err = errors.New("the receiver was sent nothing")
	}
	return cpu, wall, err
}

// waitDelivered waits until a task has read so many logs and has none left, and returns how it did.
func waitDelivered(ctx context.Context, c *client.Client, task string, logs int64) (*client.DeliveryTask, error) {
	ctx, cancel := context.WithTimeout(ctx, deliveredWithin)
	defer cancel()
	poll := time.NewTicker(lookAtTasksEvery)
	defer poll.Stop()
	for {
		t, err := c.Delivery(ctx, project, task)
		if err != nil {
			return nil, err
		}
		if t.State == "paused" {
			return nil, fmt.Errorf("the task paused: %s", t.Reason)
		}
		if delivered(t, logs) {
			return t, nil
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %d of %d logs are read, %d log groups left, %s", ctx.Err(), t.Counters.Read, logs, t.Backlog, t.Error)
		}
	}
}

// delivered says whether a task has read so many logs and has none left.
func delivered(t *client.DeliveryTask, logs int64) bool {
	return t.Counters.Read >= logs && t.Counters.InFlight == 0 && t.Backlog == 0
}

// client is one that signs its requests as root.
func (s *server) client() (*client.Client, error) {
	return client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: accessKeyID, Secret: accessSecret})
}

// document is that of a task, from the beginning of a logstore; limits and filter may be nil.
func document(task, logstore string, sink, limits, filter map[string]any) []byte {
	doc := map[string]any{
		"name": task, "source": map[string]any{"logstore": logstore, "start": "beginning"}, "sink": sink,
	}
	if limits != nil {
		doc["limits"] = limits
	}
	if filter != nil {
		doc["filter"] = filter
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err) // maps of text and numbers can be written
	}
	return text
}
