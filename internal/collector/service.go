package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// service is one service of an input: it reads its source in cycles.
type service struct {
	collector *Collector
	input, id string // of the input
	name      string
	kind      Kind
	common    Service
	own       json.RawMessage
	keys      Credentials
	tag       string

	// Since open:
	clock   *Clock
	source  Source
	outputs []*output

	start   time.Time // configured; zero for none
	origin  time.Time // where the first run began
	workers map[string]*worker

	refusedMu sync.Mutex // held while the file of refused events is written

	mu    sync.Mutex // guards what is below
	since Counts     // of all cycles
	last  time.Time  // end of the last cycle without an error
	fault string     // of the last cycle; "" for none
}

// Bounds of the pauses after errors, and of the parts that are read at once.
const (
	firstPause  = time.Second
	longest     = time.Minute
	partsAtOnce = 4
)

func newService(c *Collector, input string, in Input, name string) (*service, error) {
	kind, ok := c.options.Kinds[name]
	if !ok {
		return nil, fmt.Errorf("there is no such service; there are %s", strings.Join(kindNames(c.options.Kinds), ", "))
	}
	s := &service{
		collector: c, input: input, id: in.ID, name: name, kind: kind, keys: in.Credentials, tag: kind.Tag, workers: map[string]*worker{},
		clock: NewClock(c.options.Now),
	}
	var err error
	if s.common, s.own, err = splitService(in.Services[name]); err != nil {
		return nil, err
	}
	if s.common.Tag != "" {
		s.tag = s.common.Tag
	}
	return s, nil
}

