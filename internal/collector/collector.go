// Package collector pulls logs of other services (audit events of an API, logstores, message queues), in order and without losing any,
// and gives them to outputs: logstores, any destination that delivery knows, Devo.
//
//	source ──Read──> batch ──without what was seen──> intent ──> outputs ──yes──> done ──Settle──> source
//	   ▲                                                │                          │
//	   └──── the place behind the batch                 └────── the state file ────┘
//
// A service of an input has one source, which has parts: the shards of a logstore, the regions of an account, a queue. Each part is read
// by itself, one batch at a time, and has a state file: its place, what it has seen, and the batch that was about to go out.
//
// Invariants:
//   - A place moves only after every output has the whole batch, and the file says so, synced.
//   - A batch is the same at each try, also after a crash: the intent holds its events, or the two places that they lie between.
//     Its events have numbers that are given once, so an output can tell whether it has it.
//   - An event that a source gives again, with the same id, while it is remembered, goes out once.
//   - Parts do not wait for each other, but for those that they were made of; services and inputs never do.
//   - One collector has a state directory at a time.
//
// Whether an event arrives once depends on the output. A logstore is asked, before a batch is sent again, whether it has it: once. Destinations that
// name what they get (objects in buckets) get the same name again: once. All others get at least once.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/vfs"
)

// Options of a collector that stand in no file.
type Options struct {
	Kinds   map[string]Kind       // services by name
	Outputs map[string]OutputKind // by type
	// Dir keeps the state. It is made if it is not there.
	Dir string
	FS  vfs.FS           // [the real one]
	Now func() time.Time // [time.Now]
	// Transport sends the requests of sources that speak HTTP [each has its own].
	Transport http.RoundTripper
	// Once ends a service behind the first cycle without an error.
	Once bool
	Tell func(Line) // gets each line of the log; called from many goroutines [nobody]
}

// Collector runs the services of a configuration.
type Collector struct {
	config   *Config
	options  Options
	outputs  *outputs
	services []*service
	paces    paces
}

// New makes a collector of a configuration. It opens nothing yet.
func New(c *Config, o Options) (*Collector, error) {
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(Line) {}
	}
	col := &Collector{config: c, options: o, outputs: newOutputs(c.Outputs, o.Outputs), paces: paces{now: o.Now}}
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		in := c.Inputs[name]
		if in.Enabled != nil && !*in.Enabled {
			continue
		}
		for _, service := range slices.Sorted(maps.Keys(in.Services)) {
			s, err := newService(col, name, in, service)
			if err != nil {
				return nil, fmt.Errorf("inputs.%s.services.%s: %w", name, service, err)
			}
			col.services = append(col.services, s)
		}
	}
	if len(col.services) == 0 {
		return nil, errors.New("inputs: there is no service to run")
	}
	return col, nil
}

// Run runs all services until ctx ends, or until none of them is left: those that cannot be set up stop alone. Its error is that of those that did, if
// none is left.
func (c *Collector) Run(ctx context.Context) error {
	unlock, err := lock(c.options.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	defer c.outputs.close()
	var (
		mu   sync.Mutex
		errs []error
		all  sync.WaitGroup
	)
	for _, s := range c.services {
		all.Go(func() {
			s.tell(slog.LevelInfo, s.kind.Module, "Starting thread")
			if err := s.run(ctx); err != nil && ctx.Err() == nil {
				s.tell(slog.LevelError, s.kind.Module, err.Error())
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s, %s: %w", s.input, s.name, err))
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errs...)
}

// Finding is what a check of a service or an output found: Err is nil if it is ready.
type Finding struct {
	Name string // input/service, or the output
	Err  error
}

// Check finds out whether all services could be pulled and all outputs take logs, now. It reads little, writes nothing, and needs no state.
func (c *Collector) Check(ctx context.Context) []Finding {
	defer c.outputs.close()
	var list []Finding
	for _, s := range c.services {
		err := s.open()
		if err == nil {
			err = s.test(ctx)
		}
		list = append(list, Finding{s.input + "/" + s.name, err})
	}
	for _, o := range c.outputs.all() {
		list = append(list, Finding{o.name, o.Check(ctx)})
	}
	return list
}

// Status is what a service has done since the start.
type Status struct {
	Input, Service string
	Counts
	LastSuccess time.Time // end of the last cycle without an error; zero for none
	Fault       string    // of the last cycle; "" for none
}

// Status returns that of each service. It may be called while they run.
func (c *Collector) Status() []Status {
	list := make([]Status, len(c.services))
	for i, s := range c.services {
		s.mu.Lock()
		list[i] = Status{Input: s.input, Service: s.name, Counts: s.since, LastSuccess: s.last, Fault: s.fault}
		s.mu.Unlock()
	}
	return list
}
