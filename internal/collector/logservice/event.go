package logservice

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// events makes an event of each log. Those whose field holds a whole event are that event; all others, also of the same logstore, are
// their own fields, so that an answer of another form than expected loses nothing.
func (s *Source) events(groups []*sluice.LogGroup, pull int64) []collector.Event {
	logs, pairs := 0, 0
	for _, g := range groups {
		logs += len(g.Records)
		for i := range g.Records {
			pairs += len(g.Records[i].Fields) + 1
		}
	}
	events := make([]collector.Event, 0, logs)
	fields := make([]sink.Field, 0, pairs) // of all events: one allocation
	id := collector.PullingField(pull)
	for _, g := range groups {
		for i := range g.Records {
			r := &g.Records[i]
			first := len(fields)
			if event, ok := s.whole(r, pull); ok {
				fields = append(fields, event)
			} else {
				for _, f := range r.Fields {
					fields = append(fields, sink.Field{Key: f.Key, Value: f.Value})
				}
				fields = append(fields, id)
			}
			events = append(events, collector.Event{
				Time: r.Time, Nanos: r.Nanos, Topic: g.Topic, Source: g.Source, Tags: g.Tags, Fields: fields[first:len(fields):len(fields)],
			})
		}
	}
	return events
}

// whole is the event in the field that is to hold one, with the id of the pull.
func (s *Source) whole(r *sluice.Record, pull int64) (sink.Field, bool) {
	if s.config.Field == "" {
		return sink.Field{}, false
	}
	for _, f := range r.Fields {
		if f.Key == s.config.Field && collector.IsObject(f.Value) {
			return sink.Field{Key: f.Key, Value: string(collector.WithPullingID([]byte(f.Value), pull)), Kind: sink.JSON}, true
		}
	}
	return sink.Field{}, false
}
