package ledger

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice/internal/trail"
)

// metrics tell how a recorder does.
type metrics struct {
	events   *prometheus.CounterVec
	lost     prometheus.Counter
	failures prometheus.Counter
	anchors  prometheus.Counter
	seconds  prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_trail_events_total", Help: "Audit events written, by category.",
		}, []string{"category"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_trail_lost_events_total", Help: "Audit events lost: they could not be written, and too many waited.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_trail_append_failures_total", Help: "Times that audit events could not be written; they were tried again.",
		}),
		anchors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sluice_trail_anchors_total", Help: "Signed anchors of the chain of audit events.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_trail_append_seconds", Help: "Time that one group of audit events took to be on disk.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16), // to 8 s
		}),
	}
	for _, category := range []trail.Category{trail.Management, trail.Data} {
		m.events.WithLabelValues(string(category))
	}
	return m
}

var queuedEvents = prometheus.NewDesc("sluice_trail_queued_events", "Audit events that wait to be written.", nil, nil)

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.lost, m.failures, m.anchors, m.seconds}
}

// Describe implements [prometheus.Collector].
func (r *Recorder) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range r.metrics.all() {
		c.Describe(ch)
	}
	ch <- queuedEvents
}

// Collect implements [prometheus.Collector].
func (r *Recorder) Collect(ch chan<- prometheus.Metric) {
	for _, c := range r.metrics.all() {
		c.Collect(ch)
	}
	r.mu.Lock()
	n := len(r.queue)
	r.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(queuedEvents, prometheus.GaugeValue, float64(n))
}
