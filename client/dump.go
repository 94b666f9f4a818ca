package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logline"
)

// DumpOptions say what to write to files. The logs of a shard go to one file, in their order, one line each.
type DumpOptions struct {
	// Path of the files, with {} where the number of the shard goes: "dump_{}.jsonl". Without {} it names the file of the only shard.
	Path      string
	Overwrite bool // files that are there already; otherwise they are an error

	Start  time.Time        // when the server received the first logs wanted, to the second; zero is the beginning
	Stop   time.Time        // when it received the first logs not wanted; zero is the end as it is when the dump begins
	Shards []sluice.ShardID // [all, those that are read-only too]
	Query  string           // an SPL pipeline that the server sends the logs through ["" sends all]

	// Line appends a log as a line, without its end [JSON, every value as text, as GetLogs answers].
	Line func(dst []byte, group *sluice.LogGroup, record *sluice.Record) []byte

	State   string // file that remembers how far the dump got, of one dump at a time; "" remembers nothing and starts anew
	Workers int    // shards at once [4]

	Progress func(DumpProgress) // called at the start and after each write, from one goroutine at a time
}

// DumpProgress is how far a dump got, over all its runs.
type DumpProgress struct {
	Done, Total int64            // log groups
	Logs        int64            // lines
	Bytes       int64            // of files
	Files       map[string]int64 // lines of each file
}

// dumpVersion is the version of the file of a dump's state.
const dumpVersion = 1

type dumpHead struct {
	Version  int    `json:"version"`
	Endpoint string `json:"endpoint"`
	From     string `json:"from"`
	Path     string `json:"path"`
	Query    string `json:"query,omitempty"`
}

type dumpDocument struct {
	dumpHead
	Shards []*dumpShard `json:"shards"`
}

// dumpShard is how far one shard got: what the file holds up to Size is of the groups before Place, and synced.
type dumpShard struct {
	ID    sluice.ShardID `json:"shard"`
	Path  string         `json:"path"`
	Start string         `json:"start"` // cursor
	Place string         `json:"place"` // cursor
	End   string         `json:"end"`   // cursor
	Size  int64          `json:"size"`
	Logs  int64          `json:"logs"`
}

// dumpRun is one run of a dump.
type dumpRun struct {
	c   *Client
	ref sluice.LogstoreRef
	o   DumpOptions
	stateFile
	dumpDocument

	reports sync.Mutex
}

// Dump writes the logs of a logstore to a file for each shard. With State, a dump that ended early goes on where it stopped when it is
// started again with the same options: files are cut to what is known to be whole, so each log is in them once.
func (c *Client) Dump(ctx context.Context, ref sluice.LogstoreRef, o DumpOptions) (DumpProgress, error) {
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.Line == nil {
		o.Line = logline.AppendJSON
	}
	r := &dumpRun{c: c, ref: ref, o: o}
	r.stateFile = stateFile{path: o.State, document: &r.dumpDocument}
	if err := r.prepare(ctx); err != nil {
		return DumpProgress{}, err
	}
	r.report()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, o.Workers)
	var all sync.WaitGroup
	for _, s := range r.Shards {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := r.shard(ctx, s); err != nil {
				cancel(fmt.Errorf("dump shard %s of %s: %w", s.ID, ref, err))
			}
		})
	}
	all.Wait()
	return r.progress(), context.Cause(ctx)
}

func (r *dumpRun) prepare(ctx context.Context) error {
	want := dumpHead{Version: dumpVersion, Endpoint: r.c.Endpoint(), From: r.ref.String(), Path: r.o.Path, Query: r.o.Query}
	found, err := r.load()
	if err != nil {
		return err
	}
	if found {
		if got, want := oneLine(r.dumpHead), oneLine(want); got != want {
			return fmt.Errorf("%s is the state of another dump, %s; this one is %s. Name another file, or delete it", r.o.State, got, want)
		}
		return nil
	}
	spans, err := r.c.spans(ctx, r.ref, r.o.Shards, r.o.Start, r.o.Stop)
	if err != nil {
		return err
	}
	if len(spans) > 1 && !strings.Contains(r.o.Path, "{}") {
		return fmt.Errorf("%d shards do not go into one file: put {} into the path %q", len(spans), r.o.Path)
	}
	r.dumpHead = want
	for _, s := range spans {
		path := strings.ReplaceAll(r.o.Path, "{}", s.ID.String())
		if _, err := os.Stat(path); err == nil && !r.o.Overwrite {
			return fmt.Errorf("%s is there already", path)
		}
		r.Shards = append(r.Shards, &dumpShard{ID: s.ID, Path: path, Start: s.from, Place: s.from, End: s.to})
	}
	return r.change(func() {})
}

// shard writes what is left of one shard.
func (r *dumpRun) shard(ctx context.Context, s *dumpShard) (err error) {
	if ctx.Err() != nil {
		return nil
	}
	f, err := os.OpenFile(s.Path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err != nil || info.Mode().IsRegular() && info.Size() < s.Size {
		return errors.Join(err, fmt.Errorf("%s is shorter than what was written to it", s.Path))
	} else if info.Mode().IsRegular() {
		if err := f.Truncate(s.Size); err != nil {
			return err
		}
		if _, err := f.Seek(s.Size, io.SeekStart); err != nil {
			return err
		}
	}
	for before(s.Place, s.End) {
		p, err := patiently(ctx, r.c, func() (*Pulled, error) {
			return r.c.Pull(ctx, r.ref, s.ID, PullOptions{Cursor: s.Place, EndCursor: s.End, Query: r.o.Query})
		})
		if err != nil {
			return err
		}
		if p.Next == s.Place {
			return nil
		}
		if err := r.write(f, s, p); err != nil {
			return err
		}
	}
	return nil
}

// write appends what was pulled to the file, and then moves the place.
func (r *dumpRun) write(f *os.File, s *dumpShard, p *Pulled) error {
	var text []byte
	logs := int64(0)
	for _, g := range p.Groups {
		for i := range g.Records {
			text = append(r.o.Line(text, g, &g.Records[i]), '\n')
		}
		logs += int64(len(g.Records))
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if r.o.State != "" {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	err := r.change(func() {
		s.Place = p.Next
		s.Size += int64(len(text))
		s.Logs += logs
	})
	r.report()
	return err
}

func (r *dumpRun) report() {
	if r.o.Progress == nil {
		return
	}
	r.reports.Lock()
	defer r.reports.Unlock()
	r.o.Progress(r.progress())
}

func (r *dumpRun) progress() DumpProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := DumpProgress{Files: map[string]int64{}}
	for _, s := range r.Shards {
		done, total := groupsBetween(s.Start, s.Place, s.End)
		p.Done += done
		p.Total += total
		p.Logs += s.Logs
		p.Bytes += s.Size
		p.Files[s.Path] += s.Logs
	}
	return p
}
