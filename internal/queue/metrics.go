package queue

import "github.com/prometheus/client_golang/prometheus"

// metrics count what happens in all queues. They are named here and nowhere else.
type metrics struct {
	sent, received, deleted, lost, expired prometheus.Counter

	queues, messages *prometheus.Desc
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "sluice_queue_" + name + "_total", Help: help})
	}
	return &metrics{
		sent:     counter("sent", "Messages sent to queues."),
		received: counter("received", "Messages received, each time counted."),
		deleted:  counter("deleted", "Messages deleted by who received them, or with their queue purged."),
		lost:     counter("lost", "Messages whose bodies were damaged, or removed from their logstore too early."),
		expired:  counter("expired", "Messages that were too old before anybody deleted them."),
		queues:   prometheus.NewDesc("sluice_queues", "Queues.", nil, nil),
		messages: prometheus.NewDesc("sluice_queue_messages", "Messages in queues, by what they wait for.", []string{"state"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (s *Service) Describe(ch chan<- *prometheus.Desc) {
	m := s.metrics
	for _, d := range []*prometheus.Desc{m.sent.Desc(), m.received.Desc(), m.deleted.Desc(), m.lost.Desc(), m.expired.Desc(), m.queues, m.messages} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *Service) Collect(ch chan<- prometheus.Metric) {
	m := s.metrics
	for _, c := range []prometheus.Counter{m.sent, m.received, m.deleted, m.lost, m.expired} {
		ch <- c
	}
	var active, inactive, delayed int
	queues := s.all()
	for _, q := range queues {
		i := q.info()
		active, inactive, delayed = active+i.Active, inactive+i.Inactive, delayed+i.Delayed
	}
	ch <- prometheus.MustNewConstMetric(m.queues, prometheus.GaugeValue, float64(len(queues)))
	for state, n := range map[string]int{"active": active, "inactive": inactive, "delayed": delayed} {
		ch <- prometheus.MustNewConstMetric(m.messages, prometheus.GaugeValue, float64(n), state)
	}
}
