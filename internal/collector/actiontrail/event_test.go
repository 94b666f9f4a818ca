package actiontrail

import (
	"encoding/json"
	"testing"
	"time"
)

// Events of every form pass, on one line, with all that they have.
func TestEvent(t *testing.T) {
	w := window{From: time.Unix(1000, 0), To: time.Unix(2000, 0)}
	for _, c := range []struct {
		raw, want, id string
		time          uint32
	}{
		{`{"eventId":"e-1","eventTime":"1970-01-01T00:20:00Z","eventVersion":1}`, `{"eventId":"e-1","eventTime":"1970-01-01T00:20:00Z","eventVersion":1,"@devo_pulling_id":7}`, "e-1", 1200},
		{"{\n \"eventId\": \"e-2\",\n \"n\": 12345678901234567890 }", `{"eventId":"e-2","n":12345678901234567890,"@devo_pulling_id":7}`, "e-2", 1000},
		{`"{\"eventId\":\"e-3\"}"`, `{"eventId":"e-3","@devo_pulling_id":7}`, "e-3", 1000},
		{`{}`, `{"@devo_pulling_id":7}`, digest([]byte(`{}`)), 1000},
		{`{"eventId":5,"b":1,"a":2}`, `{"eventId":5,"b":1,"a":2,"@devo_pulling_id":7}`, digest([]byte(`{"a":2,"b":1,"eventId":5}`)), 1000},
		{`[1]`, `{"event":[1],"@devo_pulling_id":7}`, digest([]byte(`{"event":[1]}`)), 1000},
		{`null`, `{"event":null,"@devo_pulling_id":7}`, digest([]byte(`{"event":null}`)), 1000},
	} {
		e := eventOf(json.RawMessage(c.raw), w, 7)
		if got := e.Fields[0].Value; got != c.want || e.ID != c.id || e.Time != c.time || e.Seen < 1000 {
			t.Errorf("%s:\ngot  %s (id %s, time %d)\nwant %s (id %s, time %d)", c.raw, got, e.ID, e.Time, c.want, c.id, c.time)
		}
	}
}

// FuzzEvent: an event of any form becomes one object on one line.
func FuzzEvent(f *testing.F) {
	for _, text := range []string{`{"eventId":"e"}`, `[]`, `"x"`, `"{}"`, `1e9`, "{\n}", `{"a":"\ud800"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		e := eventOf(raw, window{From: time.Unix(1, 0), To: time.Unix(2, 0)}, 7)
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(e.Fields[0].Value), &object); err != nil || e.ID == "" {
			t.Errorf("%q became %q: %v", raw, e.Fields[0].Value, err)
		}
	})
}
