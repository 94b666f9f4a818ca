package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/shard"
)

// storeMetrics tell of writing and of the disk.
type storeMetrics struct {
	registry     *prometheus.Registry
	writeSeconds prometheus.Histogram
	writeErrors  *prometheus.CounterVec
	logs         prometheus.Counter
	storedBytes  prometheus.Counter
	syncSeconds  prometheus.Histogram
	syncGroups   prometheus.Histogram
}

func newStoreMetrics(r *prometheus.Registry) *storeMetrics {
	fine := prometheus.ExponentialBuckets(0.00025, 2, 16) // to 8 s
	m := &storeMetrics{
		registry: r,
		writeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_write_seconds", Help: "Time a log group took through the write door, until it was on disk.", Buckets: fine,
		}),
		writeErrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_write_errors_total", Help: "Log groups refused at the write door, by kind of error.",
		}, []string{"kind"}),
		logs: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_logs_written_total", Help: "Logs written.",
		}),
		storedBytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_stored_bytes_total", Help: "Bytes of log groups written, as stored.",
		}),
		syncSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_journal_sync_seconds", Help: "Time one batch took to be written to the journal and synced.", Buckets: fine,
		}),
		syncGroups: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_journal_sync_groups", Help: "Log groups of one batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 12),
		}),
	}
	r.MustRegister(m.writeSeconds, m.writeErrors, m.logs, m.storedBytes, m.syncSeconds, m.syncGroups)
	return m
}

// written is told of every write by the door.
func (m *storeMetrics) written(o ingest.Outcome) {
	m.writeSeconds.Observe(o.Took.Seconds())
	if o.Err != nil {
		m.writeErrors.WithLabelValues(sluice.KindOf(o.Err).String()).Inc()
		return
	}
	m.logs.Add(float64(o.Logs))
	m.storedBytes.Add(float64(o.Stored))
}

// committed is told of every batch by the store.
func (m *storeMetrics) committed(groups int, _ int64, took time.Duration) {
	m.syncSeconds.Observe(took.Seconds())
	m.syncGroups.Observe(float64(groups))
}

// watch shows the state of a store whenever somebody looks.
func (m *storeMetrics) watch(s *shard.Store) {
	gauge := func(name, help string, value func(shard.Status) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(s.Status()) }))
	}
	gauge("sluice_journal_bytes", "Bytes of the journal.", func(s shard.Status) float64 { return float64(s.JournalBytes) })
	gauge("sluice_journal_files", "Files of the journal.", func(s shard.Status) float64 { return float64(s.JournalFiles) })
	gauge("sluice_shard_logs", "Shard logs open.", func(s shard.Status) float64 { return float64(s.Logs) })
	gauge("sluice_disk_full", "1 while writes are refused for want of room.", func(s shard.Status) float64 { return truth(s.DiskFull) })
	gauge("sluice_reserve_bytes", "Bytes kept for events that make room on a full disk.", func(s shard.Status) float64 { return float64(s.Reserve) })
	gauge("sluice_journal_failed", "1 when nothing can be written until a restart.", func(s shard.Status) float64 { return truth(s.Failed != nil) })
	gauge("sluice_damaged_places", "Damaged places met on disk since the start.", func(s shard.Status) float64 { return float64(len(s.Damage)) })
}

// watchIndex shows the state of the index.
func (m *storeMetrics) watchIndex(x *indexer.Indexer) {
	gauge := func(name, help string, value func(indexer.Status) float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(x.Status()) }))
	}
	gauge("sluice_index_segments", "Segments of the index.", func(s indexer.Status) float64 { return float64(s.Segments) })
	gauge("sluice_index_logs", "Logs in segments.", func(s indexer.Status) float64 { return float64(s.Rows) })
	gauge("sluice_index_raw_bytes", "Bytes of the logs in segments, as they came.", func(s indexer.Status) float64 { return float64(s.Raw) })
	gauge("sluice_index_bytes", "Bytes of the segments on disk.", func(s indexer.Status) float64 { return float64(s.Stored) })
	gauge("sluice_index_bad_segments", "Segments that cannot be opened.", func(s indexer.Status) float64 { return float64(s.Bad) })
}

// watchAmended shows what became of logs after they were written.
func (m *storeMetrics) watchAmended(s *amend.Store) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("sluice_amended_logs", "Logs that were deleted or updated.", func() float64 { n, _ := s.Count(); return float64(n) })
	gauge("sluice_updated_logs", "Logs that were updated and are not deleted.", func() float64 { _, n := s.Count(); return float64(n) })
}

// watchCache shows the state of the cache in front of a bucket.
func (m *storeMetrics) watchCache(c *objects.Cache) {
	show := func(kind func(prometheus.GaugeOpts, func() float64) prometheus.Collector, name, help string, value func(objects.CacheStatus) float64) {
		m.registry.MustRegister(kind(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(c.Status()) }))
	}
	gauge := func(o prometheus.GaugeOpts, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(o, f)
	}
	counter := func(o prometheus.GaugeOpts, f func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts(o), f)
	}
	show(gauge, "sluice_index_cache_bytes", "Bytes of segments from the bucket on disk.", func(s objects.CacheStatus) float64 { return float64(s.Bytes) })
	show(gauge, "sluice_index_cache_objects", "Objects of the bucket of which something is on disk.", func(s objects.CacheStatus) float64 { return float64(s.Objects) })
	show(counter, "sluice_index_cache_hits_total", "Pieces of segments found on disk.", func(s objects.CacheStatus) float64 { return float64(s.Hits) })
	show(counter, "sluice_index_cache_misses_total", "Pieces of segments fetched from the bucket.", func(s objects.CacheStatus) float64 { return float64(s.Misses) })
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
