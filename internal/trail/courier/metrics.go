package courier

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	routes                                  prometheus.Gauge
	files, bytes, events, digests, failures prometheus.Counter
	lag                                     prometheus.Histogram
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "sluice_trail_delivery_" + name, Help: help})
	}
	return &metrics{
		routes:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "sluice_trail_delivery_routes", Help: "Ways of trails to their destinations that are being followed."}),
		files:    counter("files_total", "Log files put into buckets."),
		bytes:    counter("bytes_total", "Compressed bytes of those files."),
		events:   counter("events_total", "Events delivered, to buckets and to logstores."),
		digests:  counter("digests_total", "Digest files put into buckets."),
		failures: counter("failures_total", "Tries of deliveries that failed."),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sluice_trail_delivery_lag_seconds", Help: "Time from the oldest event of a file to its being in the bucket.",
			Buckets: []float64{5, 15, 30, 60, 120, 300, 900, 3600, 14400, 86400},
		}),
	}
}

// delivered counts a file.
func (m *metrics) delivered(f *file, now time.Time) {
	m.files.Inc()
	m.bytes.Add(float64(f.body.Len()))
	m.events.Add(float64(f.count))
	m.lag.Observe(now.Sub(f.oldest).Seconds())
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.routes, m.files, m.bytes, m.events, m.digests, m.failures, m.lag}
}

// Describe implements [prometheus.Collector].
func (c *Courier) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics.all() {
		m.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (c *Courier) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.metrics.all() {
		m.Collect(ch)
	}
}
