package node_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/s3server"
)

// inBucket keeps segments in a bucket of a server.
func inBucket(t *testing.T, server *s3server.Server) func(*config.Config) {
	t.Helper()
	server.Bucket(t, "segments")
	return func(c *config.Config) {
		c.Index.Store, c.Index.Endpoint, c.Index.Bucket = "s3", server.Endpoint, "segments"
		c.Index.AccessKeyID, c.Index.SecretAccessKey = s3server.AccessKeyID, s3server.SecretAccessKey
	}
}

// A server whose index moves to a bucket misses its segments at first, and says so, and then makes them anew there from its logs.
func TestIndexMovesToABucket(t *testing.T) {
	var cfg *config.Config
	env := hub(t, func(c *config.Config) { cfg = c })
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/index", Body: []byte(`{"keys":{"a":{"type":"long"}}}`)})
	put(t, env)
	if err := env.Node.Index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	server := s3server.Start(t)
	inBucket(t, server)(cfg)
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := env.Node.Index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a := env.OK(t, testenv.Call{Project: "web", Target: "/logstores/access?type=log&from=0&to=4000000000&line=100&query=a%3A1"})
	if n := strings.Count(string(a.Body), `"a":"1"`); n != 1 || a.Header.Get("x-log-progress") != "Complete" {
		t.Errorf("after the move %d logs are found, %s: %s", n, a.Header.Get("x-log-progress"), a.Body)
	}
	if stored, err := os.ReadDir(server.File("segments", "sluice/segments")); err != nil || len(stored) == 0 {
		t.Errorf("there are %d objects in the bucket: %v", len(stored), err)
	}
}

// A server whose segments are in a bucket answers searches, histograms and SQL from there, also after a restart without its cache, and
// takes logs while the bucket cannot be reached.
func TestSegmentsInABucket(t *testing.T) {
	server := s3server.Start(t)
	env := hub(t, inBucket(t, server))
	env.OK(t, testenv.Call{
		Method: "POST", Project: "web", Target: "/logstores/access/index",
		Body: []byte(`{"line":{"token":[" "]},"keys":{"a":{"type":"long","doc_value":true}}}`),
	})
	const logs = 20
	for range logs {
		put(t, env)
	}
	if err := env.Node.Index.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stored, err := os.ReadDir(server.File("segments", "sluice/segments")); err != nil || len(stored) == 0 {
		t.Fatalf("there are %d objects in the bucket: %v", len(stored), err)
	}
	ask := func(query string) string {
		return get(t, env, "/logstores/access?type=log&from=0&to=4000000000&line=100&query="+url.QueryEscape(query))
	}
	check := func() {
		t.Helper()
		if found := ask("a:1"); strings.Count(found, `"a":"1"`) != logs {
			t.Errorf("the search finds %s", found)
		}
		if counted := ask("a > 0 | select count(*) as n, sum(a) as s"); !strings.Contains(counted, fmt.Sprintf(`"n":"%d"`, logs)) {
			t.Errorf("SQL counts %s", counted)
		}
	}
	check()
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	check()

	server.Cut()
	put(t, env)
	server.Mend()
	if found := ask("a:1"); strings.Count(found, `"a":"1"`) != logs+1 {
		t.Errorf("after the outage the search finds %s", found)
	}
}
