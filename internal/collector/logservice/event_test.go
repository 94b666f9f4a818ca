package logservice

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

// A field with an object is the event; logs of another form are passed on as they are.
func TestEvents(t *testing.T) {
	for _, c := range []struct{ field, log, want string }{
		{"event", `event={"eventId":"e-1","eventVersion":1} other=x`, `{"eventId":"e-1","eventVersion":1,"@devo_pulling_id":7}`},
		{"event", `event={}`, `{"@devo_pulling_id":7}`},
		{"event", `event={"eventId": other=x`, `{"__time__":5,"__topic__":"t","__source__":"s","__tag__:k":"v","event":"{\"eventId\":","other":"x","@devo_pulling_id":7}`},
		{"event", `event=[1]`, `{"__time__":5,"__topic__":"t","__source__":"s","__tag__:k":"v","event":"[1]","@devo_pulling_id":7}`},
		{"event", `a=b`, `{"__time__":5,"__topic__":"t","__source__":"s","__tag__:k":"v","a":"b","@devo_pulling_id":7}`},
		{"", `event={"a":1}`, `{"__time__":5,"__topic__":"t","__source__":"s","__tag__:k":"v","event":"{\"a\":1}","@devo_pulling_id":7}`},
	} {
		g := &sluice.LogGroup{Topic: "t", Source: "s", Tags: []sluice.Field{{Key: "k", Value: "v"}}, Records: []sluice.Record{{Time: 5}}}
		for text := range strings.FieldsSeq(c.log) {
			key, value, _ := strings.Cut(text, "=")
			g.Records[0].Fields = append(g.Records[0].Fields, sluice.Field{Key: key, Value: value})
		}
		s := &Source{config: Config{Field: c.field}}
		events := s.events([]*sluice.LogGroup{g}, 7)
		if len(events) != 1 || string(events[0].AppendJSON(nil)) != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.log, events[0].AppendJSON(nil), c.want)
		}
	}
}
