package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// DevoConfig is where and how events go to Devo, or to a relay of it.
type DevoConfig struct {
	Address string `json:"address"`
	Port    int    `json:"port,omitempty"` // [443]
	Type    string `json:"type,omitempty"` // SSL, or TCP to a relay in the same house [SSL]

	// Files in PEM, beside the file of the configuration if they are relative: authorities that have signed Devo's certificate [those of the
	// system], and our own certificate and its key.
	Chain string `json:"chain,omitempty"`
	Cert  string `json:"cert,omitempty"`
	Key   string `json:"key,omitempty"`

	Hostname string `json:"hostname,omitempty"` // in the messages [this host's]
	// Acknowledge is how an answer is had from a receiver that gives none. none: a batch is delivered when the kernel has it, over a connection that is
	// kept; what was written in the last seconds before it broke is written again. close: each batch has a connection, and is delivered when the receiver
	// closes it behind the end; fewer batches a second, and nothing is lost [none].
	Acknowledge string `json:"acknowledge,omitempty"`
	// ReplaySeconds are the last seconds, 1 to 60 [5].
	ReplaySeconds int `json:"replay_seconds,omitempty"`
}

// devoLength bounds a message, in bytes. Longer events are refused: cut ones would not be JSON.
const devoLength = 16 << 20

// DevoKind makes outputs to Devo. Files of configurations are relative to dir.
func DevoKind(env sink.Env, dir string) OutputKind {
	return func(_ string, raw json.RawMessage) (Destination, error) {
		var c DevoConfig
		if err := Strictly(raw, &c); err != nil {
			return nil, err
		}
		sinkConfig, err := c.syslog(dir)
		if err != nil {
			return nil, err
		}
		d := &devo{config: sinkConfig, env: env, tables: map[string]*SinkDestination{}}
		_, err = d.table(probeTable)
		return d, err
	}
}

// probeTable is the table of nothing: what a check connects for.
const probeTable = "test.drop.free"

// syslog is c as a syslog destination, without its tag.
func (c *DevoConfig) syslog(dir string) (s syslogsink.Config, err error) {
	s = syslogsink.Config{
		Host: c.Address, Port: c.Port, Standard: syslogsink.Devo, Protocol: syslogsink.TLS, Hostname: c.Hostname,
		KeepOpen: true, ReplaySeconds: c.ReplaySeconds, MaxLength: devoLength, Long: syslogsink.Reject, MessageField: "event",
	}
	s.Format = syslogsink.Raw
	if s.Port == 0 {
		s.Port = 443
	}
	if s.Hostname == "" {
		if s.Hostname, err = os.Hostname(); err != nil {
			return s, fmt.Errorf("hostname: %w", err)
		}
	}
	switch c.Acknowledge {
	case "", "none":
	case "close":
		s.KeepOpen = false
	default:
		return s, fmt.Errorf("acknowledge: %.40q is neither none nor close", c.Acknowledge)
	}
	switch c.Type {
	case "TCP":
		s.Protocol = syslogsink.TCP
		if c.Chain != "" || c.Cert != "" || c.Key != "" {
			return s, errors.New("type: TCP has no certificates; give type SSL")
		}
		return s, nil
	case "", "SSL":
	default:
		return s, fmt.Errorf("type: %.40q is neither SSL nor TCP", c.Type)
	}
	s.TLS = &tlsconf.Config{}
	var key string
	for _, file := range []struct {
		name, path string
		text       *string
	}{{"chain", c.Chain, &s.TLS.CA}, {"cert", c.Cert, &s.TLS.Certificate}, {"key", c.Key, &key}} {
		if *file.text, err = pemFile(dir, file.path); err != nil {
			return s, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	s.TLS.Key = sink.NewSecret(key)
	return s, nil
}

// pemFile reads a file; "" is none.
func pemFile(dir, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	const most = 1 << 20
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > most {
		return "", fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// devo has a destination for each table: the table is in the head of each message.
type devo struct {
	config syslogsink.Config
	env    sink.Env

	mu     sync.Mutex // guards tables
	tables map[string]*SinkDestination
}

func (d *devo) table(name string) (*SinkDestination, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t := d.tables[name]; t != nil {
		return t, nil
	}
	c := d.config
	c.Tag = name
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s, err := syslogsink.Open(c, d.env)
	if err != nil {
		return nil, err
	}
	t := NewSinkDestination(s)
	d.tables[name] = t
	return t, nil
}

// Check connects. It sends nothing.
func (d *devo) Check(ctx context.Context) error {
	c := d.config
	c.KeepOpen, c.Tag = false, probeTable
	s, err := syslogsink.Open(c, d.env)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Check(ctx)
}

// Mark implements [Destination]: nobody answers.
func (d *devo) Mark(context.Context, string) (json.RawMessage, error) { return nil, nil }

// Send implements [Destination].
func (d *devo) Send(ctx context.Context, del *Delivery) ([]Refusal, error) {
	t, err := d.table(del.Tag)
	if err != nil {
		return nil, err
	}
	whole := *del
	whole.Events = make([]Event, len(del.Events))
	for i := range del.Events {
		e := &del.Events[i]
		whole.Events[i] = Event{Time: e.Time, Nanos: e.Nanos, Fields: []sink.Field{
			{Key: "event", Value: string(e.AppendJSON(nil)), Kind: sink.JSON},
		}}
	}
	return t.Send(ctx, &whole)
}

func (d *devo) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for name, t := range d.tables {
		errs = append(errs, t.Close())
		delete(d.tables, name)
	}
	return errors.Join(errs...)
}
