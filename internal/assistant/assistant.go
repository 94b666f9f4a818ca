// Package assistant runs commands and sends files on machines, and keeps a record of every run.
//
//	control API                          agents
//	  Run, Invoke, SendFile, Stop …        Hello, Events, Output
//	        │                                  │            │
//	        ▼                                  ▼            ▼
//	   Invocation ──1 to 100──► Target ◄── state machine   execution-output
//	   what to do, where        one instance │             full output, by offset
//	                                         │ a run is over, or never will be
//	                                         ▼
//	                                       outbox ──► execution-records ──delivery──► logstores, buckets
//
// An invocation is a command or a file for some instances; a target is one of these instances, with the state of what it does there (target.go draws
// it); a run is one execution on one target: one for most, many for schedules. Agents run schedules by themselves; this package numbers nothing and
// decides nothing that an agent has decided.
//
// Invariants:
//   - State is in metadata: an answer to the API or an acknowledgement to an agent means committed. Memory holds an index of what is not over yet, made
//     anew at start.
//   - An event of an agent counts once: it is taken if its number is the next of its target, in the transaction of all that follows from it.
//   - A target that is over stays as it is. Whatever comes later from an agent is answered with Forget.
//   - Each run that is over, and each target that is over without any, has one record in the logstore: its row in the outbox is made in the transaction
//     that ends it, and removed when the record is in the log; after a crash in between, the log is read before anything is written again (outbox.go).
//     An account whose logstore cannot be written to begins nothing once MaxWaiting rows wait; what goes on by itself loses its records, counted, from
//     twice as many on.
//   - Everything belongs to one account, and is there for no other ([Fleet]); its records and its output lie in a project of that account.
//   - Secrets are sealed at rest; what is resolved goes into the task that is signed for an agent, and nowhere else.
package assistant

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Options of the assistant. The zero value of a field means the default in brackets.
type Options struct {
	Region      string        // ["local"] that records and answers name
	AccountID   int64         // [1000000000000001] of whoever has no account of his own
	CertLife    time.Duration // [90 days] of the certificates of agents
	Heartbeat   time.Duration // [30 s] between heartbeats
	Deliver     time.Duration // [1 min] that a task waits for its agent
	Grace       time.Duration // [5 min] beyond its timeout that a run of an agent that is gone is waited for
	OutputBytes int64         // [16 MiB] of each run that are kept in full; negative: none
	ResultDays  int           // [30] that results are kept
	MaxResults  int           // [10000] invocations of each account that are over are kept

	MaxMachines    int // [10000] of an account
	MaxActivations int // [10000] of an account
	MaxParameters  int // [1000] in the parameter store of an account
	MaxUnderWay    int // [1000] invocations on a machine
	MaxWaiting     int // [50000] records of an account that cannot be written, from which on nothing is begun; from twice as many on they are lost

	Now    func() time.Time
	Logger *slog.Logger // [discard]
}