func kindNames(kinds map[string]Kind) (names []string) {
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// tell writes a line about the service.
func (s *service) tell(level slog.Level, module, text string) {
	s.collector.tell(level, module, s.input, s.id, s.name, text)
}

func (c *Collector) tell(level slog.Level, module, input, id, service, text string) {
	if level == slog.LevelDebug && !c.config.Globals.Debug {
		return
	}
	c.options.Tell(Line{
		Time: c.options.Now(), Level: level, Process: "InputProcess", Module: module, Input: input, InputID: id, Service: service, Text: text,
	})
}

// setupModule is the name of the module that sets the service up.
func (s *service) setupModule() string {
	return strings.TrimSuffix(s.kind.Module, "StandardPuller") + "PullerSetup"
}

// open makes the source and the outputs of the configuration. It sends nothing.
func (s *service) open() (err error) {
	if s.start, err = startOf(s.common.InitialStart, s.collector.config.Globals.DatetimeFormat, s.clock.Now()); err != nil {
		return err
	}
	if s.keys.AccessKeyID == "" || s.keys.AccessKeySecret.IsZero() {
		return errBuild(errors.New("credentials: access_key_id and access_key_secret are both needed"))
	}
	if s.source == nil {
		s.source, err = s.kind.Open(SourceSetup{Config: s.own, Credentials: s.keys, Clock: s.clock, Transport: s.collector.options.Transport, Pace: s.collector.paces.pace})
		if err != nil {
			return errBuild(err)
		}
	}
	s.outputs, err = s.collector.outputs.named(s.common.Outputs)
	return err
}

// test pulls a little.
func (s *service) test(ctx context.Context) error {
	if err := s.source.Check(ctx); err != nil {
		return errTest(err)
	}
	return nil
}

// run sets the service up and runs its cycles until ctx ends. Its error says why there will be none.
func (s *service) run(ctx context.Context) error {
	if err := s.open(); err != nil {
		return err
	}
	defer s.source.Close()
	for pause := firstPause; ; pause = min(2*pause, longest) {
		err := s.test(ctx)
		if err == nil {
			break
		}
		var denied *Denied
		if errors.As(err, &denied) || ctx.Err() != nil {
			return err
		}
		s.tell(slog.LevelError, s.setupModule(), err.Error())
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
	s.tell(slog.LevelInfo, s.setupModule(), fmt.Sprintf("Setup for module <%s> has been successfully executed", s.kind.Module))
	if err := s.recall(); err != nil {
		return err
	}
	defer s.closeWorkers()
	return s.cycles(ctx)
}

func (s *service) period() time.Duration {
	if p := s.common.RequestPeriod; p > 0 {
		return time.Duration(p * float64(time.Second))
	}
	return s.kind.Period
}

// cycles runs one cycle after the other, a period from start to start. After errors the pause grows. It ends with ctx, or behind the first that was
// without an error if that is wanted.
func (s *service) cycles(ctx context.Context) error {
	now := s.collector.options.Now
	pause := firstPause
	for {
		began := now()
		err := s.cycle(ctx)
		took := now().Sub(began)
		wait := s.period() - took
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.tell(slog.LevelError, s.kind.Module, errPull(s.kind.PullID, err).Error())
			wait = max(pauseOf(err), min(pause, max(wait, firstPause)))
			pause = min(2*pause, longest)
		default:
			pause = firstPause
			s.tell(slog.LevelInfo, s.kind.Module, "The data is up to date!")
			if s.collector.options.Once {
				return nil
			}
		}
		wait = max(wait, 0)
		s.tell(slog.LevelInfo, s.kind.Module, fmt.Sprintf("Data collection completed. Elapsed time: %.3f seconds. Waiting for %.3f second(s) until the next one",
			took.Seconds(), wait.Seconds()))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// cycle is one pull cycle.
type cycle struct {
	Cycle
	statistics
	service *service
}

// partial tells how far the cycle is.
func (c *cycle) partial() {
	c.service.tell(slog.LevelInfo, c.service.kind.Module, c.line(true))
}

// cycle reads every part to its end. Its error is that of the parts that failed; the others were read.
func (s *service) cycle(ctx context.Context) error {
	began := s.clock.Now()
	c := &cycle{service: s, Cycle: Cycle{ID: began.UnixMilli(), Began: began, Start: s.origin}}
	c.Tell = func(text string) { s.tell(slog.LevelInfo, s.kind.Module, text) }
	c.statistics = statistics{id: c.ID, began: s.collector.options.Now(), now: s.collector.options.Now}
	s.tell(slog.LevelInfo, s.kind.Module, "Pull Started")
	parts, err := s.source.Parts(ctx)
	if err != nil {
		return err
	}
	err = s.drain(ctx, c, parts)
	s.tell(slog.LevelInfo, s.kind.Module, c.line(false))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since.add(c.total())
	if s.fault = ""; err != nil {
		s.fault = err.Error()
	} else {
		s.last = s.collector.options.Now()
	}
	return err
}

// drain reads parts, some at a time, each after those that it was made of.
func (s *service) drain(ctx context.Context, c *cycle, parts []Part) error {
	if err := s.assign(parts); err != nil {
		return err
	}
	var (
		all   sync.WaitGroup
		slots = make(chan struct{}, partsAtOnce)
		done  = map[string]chan struct{}{}
		errs  = make([]error, len(parts))
	)
	for _, p := range parts {
		done[p.Name] = make(chan struct{})
	}
	for i, p := range parts {
		w := s.workers[p.Name]
		all.Go(func() {
			defer close(done[p.Name])
			for _, name := range p.After {
				if ch := done[name]; ch != nil && name != p.Name {
					<-ch
				}
			}
			if !s.ready(p, done) {
				return
			}
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := w.drain(ctx, c); err != nil {
				errs[i] = fmt.Errorf("part %s: %w", p.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// ready says whether those that a part was made of, as far as they are still there, were read to their ends.
func (s *service) ready(p Part, there map[string]chan struct{}) bool {
	for _, name := range p.After {
		if there[name] != nil && name != p.Name && !s.workers[name].journal.state.Finished {
			return false
		}
	}
	return true
}

// assign has a worker for each part. Those of parts that are not listed any more stay: a list may be wrong, and a state is small.
func (s *service) assign(parts []Part) error {
	for _, p := range parts {
		w := s.workers[p.Name]
		if w == nil {
			j, err := s.openPart(p.Name)
			if err != nil {
				return err
			}
			w = &worker{service: s, journal: j}
			s.workers[p.Name] = w
		}
		w.part = p
	}
	return nil
}

func (s *service) closeWorkers() {
	for _, w := range s.workers {
		w.journal.close()
	}
	clear(s.workers)
}

// statePath is the state file of a part.
func (s *service) statePath(part string) string {
	return filepath.Join(s.collector.options.Dir, s.input+"."+s.name+"."+part+stateSuffix)
}
