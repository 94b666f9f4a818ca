// Package importer reads the files that CloudTrail writes to a bucket into a logstore, each record once.
//
//	list ──> key not done ──> get, at most 50 MB ──> look through it: gzip, JSON, limits ──damaged──> fault: file, offset, why
//	  ▲                                                    │ sound
//	  │                                          records from the checkpoint on ──> groups ──> write door ──> checkpoint: file and record
//	  └──────────────── done ◄──────────────────────────── the last record
//
// How each record is written once, also when the server is killed anywhere: files are read one after another, and the records of a file in
// their order. Each log group carries tags that name the import, the file, and the number of the record behind its last. When it is not known
// whether a group was written, after a start or a failed append, the logs that were received since the last checkpoint are read back, and the
// file goes on behind the highest number that is found. CloudTrail itself may deliver an event twice, in two files: events whose id, time, name,
// request and account were seen among the last quarter of a million, two hours of them after a restart, are left out.
//
// Invariants:
//   - A file is done only when all its records are on disk.
//   - What is in a file cannot stop the import or harm the server: sizes are bounded before memory is spent, and what cannot be read is left
//     out and reported. A file that is damaged as a whole is left out as a whole.
//   - Keys to the bucket are sealed in metadata, and never come back.
package importer

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Sealer keeps secrets: it seals them for an owner, whose name is needed to open them again.
type Sealer interface {
	Seal(secret []byte, purpose, owner string) []byte
	Open(sealed []byte, purpose, owner string) ([]byte, error)
}

// Options of a service. The zero value of a field means the default in brackets.
type Options struct {
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // [the system's] to buckets
	Now    func() time.Time                                                     // [time.Now]
	Logger *slog.Logger                                                         // [discard]

	groupRecords int // [500] in one log group
}

// Service runs imports. It is safe for concurrent use.
type Service struct {
	store  meta.Store
	cat    *catalog.Catalog
	door   sluice.Appender // which takes logs of any time
	sealer Sealer
	o      Options
	memory chan struct{} // one token for each file in memory

	mu      sync.Mutex // guards all below
	running map[place]*job
	ctx     context.Context // of Run; nil before and after it
	wait    sync.WaitGroup  // for jobs
}

// place names an import.
type place struct{ Project, Name string }

// maxFiles is how many files are in memory at once.
const maxFiles = 2

// New makes a service. door has to take logs of any time.
func New(store meta.Store, cat *catalog.Catalog, door sluice.Appender, sealer Sealer, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	if o.groupRecords == 0 {
		o.groupRecords = 500
	}
	return &Service{
		store: store, cat: cat, door: door, sealer: sealer, o: o, memory: make(chan struct{}, maxFiles), running: map[place]*job{},
	}
}

// Run runs all imports until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	places, ids, err := s.places(ctx)
	if err == nil {
		err = s.removeOrphans(ctx, ids)
	}
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the stop is what kept it from beginning
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.ctx = ctx
	for _, p := range places {
		s.startLocked(p)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil // no import starts from now on
	s.mu.Unlock()
	s.wait.Wait()
	return nil
}

// places are the imports of all projects, and their ids.
func (s *Service) places(ctx context.Context) (list []place, ids map[string]bool, err error) {
	err = s.store.View(ctx, func(tx meta.Tx) error {
		list, ids = nil, map[string]bool{}
		projects, err := tx.Projects()
		if err != nil {
			return err
		}
		for _, p := range projects {
			names, err := tx.DocumentNames(p.Name, kindImport)
			if err != nil {
				return err
			}
			for _, name := range names {
				at := place{p.Name, name}
				doc, err := readImport(tx, at)
				if err != nil {
					return err
				}
				list, ids[doc.ID] = append(list, at), true
			}
		}
		return nil
	})
	return list, ids, err
}

// removeOrphans removes what is left of imports that are gone.
func (s *Service) removeOrphans(ctx context.Context, ids map[string]bool) error {
	var gone []string
	if err := s.store.View(ctx, func(tx meta.Tx) error {
		rows, err := tx.Items(kindState, meta.ItemRange{})
		for _, row := range rows {
			if !ids[row.Name] {
				gone = append(gone, row.Name)
			}
		}
		return err
	}); err != nil {
		return err
	}
	for _, id := range gone {
		if err := s.forget(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// ended is told by an import that it is gone. Another may have come under the name.
func (s *Service) ended(ctx context.Context, j *job) {
	if err := s.forget(ctx, j.doc.ID); err != nil && ctx.Err() == nil {
		s.o.Logger.Warn("what is left of an import that is gone stays until the next start", "import", j.place.Name, "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[j.place] == j {
		delete(s.running, j.place)
		s.startLocked(j.place)
	}
}

// startLocked starts an import, if the service runs.
func (s *Service) startLocked(p place) {
	if s.ctx == nil || s.running[p] != nil {
		return
	}
	ctx, stop := context.WithCancel(s.ctx)
	j := &job{s: s, place: p, stop: stop, ended: make(chan struct{})}
	s.running[p] = j
	s.wait.Go(func() {
		defer close(j.ended)
		defer stop()
		j.run(ctx)
	})
}

// halt stops an import, and returns when it has stopped.
func (s *Service) halt(p place) {
	s.mu.Lock()
	j := s.running[p]
	delete(s.running, p)
	s.mu.Unlock()
	if j != nil {
		j.stop()
		<-j.ended
	}
}