func (o *Options) fill() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	const day = 24 * time.Hour
	def(&o.CertLife, 90*day)
	def(&o.Heartbeat, 30*time.Second)
	def(&o.Deliver, time.Minute)
	def(&o.Grace, 5*time.Minute)
	if o.Region == "" {
		o.Region = "local"
	}
	if o.AccountID == 0 {
		o.AccountID = 1_000_000_000_000_001
	}
	if o.OutputBytes == 0 {
		o.OutputBytes = 16 << 20
	}
	if o.ResultDays == 0 {
		o.ResultDays = 30
	}
	for _, most := range []struct {
		field *int
		def   int
	}{
		{&o.MaxResults, maxKeptResults},
		{&o.MaxMachines, maxMachines},
		{&o.MaxActivations, maxActivations},
		{&o.MaxParameters, maxStoredParameters},
		{&o.MaxUnderWay, maxUnderWay},
		{&o.MaxWaiting, maxWaitingRecords},
	} {
		if *most.field == 0 {
			*most.field = most.def
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// Service is the assistant. It is safe for concurrent use.
type Service struct {
	o     Options
	store meta.Store
	cat   *catalog.Catalog
	door  sluice.Appender
	ring  *auth.Keyring

	commits  *committer
	identity *identity
	outbox   *outbox
	output   *fullOutput
	metrics  *metrics
	sending  sync.WaitGroup
	started  time.Time // tasks older than this may have been sent by a process before

	mu        sync.Mutex // guards what is below; nothing is waited for under it
	instances map[string]*Instance
	sessions  map[string]*Session
	live      map[string]map[string]*Target // targets that are not over, by instance and invocation; copies, never changed
	sent      map[targetKey]bool            // of live ones: an agent may have got it from this process
}

// New opens the assistant over metadata, and finds what is under way. Records and output are written through door.
func New(ctx context.Context, store meta.Store, cat *catalog.Catalog, door sluice.Appender, ring *auth.Keyring, o Options) (*Service, error) {
	o.fill()
	s := &Service{
		o: o, store: store, cat: cat, door: door, ring: ring, metrics: newMetrics(), started: o.Now(),
		instances: map[string]*Instance{}, sessions: map[string]*Session{}, live: map[string]map[string]*Target{}, sent: map[targetKey]bool{},
	}
	s.commits = newCommitter(store, s.reload)
	var err error
	if s.identity, err = loadIdentity(ctx, s); err != nil {
		return nil, err
	}
	s.outbox, s.output = newOutbox(s), newFullOutput(s)
	return s, s.load(ctx)
}

// load reads instances and what is not over, in place of what is known of them, and has the records of all accounts looked for.
func (s *Service) load(ctx context.Context) error {
	instances, live := map[string]*Instance{}, map[string]map[string]*Target{}
	accounts := []string{""}
	if err := s.store.View(ctx, func(tx meta.Tx) error {
		all, err := list[Instance](tx, kindInstance, meta.ItemRange{})
		if err != nil {
			return err
		}
		for _, i := range all {
			instances[i.ID] = i
		}
		fleets, err := tx.Items(kindFleet, meta.ItemRange{})
		if err != nil {
			return err
		}
		for _, f := range fleets {
			accounts = append(accounts, f.Name)
		}
		keys, err := liveOn(tx, "")
		if err != nil {
			return err
		}
		for _, key := range keys {
			t, err := get[Target](tx, kindTarget, key.name())
			if err != nil {
				return err
			}
			if t == nil { // a row that leads nowhere
				continue
			}
			if live[t.Instance] == nil {
				live[t.Instance] = map[string]*Target{}
			}
			live[t.Instance][t.Invocation] = t
		}
		return nil
	}); err != nil {
		return err
	}
	s.mu.Lock()
	s.instances, s.live = instances, live
	s.mu.Unlock()
	s.outbox.look(accounts...)
	return nil
}

// reload brings memory up to date with what was committed and not answered.
func (s *Service) reload() {
	if err := s.load(context.Background()); err != nil {
		s.o.Logger.Error("the index of commands under way may be behind; it is made anew at the next start", "error", err)
	}
}

// sweepEvery is how often deadlines are looked at.
const sweepEvery = time.Second

// pruneEvery is how often old results are removed, in sweeps.
const pruneEvery = 600

// Run does what goes by time, until ctx ends: deadlines, records that wait to be written, results that are too old.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.outbox.run(ctx) })
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("deadlines of commands were not looked at", "error", err)
		}
		if n%pruneEvery == 0 {
			if err := s.Prune(ctx); err != nil && ctx.Err() == nil {
				s.o.Logger.Warn("old results of commands stay", "error", err)
			}
		}
	}
}

// Close ends all sessions and waits for commits under way.
func (s *Service) Close() error {
	s.mu.Lock()
	sessions := make([]*Session, 0, len(s.sessions))
	for _, x := range s.sessions {
		sessions = append(sessions, x)
	}
	s.mu.Unlock()
	for _, x := range sessions {
		x.peer.Close(nil)
	}
	s.sending.Wait()
	s.commits.close()
	return nil
}

// SigningKey is the public key that tasks are signed with, and its name.
func (s *Service) SigningKey() (name string, public ed25519.PublicKey) {
	return s.identity.keyName, s.identity.signer.Public().(ed25519.PublicKey)
}

// Account is the id of the account of whoever has none of his own.
func (s *Service) Account() int64 { return s.o.AccountID }

// now is the present, as metadata keeps it.
func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Millisecond) }

// idText encodes so that text sorts as bytes do.
var idText = base32.HexEncoding.WithPadding(base32.NoPadding)

// newID makes an id that nobody guesses and that sorts by time.
func newID(prefix string, now time.Time) string {
	var raw [15]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(raw[6:]) // never fails
	return prefix + "-" + strings.ToLower(idText.EncodeToString(raw[:]))
}

// fail is an error with the code that the API gives it; its kind chooses the status.
func fail(kind sluice.Kind, code, format string, args ...any) error {
	return sluice.Errorf(kind, NounCode+code, format, args...)
}

// NounCode stands before the code in the noun of errors that are for callers of the API.
const NounCode = "code:"
