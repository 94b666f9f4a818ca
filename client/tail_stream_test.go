package client

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestEventReader(t *testing.T) {
	f := func(stream string, want ...serverEvent) {
		t.Helper()
		r := eventReader{bufio.NewReaderSize(strings.NewReader(stream), 16)}
		for _, w := range want {
			got, err := r.next()
			if err != nil || got.id != w.id || got.name != w.name || string(got.data) != string(w.data) {
				t.Errorf("%q: got %+v, %v; want %+v", stream, got, err, w)
			}
		}
		if e, err := r.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%q: got %+v, %v where the end should be", stream, e, err)
		}
	}
	long := strings.Repeat("x", 100)
	f("")
	f("id: 1\n") // an event that was cut off is none
	f("id: 1\n\n", serverEvent{id: "1"})
	f(": a comment\nid:2\nevent: logs\ndata: {\"a\": \"b: c\"}\nretry: 5\n\nid: 3\r\n\r\n",
		serverEvent{id: "2", name: "logs", data: []byte(`{"a": "b: c"}`)}, serverEvent{id: "3"})
	f("data: "+long+"\n\n", serverEvent{data: []byte(long)})
}

func FuzzEventReader(f *testing.F) {
	f.Add("id: 1\nevent: logs\ndata: {\"shard\":1,\"logs\":[{\"a\":\"b\"}]}\n\n")
	f.Add("event: skipped\ndata: {\"skippedLogs\":5}\n\n")
	f.Fuzz(func(_ *testing.T, stream string) {
		r := eventReader{bufio.NewReader(strings.NewReader(stream))}
		for {
			e, err := r.next()
			if err != nil {
				return
			}
			_, _ = decodeTailEvent(e)
		}
	})
}
