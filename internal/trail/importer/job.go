package importer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// job is an import that runs. One goroutine works.
type job struct {
	s     *Service
	place place
	stop  context.CancelFunc
	ended chan struct{}

	doc     stored // with secrets in clear, once it is open
	bucket  *bucket
	state   state
	done    map[string]bool // files of days that are not closed
	seen    seen
	settled bool // what was written is known

	mu   sync.Mutex // guards live
	live Live
}

// Live is how an import does now.
type Live struct {
	Running   bool      `json:"running"`   // a look for new files is under way
	FilesLeft int64     `json:"filesLeft"` // as far as they are known
	BytesLeft int64     `json:"bytesLeft"` // of them
	Looked    time.Time `json:"looked"`    // when the last look ended that found all files read
	Error     string    `json:"error,omitempty"`
}

// retryMost is the longest wait after a failure.
const retryMost = time.Minute

// run imports until ctx ends.
func (j *job) run(ctx context.Context) {
	defer func() {
		if j.bucket != nil {
			j.bucket.close()
		}
	}()
	pause := time.Second
	for ctx.Err() == nil {
		err := j.round(ctx)
		if errors.Is(err, errGone) {
			j.s.ended(ctx, j)
			return
		}
		wait := time.Duration(j.doc.IntervalSeconds) * time.Second
		if err != nil && ctx.Err() == nil {
			j.s.o.Logger.Warn("an import waits", "project", j.place.Project, "import", j.place.Name, "error", err)
			wait, pause = pause, min(2*pause, retryMost)
		} else {
			pause = time.Second
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// round looks for new files, and imports them.
func (j *job) round(ctx context.Context) (err error) {
	j.tell(func(l *Live) { l.Running = true })
	defer func() {
		j.tell(func(l *Live) {
			l.Running, l.Error = false, ""
			if err != nil {
				l.Error = err.Error()
			} else {
				l.Looked, l.FilesLeft, l.BytesLeft = j.s.o.Now(), 0, 0
			}
		})
	}()
	if err := j.open(ctx); err != nil {
		return err
	}
	streams, err := j.bucket.streams(ctx)
	if err != nil {
		return err
	}
	if err := j.count(ctx, streams); err != nil {
		return err
	}
	if j.state.File != "" { // another one would take its checkpoint
		if err := j.file(ctx, object{key: j.state.File}); err != nil {
			return err
		}
	}
	for _, stream := range streams {
		if err := j.stream(ctx, stream); err != nil {
			return err
		}
	}
	return nil
}

// errGone says that an import was deleted, by itself or with its project.
var errGone = errors.New("the import is gone")

// open reads what metadata has of the import, unless that was done and it is still the same.
func (j *job) open(ctx context.Context) error {
	var doc stored
	var st state
	var done map[string]bool
	err := j.s.store.View(ctx, func(tx meta.Tx) (err error) {
		if doc, err = readImport(tx, j.place); err != nil || doc.ID == j.doc.ID {
			return err
		}
		st, done, err = readState(tx, doc.ID)
		return err
	})
	switch {
	case sluice.KindOf(err) == sluice.NotFound, err == nil && j.doc.ID != "" && doc.ID != j.doc.ID:
		return errGone
	case err != nil || doc.ID == j.doc.ID:
		return err
	}
	if err := j.s.unseal(j.place, &doc); err != nil {
		return err
	}
	if err := j.s.ensure(ctx, sluice.LogstoreRef{Project: j.place.Project, Logstore: doc.Logstore}); err != nil {
		return err
	}
	j.doc, j.state, j.done, j.bucket = doc, st, done, j.s.openBucket(&doc.Spec)
	return nil
}

func (j *job) ref() sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: j.place.Project, Logstore: j.doc.Logstore}
}

// behind is the day behind which a stream is listed.
func (j *job) behind(stream string) string { return max(j.state.Closed[stream], j.doc.before()) }

// count tells how much there is to do.
func (j *job) count(ctx context.Context, streams []string) error {
	var files, bytes int64
	for _, stream := range streams {
		if err := j.bucket.files(ctx, stream, j.behind(stream), func(o object) error {
			if !j.done[o.key] {
				files, bytes = files+1, bytes+o.size
			}
			return nil
		}); err != nil {
			return err
		}
	}
	j.tell(func(l *Live) { l.FilesLeft, l.BytesLeft = files, bytes })
	return nil
}

// stream imports the files of a stream that are not done, in the order of their keys.
func (j *job) stream(ctx context.Context, stream string) error {
	day := ""
	err := j.bucket.files(ctx, stream, j.behind(stream), func(o object) error {
		if now := dayOf(o.key); now != day {
			if err := j.closeDays(ctx, stream, day); err != nil {
				return err
			}
			day = now
		}
		if j.done[o.key] {
			return nil
		}
		if err := j.file(ctx, o); err != nil {
			return err
		}
		j.tell(func(l *Live) { l.FilesLeft, l.BytesLeft = max(0, l.FilesLeft-1), max(0, l.BytesLeft-o.size) })
		return nil
	})
	if err != nil {
		return err
	}
	return j.closeDays(ctx, stream, day)
}

// closeDays closes the days of a stream up to this one, all of whose files are done, as far as no file is expected of them any more: they are
// not listed again, and which files they had is forgotten.
func (j *job) closeDays(ctx context.Context, stream, day string) error {
	settled := j.s.o.Now().UTC().Add(-time.Duration(j.doc.LateHours)*time.Hour).AddDate(0, 0, -1).Format(keyDay)
	last := min(day, settled)
	if last <= j.behind(stream) {
		return nil
	}
	var over []string
	for key := range j.done {
		if strings.HasPrefix(key, stream) && dayOf(key) <= last {
			over = append(over, key)
		}
	}
	next := j.state
	next.Closed = maps.Clone(j.state.Closed)
	next.Closed[stream] = last
	if err := j.commit(ctx, next, func(tx meta.Tx) error {
		for _, key := range over {
			if err := tx.DeleteItem(kindDone, j.doc.ID+"/"+key); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, key := range over {
		delete(j.done, key)
	}
	return nil
}

// commit makes next the state, with what else changes. It fails if the import was deleted, so that nothing of it stays behind.
func (j *job) commit(ctx context.Context, next state, more func(meta.Tx) error) error {
	next.Updated = j.s.o.Now()
	if err := j.s.store.Update(ctx, func(tx meta.Tx) error {
		now, err := readImport(tx, j.place)
		if err != nil {
			return err
		}
		if now.ID != j.doc.ID {
			return errGone
		}
		if more != nil {
			if err := more(tx); err != nil {
				return err
			}
		}
		return putItem(tx, kindState, j.doc.ID, next)
	}); err != nil {
		j.settled = false
		return fmt.Errorf("note how far the import is: %w", err)
	}
	j.state = next
	return nil
}

func (j *job) tell(change func(*Live)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.live)
}
