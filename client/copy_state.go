package client

import (
	"fmt"

	"github.com/sluicelog/sluice"
)

// copyVersion is the version of the file of a copy's state.
const copyVersion = 1

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
	if s.Done {
		return groupsBetween(s.Start, s.End, s.End)
	}
	return groupsBetween(s.Start, s.Place.Cursor, s.End)
}

// copyState is the state of a copy. The lock of the file guards the document.
type copyState struct {
	stateFile
	copyDocument
}

func newCopyState(path string, head copyHead) *copyState {
	s := &copyState{copyDocument: copyDocument{copyHead: head}}
	s.stateFile = stateFile{path: path, document: &s.copyDocument}
	return s
}

// loadCopyState reads the state of a copy, nil if there is none. A state of a different copy is an error.
func loadCopyState(path string, want copyHead) (*copyState, error) {
	s := newCopyState(path, copyHead{})
	if found, err := s.load(); err != nil || !found {
		return nil, err
	}
	if got, want := oneLine(s.copyHead), oneLine(want); got != want {
		return nil, fmt.Errorf("%s is the state of another copy, %s; this one is %s. Name another file, or delete it", path, got, want)
	}
	return s, nil
}
