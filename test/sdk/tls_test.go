package sdk

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"google.golang.org/protobuf/proto"

	configuration "github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/certs"
)

// The SDK with an https endpoint, which checks the certificate against the names of projects, writes and reads; and goes on doing so
// while the certificate is replaced under it.
func TestTLS(t *testing.T) {
	authority := certs.New(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	issue := func() {
		pair := authority.Issue(t, "sluice", testenv.Domain, "*."+testenv.Domain)
		for path, text := range map[string]string{cert: pair.Certificate, key: pair.Key} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	issue()
	secure := testenv.Start(t, func(c *configuration.Config) { c.TLS.Cert, c.TLS.Key = cert, key })
	_, port, err := net.SplitHostPort(secure.Addr)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []sls.AuthVersionType{sls.AuthV1, sls.AuthV4} {
		transport := secure.Transport()
		transport.TLSClientConfig = authority.Client()
		c := sls.CreateNormalInterface("https://"+net.JoinHostPort(testenv.Domain, port), testenv.RootID, testenv.RootSecret, "")
		c.SetHTTPClient(&http.Client{Transport: transport, Timeout: time.Minute})
		c.SetAuthVersion(version)
		c.SetRegion("local")
		project := "tls-" + map[sls.AuthVersionType]string{sls.AuthV1: "v1", sls.AuthV4: "v4"}[version]
		if _, err := c.CreateProject(project, ""); err != nil {
			t.Fatal(err)
		}
		if err := c.CreateLogStore(project, "app", 1, 1, false, 1); err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			if err := c.PutLogs(project, "app", &sls.LogGroup{Logs: []*sls.Log{{
				Time: proto.Uint32(uint32(time.Now().Unix())), Contents: []*sls.LogContent{{Key: proto.String("k"), Value: proto.String("v")}},
			}}}); err != nil {
				t.Fatal(err)
			}
			cursor, err := c.GetCursor(project, "app", 0, "begin")
			if err != nil {
				t.Fatal(err)
			}
			groups, _, err := c.PullLogs(project, "app", 0, cursor, "", 10)
			if err != nil || len(groups.LogGroups) != n+1 {
				t.Fatalf("got %d groups, %v, want %d", len(groups.LogGroups), err, n+1)
			}
			issue()
			secure.Node.Reload()
			transport.CloseIdleConnections()
		}
	}
	plain := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, secure.Addr)
	}}}
	defer plain.CloseIdleConnections()
	resp, err := plain.Get("http://" + testenv.Domain + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a listener with TLS answers plain HTTP with %s", resp.Status)
	}
}
