// Package actiontrail is the source of the service that pulls audit events by the API of ActionTrail, LookupEvents. It keeps them 90 days, gives 50
// a page, takes two requests a second from an account, filters by whole seconds, and shows some events minutes late.
//
//	                     settled                read            now − 10 min       now
//	───────────────────────┼──────────────────────┼──────────────────┼──────────────┤
//	  will not be read     │  looked at once, and │  next window of  │   not yet    │
//	  again                │  once more when it   │  the first look  │              │
//	                       │  is 25 min old       │
//
// Time is read in windows, a window page by page with both of its ends fixed, and a place moves past a window when its last page was read. Each window is
// read when it is 10 minutes old (hold_back_seconds), and again when it is 25 minutes old (second_look_seconds): what came late, or was left out by a
// walk over pages that moved, is found then. Windows that are older than that at the first look are settled at once, so history is read once.
//
// Events are known by their id, or by the digest of their content where they have none. Those of windows that are not settled, and of the window that
// is being read, are remembered. Pages may repeat events, or come in any order.
package actiontrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
)

// Config is a service's section beside what is common to all.
type Config struct {
	Region  string   `json:"region,omitempty"`
	Regions []string `json:"regions,omitempty"` // several, each with its own place
	// Endpoint of the API; {region} in it is the region [https://actiontrail.{region}.aliyuncs.com].
	Endpoint   string `json:"endpoint,omitempty"`
	APIVersion string `json:"api_version,omitempty"` // 2020-07-06 or 2017-12-04 [2020-07-06]
	EventRW    string `json:"event_rw,omitempty"`    // Read, Write or All [All]

	HoldBackSeconds   int     `json:"hold_back_seconds,omitempty"`   // 1 to 86400 [600]
	SecondLookSeconds int     `json:"second_look_seconds,omitempty"` // age of a window at its second look, up to 259200 [hold_back_seconds + 900]
	PerSecond         float64 `json:"requests_per_second,omitempty"` // of all services with this access key and region, 0.01 to 100 [2]
}

// Kind is the service.
func Kind() collector.Kind {
	return collector.Kind{
		Module: "ActionTrailStandardPuller", PullID: 300, Tag: "cloud.alibaba.actiontrail.events", Period: time.Minute,
		Oldest: 90 * 24 * time.Hour, Open: open,
	}
}

// Source reads the events of one account.
type Source struct {
	config  Config
	clock   *collector.Clock
	clients map[string]*api // by region

	mu     sync.Mutex     // guards failed
	failed map[string]int // cycles in a row in which the page at a region's place failed
}

func open(s collector.SourceSetup) (collector.Source, error) {
	var c Config
	if err := collector.Strictly(s.Config, &c); err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	src := &Source{config: c, clock: s.Clock, clients: map[string]*api{}, failed: map[string]int{}}
	for _, region := range c.Regions {
		endpoint, err := url.Parse(strings.ReplaceAll(c.Endpoint, "{region}", region))
		if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" {
			return nil, fmt.Errorf("endpoint: %.200q is not of the form https://host", c.Endpoint)
		}
		pace := s.Pace("actiontrail "+s.Credentials.AccessKeyID+" "+endpoint.Host, c.PerSecond)
		src.clients[region] = newAPI(endpoint, region, c, s, pace)
	}
	return src, nil
}

