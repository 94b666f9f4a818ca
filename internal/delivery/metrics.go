package delivery

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice/internal/meta"
)

// faults count what should never be.
type faults struct{ logs atomic.Int64 }

func (f *faults) unbalanced(logs int64) { f.logs.Add(max(logs, -logs)) }

// Unbalanced is 0: how many logs this engine's counters did not account for at some commit.
func (e *Engine) Unbalanced() int64 { return e.faults.logs.Load() }

// SourceReads counts the reads of shard logs.
func (e *Engine) SourceReads() int64 { return e.source.reads.Load() }

// SourceRereads counts those that began before what had been read: for a task that is behind others, or forms a batch again.
func (e *Engine) SourceRereads() int64 { return e.source.again.Load() }

// Commits counts the transactions that moved points.
func (e *Engine) Commits() int64 { return e.keeper.commits.Load() }

// Memory is what batches take now.
func (e *Engine) Memory() int64 {
	e.budget.mu.Lock()
	defer e.budget.mu.Unlock()
	return e.budget.held
}

// Workers is how many points this engine works on.
func (e *Engine) Workers() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.workers)
}

// Labels are names of projects and tasks: there are as many as limits let there be.
var (
	taskLabels = []string{"project", "task"}
	lagDesc    = describe("oldest_undelivered_seconds", "Age of the oldest log that an online task has not delivered.", taskLabels...)
	backlog    = describe("backlog_groups", "Log groups that an online task has not delivered.", taskLabels...)
	failing    = describe("failing", "1 while the tries of an online task fail.", taskLabels...)
	online     = describe("online", "1 for a task that is online.", taskLabels...)
	outcomes   = describe("logs_total", "Logs read by tasks, by what came of them.", append(taskLabels, "outcome")...)
	inFlight   = describe("in_flight_logs", "Logs in batches that may have been sent.", taskLabels...)
	bytesDesc  = describe("bytes_total", "Bytes delivered, encoded and before compression.", taskLabels...)
	batches    = describe("batches_total", "Batches delivered.", taskLabels...)
	retries    = describe("retries_total", "Tries after the first.", taskLabels...)
	lostDesc   = describe("lost_groups_total", "Log groups that were gone before a task read them.", append(taskLabels, "why")...)
	unbalanced = describe("unbalanced_logs", "Logs read of which it is not known what came of them; always 0.")
	workers    = describe("workers", "Shards that this engine works on, over all tasks.")
	memory     = describe("memory_bytes", "Memory of batches.")
	reads      = describe("source_reads_total", "Reads of shard logs by tasks.")
	rereads    = describe("source_rereads_total", "Reads of what some task had read before, of all reads.")
	commits    = describe("commits_total", "Transactions that stored the progress of tasks.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sluice_delivery_"+name, help, labels, nil)
}

// Describe is for Prometheus.
func (e *Engine) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(e, to) }

// collectTime bounds one look at all tasks.
const collectTime = 5 * time.Second

// Collect is for Prometheus: it looks at all tasks.
func (e *Engine) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	single := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
		to <- prometheus.MustNewConstMetric(d, kind, v)
	}
	single(workers, prometheus.GaugeValue, float64(e.Workers()))
	single(memory, prometheus.GaugeValue, float64(e.Memory()))
	single(reads, prometheus.CounterValue, float64(e.SourceReads()))
	single(rereads, prometheus.CounterValue, float64(e.SourceRereads()))
	single(commits, prometheus.CounterValue, float64(e.Commits()))
	all, err := e.Statuses(ctx)
	if err != nil {
		e.o.Logger.Warn("delivery tasks cannot be measured", "error", err)
	}
	astray := e.Unbalanced()
	for _, s := range all {
		collectTask(to, s)
		astray += s.Counters.Unbalanced() + s.Redriven.Unbalanced()
	}
	single(unbalanced, prometheus.GaugeValue, float64(astray))
}

// Statuses returns how all tasks do.
func (e *Engine) Statuses(ctx context.Context) ([]*Status, error) {
	var tasks []meta.DeliveryTask
	points := map[taskKey][]meta.DeliveryPoint{}
	err := e.store.View(ctx, func(tx meta.Tx) (err error) {
		if tasks, err = tx.AllDeliveryTasks(); err != nil {
			return err
		}
		all, err := tx.AllDeliveryPoints()
		for _, p := range all {
			key := taskKey{p.Project, p.Task}
			points[key] = append(points[key], p)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []*Status
	for _, m := range tasks {
		s, err := e.statusOf(ctx, m, points[taskKey{m.Project, m.Name}])
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}
	return all, nil
}

func collectTask(to chan<- prometheus.Metric, s *Status) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, more ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, v, append([]string{s.Project, s.Spec.Name}, more...)...)
	}
	live := s.State == Online || s.State == Failing
	send(online, prometheus.GaugeValue, truth(live))
	send(failing, prometheus.GaugeValue, truth(s.State == Failing))
	if live {
		send(lagDesc, prometheus.GaugeValue, s.Lag.Seconds())
		send(backlog, prometheus.GaugeValue, float64(s.Backlog))
	}
	c := s.Counters
	c.Add(&s.Redriven)
	for _, o := range []struct {
		name string
		logs int64
	}{
		{"delivered", c.Delivered},
		{"filtered", c.Filtered},
		{"sampled_out", c.Sampled},
		{"dead_lettered", c.DeadLettered},
		{"expired", c.Expired},
		{"skipped", c.Skipped},
	} {
		send(outcomes, prometheus.CounterValue, float64(o.logs), o.name)
	}
	send(inFlight, prometheus.GaugeValue, float64(c.InFlight))
	send(bytesDesc, prometheus.CounterValue, float64(c.Bytes))
	send(batches, prometheus.CounterValue, float64(c.Batches))
	send(retries, prometheus.CounterValue, float64(c.Retries))
	send(lostDesc, prometheus.CounterValue, float64(c.ExpiredGroups), "expired")
	send(lostDesc, prometheus.CounterValue, float64(c.DamagedGroups), "damaged")
	send(lostDesc, prometheus.CounterValue, float64(c.SkippedGroups), "skipped")
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
