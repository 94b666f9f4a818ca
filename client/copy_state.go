package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/sluicelog/sluice"
)

// copyVersion is the version of the file of a copy's state.
const copyVersion = 1

// maxState is the largest state file that is read: 256 shards take 100 kB.
const maxState = 16 << 20

// copyHead says which copy a state belongs to.
type copyHead struct {
	Version   int     `json:"version"`
	Source    string  `json:"source"` // endpoint
	From      string  `json:"from"`   // logstore
	Target    string  `json:"target"` // endpoint
	To        string  `json:"to"`     // logstore
	Query     string  `json:"query,omitempty"`
	Topic     *string `json:"topic,omitempty"`
	NewSource *string `json:"newSource,omitempty"`
}

type copyDocument struct {
	copyHead
	Shards []*copyShard `json:"shards"`
}

// copyPlace is how far a shard was read: groups of the answer that a pull from Cursor gives, of which Skip are done. Where groups have
// positions, Skip is 0.
type copyPlace struct {
	Cursor string `json:"cursor"`
	Skip   int    `json:"skip,omitempty"`
}

// copyShard is how far one source shard got. Place and the counters move when a write is known to be stored.
type copyShard struct {
	ID       sluice.ShardID `json:"shard"`
	Begin    string         `json:"beginKey"` // of the source shard, which chooses the shard of the target
	Close    string         `json:"endKey"`
	ReadOnly bool           `json:"readOnly,omitempty"`
	Start    string         `json:"start"` // cursor of the first group to copy
	End      string         `json:"end"`   // cursor of the first group not to
	Place    copyPlace      `json:"place"`
	Done     bool           `json:"done"`

	Logs      int64 `json:"logs"`
	Bytes     int64 `json:"bytes"`
	Writes    int64 `json:"writes"`
	Found     int64 `json:"found"`
	Uncertain int64 `json:"uncertain"`
	Missing   int64 `json:"missing"`

	Fence  *copyFence  `json:"fence,omitempty"`
	Intent *copyIntent `json:"intent,omitempty"`
}

// copyFence is a place in the target behind which no write of this shard has the digest of its intent, unless it is that write.
type copyFence struct {
	Shard  sluice.ShardID `json:"shard"`
	Cursor string         `json:"cursor"`
}

// copyIntent is a write that was about to be sent.
type copyIntent struct {
	Next  copyPlace `json:"next"` // where the shard is when it is stored
	Sum   string    `json:"sum"`  // digest of the group
	Logs  int64     `json:"logs"`
	Bytes int64     `json:"bytes"`
}

// stored moves the shard on by its intent.
func (s *copyShard) stored() {
	s.Place = s.Intent.Next
	s.Logs += s.Intent.Logs
	s.Bytes += s.Intent.Bytes
	s.Writes++
	s.Intent = nil
}

// before reports whether s has to be copied before t: it is one of the shards that t was made of.
func (s *copyShard) before(t *copyShard) bool {
	return s.ReadOnly && s.ID < t.ID && s.Begin < t.Close && t.Begin < s.Close
}

// groups is how many groups of the source are copied, and how many there are to copy.
func (s *copyShard) groups() (done, total int64) {
	start, err := sluice.ParseCursor(s.Start)
	if err != nil {
		return 0, 0
	}
	end, err := sluice.ParseCursor(s.End)
	if err != nil {
		return 0, 0
	}
	at, err := sluice.ParseCursor(s.Place.Cursor)
	if err != nil || s.Done {
		at = end
	}
	total = max(int64(end-start), 0)
	return min(max(int64(at-start), 0), total), total
}

// copyState is the state of a copy, in memory and in a file. The file is replaced as a whole and synced, so that at any moment it is
// the last one that save came back from, or a later one.
type copyState struct {
	path string // "" for none

	mu sync.Mutex // guards the document, and what follows
	copyDocument
	dirty  int64 // number of the last change
	synced int64 // number of the last change in the file

	write sync.Mutex // held by who writes the file; taken before mu
}

// loadCopyState reads the state of a copy, nil if there is none. A state of a different copy is an error.
func loadCopyState(path string, want copyHead) (*copyState, error) {
	if path == "" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxState {
		err = errors.New("it is too large")
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(path)
	}
	s := &copyState{path: path}
	if err == nil {
		err = json.Unmarshal(raw, &s.copyDocument)
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of a copy in %s: %w", path, err)
	}
	if got, want := headText(s.copyHead), headText(want); got != want {
		return nil, fmt.Errorf("%s is the state of another copy, %s; this one is %s. Name another file, or delete it", path, got, want)
	}
	return s, nil
}

func headText(h copyHead) string {
	text, err := json.Marshal(h)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// change changes the document and returns when the file has it. Changes of many goroutines share a write of the file.
func (s *copyState) change(f func()) error {
	s.mu.Lock()
	f()
	s.dirty++
	mine := s.dirty
	s.mu.Unlock()
	if s.path == "" {
		return nil
	}
	s.write.Lock()
	defer s.write.Unlock()
	if s.synced >= mine {
		return nil
	}
	return s.save()
}

// save writes the file. The caller holds write, or is alone.
func (s *copyState) save() error {
	if s.path == "" {
		return nil
	}
	s.mu.Lock()
	raw, err := json.Marshal(s.copyDocument)
	number := s.dirty
	s.mu.Unlock()
	if err == nil {
		err = replaceFile(s.path, raw)
	}
	if err != nil {
		return fmt.Errorf("keep the state of the copy: %w", err)
	}
	s.synced = number
	return nil
}

// replaceFile makes path hold data, synced, or leaves it as it was.
func replaceFile(path string, data []byte) (err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
