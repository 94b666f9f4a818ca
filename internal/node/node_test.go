package node_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/certs"
	"github.com/sluicelog/sluice/test/s3server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const body = `{"__topic__":"t","__logs__":[{"a":"1"}]}`

func put(t *testing.T, env *testenv.Env) {
	t.Helper()
	env.OK(t, testenv.Call{
		Method: "POST", Project: "web", Target: "/logstores/access/shards/lb", Body: []byte(body),
		Header: map[string]string{"Content-Type": "application/json"},
	})
}

func hub(t *testing.T, change ...func(*config.Config)) *testenv.Env {
	t.Helper()
	env := testenv.Start(t, change...)
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":1}`)})
	return env
}

func get(t *testing.T, env *testenv.Env, target string) string {
	t.Helper()
	return string(env.OK(t, testenv.Call{Project: "web", Target: target}).Body)
}

// Everything that a client was told is done is there after a restart.
func TestRestartKeepsEverything(t *testing.T) {
	env := hub(t)
	put(t, env)
	put(t, env)
	groups := "/logstores/access/consumergroups"
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: groups, Body: []byte(`{"consumerGroup":"g","timeout":30}`)})
	var end struct{ Cursor string }
	env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=cursor&from=end"}, &end)
	env.OK(t, testenv.Call{
		Method: "POST", Project: "web", Target: groups + "/g?type=checkpoint&forceSuccess=true",
		Body: []byte(fmt.Sprintf(`{"shard":0,"checkpoint":%q}`, end.Cursor)),
	})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/shards/0?action=split"})
	var key struct{ AccessKeyID, AccessKeySecret string }
	env.JSON(t, testenv.Call{Method: "POST", Target: "/sluice/v1/keys", Body: []byte(`{}`)}, &key)

	var begin struct{ Cursor string }
	env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=cursor&from=begin"}, &begin)
	targets := []string{
		"/", "/logstores/access", "/logstores/access/shards", groups, groups + "/g",
		"/logstores/access/shards/0?type=cursor&from=end", "/logstores/access/shards/1?type=cursor&from=begin",
		"/logstores/access/shards/0?type=log&cursor=" + strings.ReplaceAll(begin.Cursor, "=", "%3D"),
	}
	before := map[string]string{}
	for _, target := range targets {
		before[target] = get(t, env, target)
	}
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		if after := get(t, env, target); after != before[target] {
			t.Errorf("%s: got %q after the restart, %q before", target, after, before[target])
		}
	}
	env.OK(t, testenv.Call{Project: "web", Target: "/logstores", Key: &testenv.Key{ID: key.AccessKeyID, Secret: key.AccessKeySecret}})
	put(t, env)
}

