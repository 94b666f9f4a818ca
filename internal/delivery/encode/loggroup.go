package encode

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/logpb"
)

// groupWriter writes a LogGroupList: logs that follow each other with one topic, source and tags are one LogGroup, up to groupBytes.
// Topic, source, tags and time have places of their own there, so that fields which repeat them are left out.
type groupWriter struct {
	out *output

	group  []byte          // the logs of the group in the making
	labels sluice.LogGroup // its topic, source and tags, no records
	record sluice.LogGroup // one record, to encode it

	list []byte
	done int64 // bytes of groups written
}

// groupBytes is how large a group becomes before the next begins.
const groupBytes = 1 << 20

func newGroupWriter(out *output) *groupWriter {
	return &groupWriter{out: out, record: sluice.LogGroup{Records: make([]sluice.Record, 1)}}
}

func (w *groupWriter) add(e *sink.Entry) error {
	if len(w.group) > 0 && (len(w.group) >= groupBytes || !w.fits(e)) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.group) == 0 {
		w.labels.Topic, w.labels.Source = strings.Clone(e.Topic), strings.Clone(e.Source)
		w.labels.Tags = w.labels.Tags[:0]
		for _, tag := range e.Tags {
			w.labels.Tags = append(w.labels.Tags, sluice.Field{Key: strings.Clone(tag.Key), Value: strings.Clone(tag.Value)})
		}
	}
	r := &w.record.Records[0]
	r.Time, r.Nanos, r.Fields = e.Time, e.Nanos, r.Fields[:0]
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Kind != sink.Absent && !index.Reserved(f.Key) {
			r.Fields = append(r.Fields, sluice.Field{Key: f.Key, Value: f.Value})
		}
	}
	w.group = logpb.Append(w.group, &w.record)
	return nil
}

func (w *groupWriter) fits(e *sink.Entry) bool {
	return e.Topic == w.labels.Topic && e.Source == w.labels.Source && slices.Equal(e.Tags, w.labels.Tags)
}

func (w *groupWriter) flush() error {
	if len(w.group) == 0 {
		return nil
	}
	w.group = logpb.Append(w.group, &w.labels)
	w.list = append(logpb.AppendGroupHeader(w.list[:0], len(w.group)), w.group...)
	w.group = w.group[:0]
	w.done += int64(len(w.list))
	_, err := w.out.Write(w.list)
	return err
}

func (w *groupWriter) finish() error {
	err := w.flush()
	w.group, w.list = nil, nil
	return err
}

func (w *groupWriter) raw() int64    { return w.done + int64(len(w.group)) }
func (w *groupWriter) memory() int64 { return int64(cap(w.group) + cap(w.list)) }
