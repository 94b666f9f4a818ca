package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/testenv"
)

// cutting is a transport whose streams break after a few bytes, as often as it has cuts.
type cutting struct {
	http.RoundTripper
	cuts []int
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/tail") && len(c.cuts) > 0 {
		resp.Body = &cutBody{resp.Body, c.cuts[0]}
		c.cuts = c.cuts[1:]
	}
	return resp, err
}

type cutBody struct {
	io.ReadCloser
	left int
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("cut")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// A tail whose connection breaks again and again gives every log once, in the order of its shard.
func TestTailOverABrokenLine(t *testing.T) {
	env := testenv.Start(t)
	r := rand.New(rand.NewPCG(3, 3))
	line := &cutting{RoundTripper: env.Transport()}
	for range 8 {
		line.cuts = append(line.cuts, r.IntN(1500))
	}
	cuts := len(line.cuts)
	lost, found := 0, 0
	c, err := client.New(client.Options{
		Endpoint: env.URL(), AccessKeyID: testenv.RootID, Secret: testenv.RootSecret, HTTPClient: &http.Client{Transport: line},
	})
	must(t, err)
	withStore(t, c, 2)
	must(t, c.SetIndex(t.Context(), ref, json.RawMessage(`{"line":{"token":[" "]}}`)))
	const logs = 300
	put := func(from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			text := []string{"keep", "drop"}[n%2]
			must(t, c.PutLogs(t.Context(), ref, &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{
				{Key: "n", Value: strconv.Itoa(n)}, {Key: "text", Value: text},
			}}}}, client.PutOptions{}))
		}
	}
	put(0, 10)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	seen := map[int]bool{}
	last := map[sluice.ShardID]int{0: -1, 1: -1}
	q := client.TailQuery{
		Query: "keep | project n", From: time.Now().Add(-time.Minute),
		Lost: func(error) { lost++ }, Found: func() { found++ },
	}
	for e, err := range c.Tail(ctx, ref, q) {
		must(t, err)
		for _, row := range e.Rows {
			n, err := strconv.Atoi(row.Get("n"))
			must(t, err)
			if seen[n] || n%2 != 0 || n <= last[e.Shard] {
				t.Fatalf("log %d of shard %v after %d", n, e.Shard, last[e.Shard])
			}
			seen[n], last[e.Shard] = true, n
		}
		if len(seen) == 5 {
			put(10, logs)
		}
		if len(seen) == logs/2 {
			break
		}
	}
	if len(seen) != logs/2 || lost == 0 || lost > cuts || found != lost {
		t.Errorf("%d logs of %d; the line broke %d times and was there again %d times", len(seen), logs/2, lost, found)
	}
}

func TestTailIsRefused(t *testing.T) {
	c := connect(t, client.Options{})
	f := func(q client.TailQuery, code string) {
		t.Helper()
		n := 0
		for _, err := range c.Tail(t.Context(), ref, q) {
			wantCode(t, err, code)
			n++
		}
		if n != 1 {
			t.Errorf("%d answers instead of an error", n)
		}
	}
	f(client.TailQuery{}, "ProjectNotExist")
	withStore(t, c, 1)
	f(client.TailQuery{Query: "word"}, "IndexConfigNotExist")
	f(client.TailQuery{Query: "* | select 1"}, "ParameterInvalid")
	f(client.TailQuery{LastEventID: "nonsense"}, "ParameterInvalid")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for e, err := range c.Tail(ctx, ref, client.TailQuery{}) {
		t.Errorf("of a tail that was ended: %v, %v", e, err)
	}
}
