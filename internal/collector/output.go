package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Destination is where an output sends events. Its methods may be called from many goroutines.
type Destination interface {
	// Check finds out whether events could be sent now. It leaves nothing behind but what its documentation names.
	Check(ctx context.Context) error
	// Mark returns a place behind everything that the destination has of a stream, so that what comes behind it can be looked for; nil where
	// destinations cannot be asked.
	Mark(ctx context.Context, stream string) (json.RawMessage, error)
	// Send sends a delivery. Nil means that the destination has all of it, as durably as it ever will, but for the events that it
	// refuses for good. After an error it is sent again, whole, by this process or the next, with Again set.
	Send(ctx context.Context, d *Delivery) ([]Refusal, error)
	// Close gives up connections.
	Close() error
}

// Delivery is a batch of events on its way to a destination. It is the same at each try.
type Delivery struct {
	Input, Service, Part string
	Tag                  string // the table of the events in Devo
	Cycle                int64  // id of the pull: milliseconds since 1970
	First                int64  // number of the first event in its stream; no other has it
	Events               []Event
	Mark                 json.RawMessage // what Mark returned before this and some more deliveries
	Again                bool            // an earlier try may have sent it, or some of it
}

// Stream names the stream of the events, for good.
func (d *Delivery) Stream() string { return streamName(d.Input, d.Service, d.Part) }

func streamName(input, service, part string) string { return input + "/" + service + "/" + part }

// Refusal is an event that a destination will never take.
type Refusal struct {
	Index  int // in the delivery
	Reason string
}

// OutputKind makes destinations of a type. It sends nothing; its error is about the configuration.
type OutputKind func(name string, config json.RawMessage) (Destination, error)

// outputs are those of a configuration; each is opened when it is needed first.
type outputs struct {
	config map[string]Output
	kinds  map[string]OutputKind

	mu   sync.Mutex // guards open
	open map[string]*output
}

// output is a destination with its name.
type output struct {
	Destination
	name string
}

func newOutputs(c map[string]Output, kinds map[string]OutputKind) *outputs {
	return &outputs{config: c, kinds: kinds, open: map[string]*output{}}
}

// named opens outputs by name; none means all.
func (l *outputs) named(names []string) ([]*output, error) {
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(l.config))
	}
	var list []*output
	for _, name := range names {
		o, err := l.get(name)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

func (l *outputs) get(name string) (*output, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.open[name]; o != nil {
		return o, nil
	}
	c, ok := l.config[name]
	if !ok {
		return nil, fmt.Errorf("outputs: there is no %.80q", name)
	}
	kind, ok := l.kinds[c.Type]
	if !ok {
		return nil, fmt.Errorf("outputs.%s.type: %.40q is not one of %v", name, c.Type, slices.Sorted(maps.Keys(l.kinds)))
	}
	d, err := kind(name, c.Config)
	if err != nil {
		return nil, fmt.Errorf("outputs.%s: %w", name, err)
	}
	o := &output{d, name}
	l.open[name] = o
	return o, nil
}

// all are the outputs that are open, by name.
func (l *outputs) all() []*output {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*output
	for _, name := range slices.Sorted(maps.Keys(l.open)) {
		list = append(list, l.open[name])
	}
	return list
}

func (l *outputs) close() {
	for _, o := range l.all() {
		_ = o.Close() // what it took is where it belongs
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.open)
}

// pauseOf is the pause that an error asks for, 0 for none.
func pauseOf(err error) time.Duration {
	var t *Throttled
	if errors.As(err, &t) {
		return t.After
	}
	return 0
}
