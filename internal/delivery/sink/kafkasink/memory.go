package kafkasink

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// memory is what a batch fills. A sink uses it again for its next batches: made anew for each, it would cost as much as compressing does.
type memory struct {
	text   []byte
	places []place

	records []kgo.Record // of the first Send on
	headers []kgo.RecordHeader
	errs    []error // of each record's last try; nil if it was acknowledged
	order   []int32 // records in the order of their numbers that are not acknowledged
}

// make makes room for n records, which are to be written whole.
func (m *memory) make(n int) {
	m.records = slices.Grow(m.records[:0], n)[:n]
	m.headers = slices.Grow(m.headers[:0], 3*n)[:3*n]
	m.errs = slices.Grow(m.errs[:0], n)[:n]
	m.order = slices.Grow(m.order[:0], n)[:n]
}

// borrow returns memory of an earlier batch, or new.
func (s *Sink) borrow() *memory {
	if m, ok := s.used.Get().(*memory); ok {
		return m
	}
	return new(memory)
}

// mostlyEmpty is the part of a memory below which a batch has no use for so large a one.
const mostlyEmpty = 4

// giveBack keeps the memory of a batch for the next, if that may be as large: the engine counts what a batch could hold.
func (s *Sink) giveBack(m *memory) {
	if cap(m.text) > mostlyEmpty*len(m.text) || cap(m.places) > mostlyEmpty*len(m.places) {
		return
	}
	clear(m.records) // they hold the context of the Send
	m.text, m.places, m.records, m.order = m.text[:0], m.places[:0], m.records[:0], m.order[:0]
	s.used.Put(m)
}
