package logservice

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// events makes an event of each log. Those whose field holds a whole event are that event; all others, also of the same logstore, are
// their own fields, so that an answer of another form than expected loses nothing.
func (s *Source) events(groups []*sluice.LogGroup, pull int64) []collector.Event {
	logs := 0
	for _, g := range groups {
		logs += len(g.Records)
	}
	events := make([]collector.Event, 0, logs)
	id := []sink.Field{collector.PullingField(pull)} // the same for all
	for _, g := range groups {
		for i := range g.Records {
			r := &g.Records[i]
			e := collector.Event{Time: r.Time, Nanos: r.Nanos, Topic: g.Topic, Source: g.Source, Tags: g.Tags}
			if event, ok := s.whole(r, pull); ok {
				e.Fields = []sink.Field{event}
			} else {
				e.Log, e.Fields = r.Fields, id
			}
			events = append(events, e)
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
