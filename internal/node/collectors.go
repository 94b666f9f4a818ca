package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/collector/predefined"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/shard"
)

// openCollectors makes the collectors of the file that the configuration names, if it names one.
func (n *Node) openCollectors(c *config.Config, o Options) (*collector.Collector, error) {
	if c.Collectors.File == "" {
		return nil, nil
	}
	file, err := collector.Load(c.Collectors.File, os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("collectors: %w", err)
	}
	dir := filepath.Join(c.DataDir, "collectors")
	spool := filepath.Join(dir, "tmp")
	if err := os.RemoveAll(spool); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return nil, err
	}
	place := predefined.Place{Env: predefined.Env(spool, o.Release), ConfigDir: filepath.Dir(c.Collectors.File), FilesDir: c.Delivery.FilesDir}
	place.Env.Logger = o.Logger
	place.Local = func(ref sluice.LogstoreRef) collector.Logstore { return &localLogstore{n.Catalog, n.Ingest, ref} }
	made, err := collector.New(file, collector.Options{
		Kinds: predefined.Services(), Outputs: predefined.Outputs(place), Dir: dir, Now: o.Now, Tell: collector.TellLogger(o.Logger),
	})
	if err != nil {
		return nil, fmt.Errorf("collectors: %s: %w", c.Collectors.File, err)
	}
	return made, nil
}

// runCollectors runs them until ctx ends. Those that cannot run are in the log, and do not stop the server.
func (n *Node) runCollectors(ctx context.Context) error {
	err := n.collectors.Run(ctx)
	if err != nil && ctx.Err() == nil {
		n.log.Error("no collector runs any more", "error", err)
	}
	<-ctx.Done()
	return nil
}

// localLogstore is a logstore of this server as collectors write to it and look into it.
type localLogstore struct {
	cat  *catalog.Catalog
	door *ingest.Door
	ref  sluice.LogstoreRef
}

// Put implements [collector.Logstore].
func (l *localLogstore) Put(ctx context.Context, key string, group []byte) error {
	_, _, err := l.door.Put(ctx, ingest.Put{Ref: l.ref, Body: group, HashKey: key})
	if sluice.KindOf(err) == sluice.Throttled {
		return &collector.Throttled{After: time.Second, Err: err}
	}
	return err
}

// Invalid implements [collector.Logstore].
func (l *localLogstore) Invalid(err error) bool {
	var told *sluice.Error
	return errors.As(err, &told) && (told.Kind == sluice.Invalid || told.Kind == sluice.TooLarge) && strings.HasPrefix(told.Noun, "body")
}

// Close implements [collector.Logstore].
func (l *localLogstore) Close() error { return nil }

// End implements [collector.Logstore].
func (l *localLogstore) End(ctx context.Context, key string) (map[string]string, error) {
	view, owner, err := l.owner(ctx, key)
	if err != nil {
		return nil, err
	}
	if owner == nil {
		return nil, fmt.Errorf("logstore %s has no shard that takes logs", view.Name)
	}
	_, end := owner.Stored.Bounds()
	return map[string]string{owner.ID.String(): strconv.FormatInt(int64(end), 10)}, nil
}

func (l *localLogstore) owner(ctx context.Context, key string) (*catalog.Logstore, *catalog.Shard, error) {
	hash, err := sluice.ParseHashKey(key)
	if err != nil {
		return nil, nil, err
	}
	view, err := l.cat.Logstore(ctx, l.ref)
	if err != nil {
		return nil, nil, err
	}
	return view, view.Owner(hash), nil
}

// Scan implements [collector.Logstore]: it reads the shards of the places, and those that have come since; all, where those are gone with what was in them.
func (l *localLogstore) Scan(ctx context.Context, _ string, from map[string]string, yield func([]byte) error) error {
	view, err := l.cat.Logstore(ctx, l.ref)
	if err != nil {
		return err
	}
	behind := !slices.ContainsFunc(view.Shards, func(s catalog.Shard) bool { return from[s.ID.String()] != "" })
	for i := range view.Shards {
		s := &view.Shards[i]
		name := s.ID.String()
		if behind = behind || from[name] != ""; !behind {
			continue
		}
		at, _ := strconv.ParseInt(from[name], 10, 64) // "" is from the beginning
		next, err := scanLog(ctx, s.Stored, sluice.Position(at), yield)
		if err != nil {
			return fmt.Errorf("read shard %s of %s: %w", name, l.ref, err)
		}
		from[name] = strconv.FormatInt(int64(next), 10)
	}
	return nil
}

// scanLog reads a log to its end.
func scanLog(ctx context.Context, log *shard.Log, at sluice.Position, yield func([]byte) error) (sluice.Position, error) {
	const groups, bytes = 256, 4 << 20
	for {
		batch, err := log.Read(at, 0, groups, bytes)
		if err != nil {
			return at, err
		}
		for i := range batch.Groups {
			g := &batch.Groups[i]
			var raw []byte
			if raw, err = logpb.Decompress(nil, logpb.LZ4, g.Data, g.Raw); err == nil {
				err = yield(raw)
			}
			if err != nil {
				break
			}
		}
		more := len(batch.Groups) > 0
		at = batch.Next
		batch.Release()
		if err != nil || !more || ctx.Err() != nil {
			return at, errors.Join(err, ctx.Err())
		}
	}
}

// collectorMetrics are what Prometheus is told of the collectors.
type collectorMetrics struct{ collectors *collector.Collector }

var (
	collectorRequests = prometheus.NewDesc("sluice_collector_requests_total", "Requests to the source of a collector.", []string{"input", "service"}, nil)
	collectorEvents   = prometheus.NewDesc("sluice_collector_events_total", "Events of a collector, by what became of them.", []string{"input", "service", "result"}, nil)
	collectorSuccess  = prometheus.NewDesc("sluice_collector_last_success_seconds", "When the last cycle without an error ended, in seconds since 1970; 0 for none yet.", []string{"input", "service"}, nil)
)

// Describe implements [prometheus.Collector].
func (m collectorMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{collectorRequests, collectorEvents, collectorSuccess} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (m collectorMetrics) Collect(ch chan<- prometheus.Metric) {
	for _, s := range m.collectors.Status() {
		counter := func(d *prometheus.Desc, n int64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{s.Input, s.Service}, labels...)...)
		}
		counter(collectorRequests, s.Requests)
		counter(collectorEvents, s.Duplicates, "duplicate")
		counter(collectorEvents, s.Sent, "sent")
		counter(collectorEvents, s.Refused, "refused")
		last := 0.0
		if !s.LastSuccess.IsZero() {
			last = float64(s.LastSuccess.Unix())
		}
		ch <- prometheus.MustNewConstMetric(collectorSuccess, prometheus.GaugeValue, last, s.Input, s.Service)
	}
}