// A shard that is written to all the time is split while that goes on, and every write is found once.
func TestBusyShardIsSplit(t *testing.T) {
	env := hub(t, func(c *config.Config) { c.Split.After, c.Split.BytesPerSecond = time.Second, 1 })
	env.OK(t, testenv.Call{
		Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"autoSplit":true,"maxSplitShard":2}`),
	})
	var shards []struct{ ShardID int }
	written := 0
	for deadline := time.Now().Add(time.Minute); len(shards) < 3; written++ {
		if time.Now().After(deadline) {
			t.Fatalf("not split after %d writes: %v", written, shards)
		}
		put(t, env)
		env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/shards"}, &shards)
	}
	put(t, env)
	found := 0
	for _, s := range shards {
		var from struct{ Cursor string }
		target := fmt.Sprintf("/logstores/access/shards/%d?type=", s.ShardID)
		env.JSON(t, testenv.Call{Project: "web", Target: target + "cursor&from=begin"}, &from)
		for n := -1; n != 0; found += n {
			a := env.OK(t, testenv.Call{Project: "web", Target: target + "log&cursor=" + strings.ReplaceAll(from.Cursor, "=", "%3D")})
			from.Cursor = a.Header.Get("X-Log-Cursor")
			n, _ = strconv.Atoi(a.Header.Get("X-Log-Count"))
		}
	}
	if found != written+1 {
		t.Errorf("%d groups in %d shards, want %d", found, len(shards), written+1)
	}
}

// The numbers that operators look at move with what happens.
func TestMetrics(t *testing.T) {
	env := hub(t)
	put(t, env)
	resp, err := env.Client().Get(env.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`sluice_requests_total{action="PutLogs",code="",status="200"} 1`,
		`sluice_write_seconds_count 1`, `sluice_logs_written_total 1`,
		`sluice_shard_logs 2`, `sluice_disk_full 0`, `sluice_journal_failed 0`, `sluice_damaged_places 0`,
	} {
		if !strings.Contains(string(raw), line+"\n") {
			t.Errorf("metrics have no line %s", line)
		}
	}
}

// collectors is a file of a collector that reaches nobody.
const collectors = `
inputs: {a: {credentials: {access_key_id: k, access_key_secret: s}, services: {smq: {endpoint: "http://127.0.0.1:1", queue: q}}}}
outputs: {here: {type: logstore, config: {project: web, logstore: access}}}
`

// docs/metrics.md names every metric of ours, and none that is not there.
func TestMetricsPageTellsTheTruth(t *testing.T) {
	pair, dir := certs.New(t).Issue(t, "localhost"), t.TempDir()
	env := hub(t, inBucket(t, s3server.Start(t)), func(c *config.Config) {
		c.TLS.Cert, c.TLS.Key, c.TLS.Listen = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), "127.0.0.1:0"
		for path, text := range map[string]string{c.TLS.Cert: pair.Certificate, c.TLS.Key: pair.Key} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c.Collectors.File = filepath.Join(dir, "collectors.yaml")
		if err := os.WriteFile(c.Collectors.File, []byte(collectors), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	put(t, env)
	env.Do(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores/access/shards/lb", Body: []byte("no protobuf")})
	if _, err := env.Node.Delivery.Create(t.Context(), "web", &delivery.Spec{
		Name: "t1", Source: delivery.Source{Logstore: "access"}, Sink: []byte(`{"type":"http","url":"http://localhost:1/"}`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Node.Delivery.Start(t.Context(), "web", "t1", delivery.FromPoint); err != nil {
		t.Fatal(err)
	}
	resp, err := env.Client().Get(env.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern string, in []byte) (list []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(in, -1) {
			list = append(list, string(m[1])+" "+string(m[2]))
		}
		slices.Sort(list)
		return list
	}
	got, want := names("(?m)^\\| `(sluice_\\w+)` \\| (\\w+) ", page), names(`(?m)^# TYPE (sluice_\w+) (\w+)`, text)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-served +on the page):\n%s", diff)
	}
}

// Limits of the configuration reach the parts that keep them.
func TestConfigurationReachesTheParts(t *testing.T) {
	env := hub(t, func(c *config.Config) {
		c.Quota.ShardWriteRequests = 1
		c.Quota.ProjectReadRequests = 1
		c.Limits.LogstoresPerProject = 1
		c.Ingest.MaxPast = 0
	})
	old := strings.Replace(body, `"a":"1"`, `"__time__":1000000000`, 1)
	write := testenv.Call{
		Method: "POST", Project: "web", Target: "/logstores/access/shards/lb", Body: []byte(old),
		Header: map[string]string{"Content-Type": "application/json"},
	}
	env.OK(t, write)
	f := func(c testenv.Call, status int, code string) {
		t.Helper()
		if a := env.Do(t, c); a.Status != status || a.Code != code {
			t.Errorf("%s %s: got %d %s (%s), want %d %s", c.Method, c.Target, a.Status, a.Code, a.Message, status, code)
		}
	}
	refused := func(c testenv.Call, code string) {
		t.Helper()
		for range 5 { // a quota lets a second's worth pass at once
			if a := env.Do(t, c); a.Code != "" {
				f(c, 403, code)
				return
			}
		}
		t.Errorf("%s %s: never refused, want %s", c.Method, c.Target, code)
	}
	refused(write, "ShardWriteQuotaExceed")
	f(testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"more","ttl":1}`)}, 400, "ProjectQuotaExceed")
	var begin struct{ Cursor string }
	env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=cursor&from=begin"}, &begin)
	pull := testenv.Call{Project: "web", Target: "/logstores/access/shards/0?type=log&cursor=" + strings.ReplaceAll(begin.Cursor, "=", "%3D")}
	refused(pull, "ReadQuotaExceed")
}
