package runner

import (
	"bytes"
	"io"
	"sync/atomic"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// sink takes the output of a command: masks it, keeps its beginning, and gathers what the record shows.
//
//	command ──► mask ──┬─► file, up to a limit
//	                   └─► Clip: head and tail
//
// It is for one goroutine, but for kept.
type sink struct {
	mask  *masker
	file  io.Writer // nil: nothing is kept (any more)
	limit int64

	kept  atomic.Int64
	total int64
	head  []byte
	clip  agentproto.Clip
	wrote func() // after something was kept
}

func newSink(file io.Writer, limit int64, mask []string, wrote func()) *sink {
	return &sink{mask: newMasker(mask), file: file, limit: limit, wrote: wrote}
}

// Write never fails: what cannot be kept is counted.
func (s *sink) Write(p []byte) (int, error) {
	s.take(s.mask.feed(p))
	return len(p), nil
}

// close takes what masking held back.
func (s *sink) close() { s.take(s.mask.rest()) }

func (s *sink) take(p []byte) {
	if len(p) == 0 {
		return
	}
	s.total += int64(len(p))
	_, _ = s.clip.Write(p)
	if room := agentproto.MaxRecordOutput - len(s.head); room > 0 {
		s.head = append(s.head, p[:min(room, len(p))]...)
	}
	kept := s.kept.Load()
	room := s.limit - kept
	if s.file == nil || room <= 0 {
		return
	}
	n, err := s.file.Write(p[:min(int64(len(p)), room)])
	s.kept.Store(kept + int64(n))
	if err != nil { // the disk is full: what is there is a beginning without gaps
		s.file = nil
	}
	s.wrote()
}

// fill puts what the record shows into a result.
func (s *sink) fill(r *Result) {
	r.Output, r.Dropped = s.clip.Result()
	r.Kept = s.kept.Load()
	r.Whole = s.total == int64(len(s.head)) && utf8.Valid(s.head) && bytes.Equal(r.Output, s.head)
}

// masker replaces words in a stream, however it is cut.
type masker struct {
	words [][]byte
	held  []byte // the end of what was fed, that may be the beginning of a word
	most  int    // length of the longest word
}

func newMasker(words []string) *masker {
	m := &masker{}
	for _, w := range words {
		if w != "" {
			m.words = append(m.words, []byte(w))
			m.most = max(m.most, len(w))
		}
	}
	return m
}

// feed returns what can be shown of all that was fed so far. The result is valid until the next call.
func (m *masker) feed(p []byte) []byte {
	if m.most == 0 {
		return p
	}
	m.held = append(m.held, p...)
	return m.cut(len(m.held) - m.most + 1)
}

// rest returns what was held back.
func (m *masker) rest() []byte {
	if m.most == 0 {
		return nil
	}
	return m.cut(len(m.held))
}

// cut takes words out of what is held, at every place before end, and returns what lies before.
func (m *masker) cut(end int) []byte {
	var out []byte
	at := 0
	for at < end {
		if n := m.wordAt(at); n > 0 {
			out = append(out, agentproto.MaskText...)
			at += n
			continue
		}
		out = append(out, m.held[at])
		at++
	}
	m.held = append(m.held[:0], m.held[at:]...)
	return out
}

// wordAt is the length of the longest word that is held at a place; 0 if there is none.
func (m *masker) wordAt(at int) (n int) {
	for _, w := range m.words {
		if len(w) > n && bytes.HasPrefix(m.held[at:], w) {
			n = len(w)
		}
	}
	return n
}
