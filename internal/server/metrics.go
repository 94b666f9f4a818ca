package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluicelog/sluice/internal/wire"
)

// Metrics are the numbers of one server and, through Registry, of the parts behind it.
type Metrics struct {
	Registry *prometheus.Registry // other parts put their own metrics here

	handler   http.Handler
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	inFlight  prometheus.Gauge
	bodyBytes *prometheus.CounterVec
	rawBytes  *prometheus.CounterVec
	groups    *prometheus.CounterVec
}

// NewMetrics makes the metrics of one server, with those of the process.
func NewMetrics() *Metrics {
	m := &Metrics{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_requests_total", Help: "Requests answered, by action, status and error code (empty for success).",
		}, []string{"action", "status", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sluice_request_seconds", Help: "Time from the headers of a request to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 17), // to 16 s
		}, []string{"action"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sluice_requests_in_flight", Help: "Requests being served.",
		}),
		bodyBytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_body_bytes_total", Help: "Bytes of request bodies (in) and of answers (out), as on the wire.",
		}, []string{"action", "direction"}),
		rawBytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_raw_bytes_total", Help: "Bytes of log groups written (in) and pulled (out), before compression.",
		}, []string{"direction"}),
		groups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_log_groups_total", Help: "Log groups written (in) and pulled (out).",
		}, []string{"direction"}),
	}
	m.Registry.MustRegister(m.requests, m.seconds, m.inFlight, m.bodyBytes, m.rawBytes, m.groups,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{})
	return m
}

// observe counts one request. Labels come from our own tables alone, so that no client can make them many.
func (m *Metrics) observe(c *wire.Call, status int, bodyIn, bodyOut int64, took time.Duration) {
	m.requests.WithLabelValues(c.Action, strconv.Itoa(status), c.Code).Inc()
	m.seconds.WithLabelValues(c.Action).Observe(took.Seconds())
	m.bodyBytes.WithLabelValues(c.Action, "in").Add(float64(bodyIn))
	m.bodyBytes.WithLabelValues(c.Action, "out").Add(float64(bodyOut))
	if c.GroupsIn > 0 {
		m.rawBytes.WithLabelValues("in").Add(float64(c.RawIn))
		m.groups.WithLabelValues("in").Add(float64(c.GroupsIn))
	}
	if c.GroupsOut > 0 {
		m.rawBytes.WithLabelValues("out").Add(float64(c.RawOut))
		m.groups.WithLabelValues("out").Add(float64(c.GroupsOut))
	}
}
