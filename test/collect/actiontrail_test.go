package collect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/sign"
	"github.com/sluicelog/sluice/internal/testenv"
)

// spoiler is between a collector and the ActionTrail API of a server, and spoils one answer in four: it throttles, fails, repeats events in pages, leaves
// the answer out, or gives half of it.
type spoiler struct {
	target string

	mu sync.Mutex // guards r
	r  *rand.Rand
}

func (s *spoiler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	what, half := s.r.IntN(20), s.r.IntN(200)
	s.mu.Unlock()
	switch what {
	case 0:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"Code":"Throttling.User","Message":"slow down","RequestId":"r"}`)
		return
	case 1:
		http.Error(w, "bad gateway", http.StatusBadGateway)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+s.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header = r.Header
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || what == 2 {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Date", resp.Header.Get("Date"))
	if what == 3 {
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = w.Write(answer[:min(half, len(answer)-1)])
		panic(http.ErrAbortHandler)
	}
	var page map[string]json.RawMessage
	var events []json.RawMessage
	if what == 4 && resp.StatusCode == http.StatusOK && json.Unmarshal(answer, &page) == nil && json.Unmarshal(page["Events"], &events) == nil {
		page["Events"], _ = json.Marshal(append(events, events...))
		answer, _ = json.Marshal(page)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// lookUp reads the ids of all events of writes that a server has, by requests of its own.
func lookUp(t *testing.T, address string, start, end time.Time) map[string]int {
	t.Helper()
	ids, token := map[string]int{}, ""
	for n := 0; ; n++ {
		const form = "2006-01-02T15:04:05Z"
		params := url.Values{
			"Action": {"LookupEvents"}, "Version": {"2020-07-06"}, "Format": {"JSON"}, "SignatureNonce": {fmt.Sprint(rand.Uint64())},
			"Timestamp": {time.Now().UTC().Format(form)}, "MaxResults": {"50"}, "LookupAttribute.1.Key": {"EventRW"}, "LookupAttribute.1.Value": {"Write"},
			"StartTime": {start.UTC().Format(form)}, "EndTime": {end.UTC().Format(form)},
		}
		if token != "" {
			params.Set("NextToken", token)
		}
		sign.SignRPC(testenv.RootSecret, testenv.RootID, http.MethodGet, params)
		resp, err := http.Get("http://" + address + "/?" + params.Encode())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Code, NextToken string
			Events          []struct{ EventID string }
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if strings.HasPrefix(page.Code, "Throttling") {
			continue
		}
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s", body)
		}
		for _, e := range page.Events {
			ids[e.EventID]++
		}
		if token = page.NextToken; token == "" {
			return ids
		}
	}
}

// The audit events of a server, pulled by the API through somebody who spoils answers, arrive once each; their logstore is that of another server.
func TestActionTrail(t *testing.T) {
	t.Parallel() // it waits for times to pass
	p := newPair(t)
	bad := httptest.NewServer(&spoiler{target: p.source.Addr, r: rand.New(rand.NewPCG(rand.Uint64(), 4))})
	defer bad.Close()
	text := config(p.source.Addr, p.toSink.Addr())
	a, b := strings.Index(text, "      access_log_service"), strings.Index(text, "outputs:")
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	text = text[:a] + fmt.Sprintf(`      actiontrail: {endpoint: %q, region: cn-hangzhou, event_rw: Write, hold_back_seconds: 1, second_look_seconds: 15, request_period_in_seconds: 0.1,
        requests_per_second: 50, initial_start_time_in_utc: %q}
`, bad.URL, began.UTC().Format("2006-01-02T15:04:05Z")) + text[b:]
	r := start(t, text, t.TempDir())
	count := 120
	if testing.Short() {
		count = 60
	}
	for i := range count {
		if err := p.writer.c.CreateProject(t.Context(), fmt.Sprintf("audited-%d", i), ""); err != nil {
			t.Fatal(err)
		}
		if i%40 == 20 {
			p.toSink.CutAnswer(100)
			r.wait(t, "Data collection completed", 1)
			p.toSink.Heal()
		}
	}
	end := time.Now().Add(time.Second)
	for { // until a cycle has looked at the end a second time
		r.wait(t, upToDate, 1)
		if time.Since(end) > 16*time.Second {
			r.wait(t, upToDate, 1)
			break
		}
	}
	r.end(t)
	want := lookUp(t, p.source.Addr, began, end)
	if len(want) < count {
		t.Fatalf("the server has %d events of %d calls", len(want), count)
	}
	got := map[string]int{}
	for text, n := range numbers(t, p.direct, into, "event") {
		var e struct{ EventID string }
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		got[e.EventID] += n
	}
	for id := range want {
		if got[id] != 1 {
			t.Errorf("event %s arrived %d times", id, got[id])
		}
	}
}