func (c *Config) complete() error {
	if c.Region != "" {
		c.Regions = append([]string{c.Region}, c.Regions...)
	}
	if len(c.Regions) == 0 {
		return errors.New("region is needed")
	}
	for i, region := range c.Regions {
		if region == "" || len(region) > 64 || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || slices.Contains(c.Regions[:i], region) {
			return fmt.Errorf("regions: %.80q is no region, or is there twice", region)
		}
	}
	set(&c.Endpoint, "https://actiontrail.{region}.aliyuncs.com")
	set(&c.APIVersion, version2020)
	set(&c.EventRW, "All")
	set(&c.HoldBackSeconds, 600)
	set(&c.SecondLookSeconds, c.HoldBackSeconds+900)
	set(&c.PerSecond, 2)
	switch {
	case c.APIVersion != version2020 && c.APIVersion != version2017:
		return fmt.Errorf("api_version: %.40q is neither %s nor %s", c.APIVersion, version2020, version2017)
	case !slices.Contains([]string{"Read", "Write", "All"}, c.EventRW):
		return fmt.Errorf("event_rw: %.40q is none of Read, Write and All", c.EventRW)
	case c.HoldBackSeconds < 1 || c.HoldBackSeconds > 86400:
		return fmt.Errorf("hold_back_seconds: %d is not between 1 and 86400", c.HoldBackSeconds)
	case c.SecondLookSeconds < c.HoldBackSeconds || c.SecondLookSeconds > 259200:
		return fmt.Errorf("second_look_seconds: %d is not between hold_back_seconds and 259200", c.SecondLookSeconds)
	case c.PerSecond < 0.01 || c.PerSecond > 100:
		return fmt.Errorf("requests_per_second: %g is not between 0.01 and 100", c.PerSecond)
	}
	return nil
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Check asks each region for one event.
func (s *Source) Check(ctx context.Context) error {
	for _, region := range s.config.Regions {
		client := s.clients[region]
		ask := func() error {
			now := s.clock.Now().Truncate(time.Second)
			_, err := client.lookup(ctx, window{From: now.Add(-time.Hour), To: now}, "", 1)
			return err
		}
		err := ask()
		if err != nil && clockIsWrong(err) { // and known better now
			err = ask()
		}
		if err != nil {
			return fmt.Errorf("region %s: %w", region, classified(err))
		}
	}
	return nil
}

// Parts are the regions.
func (s *Source) Parts(context.Context) ([]collector.Part, error) {
	var parts []collector.Part
	for _, region := range s.config.Regions {
		parts = append(parts, collector.Part{Name: region})
	}
	return parts, nil
}

// Read implements [collector.Source]: one page.
func (s *Source) Read(ctx context.Context, part collector.Part, at json.RawMessage, c collector.Cycle) (*collector.Batch, error) {
	p, err := placeOf(at, c.Start)
	if err != nil {
		return nil, err
	}
	if p.Window == nil && !p.next(s.ends(c)) {
		return p.batch(true, 0, nil)
	}
	requests := 0
	page, err := s.clients[part.Name].patiently(ctx, *p.Window, &requests)
	if err != nil && s.stuck(ctx, part.Name, p.Window, err) {
		err = fmt.Errorf("page %d of the window from %s on is refused, and the window is read from its start again: %w",
			p.Window.Pages+1, collector.ShowTime(p.Window.From), err)
		p.Window.Token, p.Window.Pages = "", 0
		return p.batch(false, requests, err)
	}
	if err != nil {
		return nil, err
	}
	s.goesOn(part.Name)
	events := eventsOf(page.Events, *p.Window, c.ID)
	b, err := p.batch(false, requests, p.turn(page.NextToken))
	if err == nil {
		b.Events = events
	}
	return b, err
}

// patience is how many cycles in a row a page may fail before its token is given up.
const patience = 3

// stuck says whether the token of a page has to be given up: it is refused, or its page fails again and again. Tokens expire.
func (s *Source) stuck(ctx context.Context, region string, w *window, err error) bool {
	if w.Token == "" || ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[region]++
	var denied *collector.Denied
	return !temporary(err) && !errors.As(err, &denied) || s.failed[region]%patience == 0
}

func (s *Source) goesOn(region string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, region)
}

// Again implements [collector.Source]: this source's batches do not last.
func (s *Source) Again(context.Context, collector.Part, json.RawMessage, json.RawMessage, collector.Cycle) ([]collector.Event, error) {
	return nil, collector.ErrGone
}

// Settle implements [collector.Source]: the API is not told.
func (s *Source) Settle(context.Context, collector.Part, json.RawMessage) error { return nil }

// Close implements [collector.Source].
func (s *Source) Close() error {
	for _, c := range s.clients {
		c.http.CloseIdleConnections()
	}
	return nil
}

// ends are the times up to which windows may be read in a cycle, the first time and the second. The first is held back, and at the end of a
// second, since the API filters by seconds.
func (s *Source) ends(c collector.Cycle) ends {
	limit := c.Began.Add(-time.Duration(s.config.HoldBackSeconds) * time.Second)
	first := limit.Truncate(time.Second)
	second := c.Began.Add(-time.Duration(s.config.SecondLookSeconds) * time.Second).Truncate(time.Second)
	return ends{first: first, second: second, tell: func() {
		c.Tell(fmt.Sprintf("Retrieving timestamp (%s) is greater than %s (datetime.now() - %d seconds). Setting end datetime to %s.",
			collector.ShowTime(c.Began), collector.ShowTime(limit), s.config.HoldBackSeconds, collector.ShowTime(limit)))
		c.Tell(fmt.Sprintf("Setting end_datetime to %s (end of previous second to account for Alibaba time filtration granularity)",
			collector.ShowTime(first.Add(-time.Microsecond))))
	}}
}
