package assistant

import "github.com/prometheus/client_golang/prometheus"

// metrics count what the assistant does. They are named here and nowhere else.
type metrics struct {
	targets *prometheus.CounterVec
	records prometheus.Counter
	lost    prometheus.Counter
	output  prometheus.Counter
	cloned  prometheus.Counter

	agents, underWay *prometheus.Desc
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "sluice_assistant_" + name, Help: help})
	}
	m := &metrics{
		targets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sluice_assistant_ended_total", Help: "Commands and files that are over on an instance, by how they ended.",
		}, []string{"status"}),
		records: counter("records_total", "Execution records that were written to the logstore."),
		lost:    counter("records_lost_total", "Execution records that were not kept, because too many of their account waited for a logstore that cannot be written to."),
		output:  counter("output_bytes_total", "Bytes of output that were kept in full."),
		cloned:  counter("cloned_identities_total", "Connections that were refused because they showed the identity of another agent."),
		agents:  prometheus.NewDesc("sluice_assistant_agents", "Agents that are connected.", nil, nil),
		underWay: prometheus.NewDesc("sluice_assistant_under_way",
			"Commands and files that are not over, by instance and invocation.", nil, nil),
	}
	for _, s := range finals { // a rate of what first happens later begins at zero
		m.targets.WithLabelValues(string(s))
	}
	return m
}

func (m *metrics) ended(s Status) { m.targets.WithLabelValues(string(s)).Inc() }

// Describe implements [prometheus.Collector].
func (s *Service) Describe(ch chan<- *prometheus.Desc) {
	m := s.metrics
	m.targets.Describe(ch)
	for _, d := range []*prometheus.Desc{m.records.Desc(), m.lost.Desc(), m.output.Desc(), m.cloned.Desc(), m.agents, m.underWay} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *Service) Collect(ch chan<- prometheus.Metric) {
	m := s.metrics
	m.targets.Collect(ch)
	for _, c := range []prometheus.Counter{m.records, m.lost, m.output, m.cloned} {
		ch <- c
	}
	s.mu.Lock()
	agents, underWay := len(s.sessions), 0
	for _, on := range s.live {
		underWay += len(on)
	}
	s.mu.Unlock()
	ch <- prometheus.MustNewConstMetric(m.agents, prometheus.GaugeValue, float64(agents))
	ch <- prometheus.MustNewConstMetric(m.underWay, prometheus.GaugeValue, float64(underWay))
}
