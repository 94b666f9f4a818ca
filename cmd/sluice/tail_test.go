package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// received answers cursor_time for a shard whose n-th group came at its n-th second.
type received struct {
	seconds []int64
	asked   int
}

const firstPosition = 1000

func (r *received) RoundTrip(req *http.Request) (*http.Response, error) {
	r.asked++
	p, err := sluice.ParseCursor(req.URL.Query().Get("cursor"))
	if err != nil {
		return nil, err
	}
	body := fmt.Sprintf(`{"cursor_time":%d}`, r.seconds[p-firstPosition])
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// Whenever groups were received, stamp finds out when, and asks little where little changes.
func TestStamp(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		seconds := rapid.SliceOfN(rapid.Int64Range(1, 6), 0, 200).Draw(r, "seconds")
		slices.Sort(seconds)
		server := &received{seconds: seconds}
		c, err := client.New(client.Options{Endpoint: "sls.test", AccessKeyID: "i", Secret: "s", HTTPClient: &http.Client{Transport: server}})
		if err != nil {
			r.Fatal(err)
		}
		groups := make(stretch, len(seconds))
		tailing := &tailer{c: c}
		if err := tailing.stamp(t.Context(), 0, groups, firstPosition); err != nil {
			r.Fatal(err)
		}
		for i, g := range groups {
			if g.received.Unix() != seconds[i] {
				r.Fatalf("group %d: received at %d, want %d", i, g.received.Unix(), seconds[i])
			}
		}
		distinct := len(slices.Compact(slices.Clone(seconds)))
		if most := 2 + 10*distinct; server.asked > most {
			r.Fatalf("%d questions about %d groups of %d seconds", server.asked, len(seconds), distinct)
		}
	})
}

// A merge has every group once, keeps the order inside each shard, and is in order of receipt.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		shards := rapid.SliceOfN(rapid.SliceOfN(rapid.Int64Range(1, 20), 0, 20), 0, 5).Draw(r, "shards")
		var stretches []stretch
		total := 0
		for shard, seconds := range shards {
			slices.Sort(seconds)
			var s stretch
			for i, second := range seconds {
				g := &sluice.LogGroup{Source: fmt.Sprint(shard), Topic: fmt.Sprint(i)}
				s = append(s, arrived{group: g, received: time.Unix(second, 0)})
			}
			stretches = append(stretches, s)
			total += len(s)
		}
		merged := merge(stretches)
		if len(merged) != total {
			r.Fatalf("%d groups of %d", len(merged), total)
		}
		next := map[string]int{}
		for i, a := range merged {
			if a.group.Topic != fmt.Sprint(next[a.group.Source]) {
				r.Fatalf("shard %s: group %s comes as number %d", a.group.Source, a.group.Topic, next[a.group.Source])
			}
			next[a.group.Source]++
			if i > 0 && a.received.Before(merged[i-1].received) {
				r.Fatalf("group %d came before the one in front of it", i)
			}
		}
	})
}
