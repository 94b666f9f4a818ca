package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/client"
)

func TestMarked(t *testing.T) {
	for body, want := range map[string][]string{
		"": nil,
		`{"host":"web-07","message":"mark"}` + "\n":                            nil,
		`{"mark":"1"}` + "\n" + `{"host":"a"}` + "\n" + `{"mark":"23"}` + "\n": {"1", "23"},
		`{"mark":"4`: {"4"},
	} {
		var got []string
		marked([]byte(body), func(value string) { got = append(got, value) })
		if !slices.Equal(got, want) {
			t.Errorf("%q has the marks %q, want %q", body, got, want)
		}
	}
}

// The age of a log is from its mark to the arrival of its body, and what is no time is left out.
func TestAges(t *testing.T) {
	var a ages
	now := time.Now()
	for _, old := range []time.Duration{3 * time.Hour, time.Hour} {
		a.see(fmt.Appendf(nil, `{"mark":"%d"}`+"\n"+`{"mark":"soon"}`, now.Add(-old).UnixNano()))
	}
	got := a.sorted()
	if len(got) != 2 || got[0] < time.Hour || got[0] > 2*time.Hour || got[1] < 3*time.Hour {
		t.Errorf("ages %v, want 1h and 3h", got)
	}
}

func TestDelivered(t *testing.T) {
	for _, c := range []struct {
		read, inFlight, backlog int64
		want                    bool
	}{
		{0, 0, 0, false}, // a task that has just started knows of no backlog
		{9, 0, 0, false},
		{10, 2, 0, false},
		{10, 0, 1, false},
		{10, 0, 0, true},
	} {
		task := &client.DeliveryTask{Backlog: c.backlog, Counters: client.DeliveryCounters{Read: c.read, InFlight: c.inFlight}}
		if got := delivered(task, 10); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestDocument(t *testing.T) {
	sink := map[string]any{"type": "http"}
	var got struct {
		Source         struct{ Logstore, Start string }
		Limits, Filter map[string]any
		Sink           struct{ Type string }
	}
	if err := json.Unmarshal(document("t", "web", sink, map[string]any{"age": "1s"}, nil), &got); err != nil {
		t.Fatal(err)
	}
	if got.Source.Logstore != "web" || got.Source.Start != "beginning" || got.Sink.Type != "http" || got.Limits["age"] != "1s" || got.Filter != nil {
		t.Errorf("the document is %+v", got)
	}
}

// The receiver of HTTP counts bodies but not tests of the connection, gives them away decompressed, and refuses what it cannot read.
func TestHTTPReceiver(t *testing.T) {
	var seen []string
	r, err := listenHTTP(func(body []byte) { seen = append(seen, string(body)) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	if _, err := w.Write([]byte("logs")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body, check string
		status      int
	}{{body.String(), "", 200}, {body.String(), "1", 200}, {"logs", "", 500}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.sink["url"].(string), strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Sluice-Check", c.check)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%q is answered %d, want %d", c.body, res.StatusCode, c.status)
		}
	}
	if !slices.Equal(seen, []string{"logs"}) || r.took.Load() != 4 {
		t.Errorf("seen %q, %d bytes", seen, r.took.Load())
	}
}

func TestSyslogReceiver(t *testing.T) {
	r, err := openSyslog(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.sink["port"]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("5 <14>1")); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("the receiver answers: %d, %v", n, err)
	}
	c.Close()
	if err := r.close(); err != nil { // waits for the connection
		t.Fatal(err)
	}
	if r.took.Load() != 7 {
		t.Errorf("%d bytes arrived, want 7", r.took.Load())
	}
}

func TestChoose(t *testing.T) {
	if err := new(bench).choose([]string{"weblogs"}, []string{"http", "sls"}); err != nil {
		t.Error(err)
	}
	err := new(bench).choose([]string{"weblogs"}, []string{"http", "smtp"})
	if err == nil || !strings.Contains(err.Error(), `"smtp"; there are http, kafka`) {
		t.Errorf("smtp: %v", err)
	}
}
