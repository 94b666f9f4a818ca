// Package sdk runs the official Go SDK, unmodified, against a server of this tree: its client, its producer and its consumer
// library, signatures on.
//
// The SDK reaches projects by name (project.sls.test). No resolver knows these names, so the tests use what the SDK offers: the
// proxy environment, which makes the server a proxy for its own names, and a transport that dials the server whatever the name.
package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/go-kit/kit/log"
	"google.golang.org/protobuf/proto"

	configuration "github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// env is the server of all tests; each test has a project of its own.
var env *testenv.Env

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sdk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if env, err = testenv.Open(dir, config); err != nil {
		fmt.Fprintln(os.Stderr, "start the server:", err)
		return 1
	}
	// net/http reads the proxy environment once, so it is set before any client is made.
	os.Setenv("HTTP_PROXY", env.URL())
	os.Unsetenv("NO_PROXY")
	os.Unsetenv("no_proxy")
	sls.Logger = log.NewNopLogger()
	code := m.Run()
	if err := env.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the server:", err)
		return 1
	}
	return code
}

// config gives the server credentials for OSS, which shippers have none of. No address of it is ever reached: loopback is refused.
func config(c *configuration.Config) {
	c.Delivery.OSSAccessKeyID, c.Delivery.OSSAccessKeySecret, c.Delivery.OSSEndpoint = "id", "secret", "http://127.0.0.1:9"
}

// way is how an SDK client reaches the server and signs.
type way struct {
	name    string
	proxied bool // through the proxy environment, without a port; else by a transport, with the port in the Host header
	version sls.AuthVersionType
}

var ways = []way{
	{"proxy v1", true, sls.AuthV1},
	{"proxy v4", true, sls.AuthV4},
	{"direct v1", false, sls.AuthV1},
	{"direct v4", false, sls.AuthV4},
}

func (w way) client(id, secret, token string) sls.ClientInterface {
	endpoint := "http://" + testenv.Domain
	if !w.proxied {
		endpoint = env.Endpoint()
	}
	c := sls.CreateNormalInterface(endpoint, id, secret, token)
	if !w.proxied {
		c.SetHTTPClient(env.Client())
	}
	c.SetAuthVersion(w.version)
	c.SetRegion("local")
	c.SetRetryTimeout(10 * time.Second)
	return c
}

func root() sls.ClientInterface { return ways[0].client(testenv.RootID, testenv.RootSecret, "") }

var projects atomic.Int64

// newProject makes a project of the test's own.
func newProject(t *testing.T, c sls.ClientInterface) string {
	t.Helper()
	name := fmt.Sprintf("project-%d", projects.Add(1))
	if _, err := c.CreateProject(name, "of a test"); err != nil {
		t.Fatalf("create project %s: %v", name, err)
	}
	return name
}

// newLogstore makes a project with a logstore of some shards.
func newLogstore(t *testing.T, c sls.ClientInterface, shards int) (project, logstore string) {
	t.Helper()
	project, logstore = newProject(t, c), "store"
	if err := c.CreateLogStore(project, logstore, 7, shards, false, 0); err != nil {
		t.Fatalf("create logstore: %v", err)
	}
	return project, logstore
}

// logGroup is a group of one log with a text in it.
func logGroup(text string) *sls.LogGroup {
	return &sls.LogGroup{
		Topic: proto.String("topic"), Source: proto.String("10.0.0.1"),
		LogTags: []*sls.LogTag{{Key: proto.String("tag"), Value: proto.String("value")}},
		Logs: []*sls.Log{{
			Time:     proto.Uint32(uint32(time.Now().Unix())),
			Contents: []*sls.LogContent{{Key: proto.String("text"), Value: proto.String(text)}},
		}},
	}
}

// textOf is the inverse of logGroup.
func textOf(g *sls.LogGroup) string { return g.Logs[0].Contents[0].GetValue() }

// pullTexts reads a shard from begin to end, a few groups at a time, and returns the groups' texts.
func pullTexts(t *testing.T, c sls.ClientInterface, project, logstore string, shard, compress int) []string {
	t.Helper()
	cursor, err := c.GetCursor(project, logstore, shard, "begin")
	if err != nil {
		t.Fatal(err)
	}
	end, err := c.GetCursor(project, logstore, shard, "end")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for cursor != end {
		groups, meta, err := c.PullLogsWithQuery(&sls.PullLogRequest{
			Project: project, Logstore: logstore, ShardID: shard, Cursor: cursor, EndCursor: end, LogGroupMaxCount: 7, CompressType: compress,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups.LogGroups {
			texts = append(texts, textOf(g))
		}
		cursor = meta.NextCursor
	}
	return texts
}

// wantCode checks the error code that a client was given. Some calls of the SDK return the error itself, some its JSON as text.
func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	failure := new(sls.Error)
	if err != nil && !errors.As(err, &failure) {
		_ = json.Unmarshal([]byte(err.Error()), failure)
	}
	if failure.Code != code {
		t.Errorf("%s: got %v, want %s", what, err, code)
	}
}

// skipUnderRaceDetector is for tests that let the SDK use one client from several goroutines: it completes a client at its first
// use without a lock, and the detector would speak of nothing else.
func skipUnderRaceDetector(t *testing.T) {
	if raceDetector {
		t.Skip("the SDK races with itself")
	}
}
