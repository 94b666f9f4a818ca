//go:build compat

package compat

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/test/child"
	"github.com/sluicelog/sluice/test/ossserver"
)

const (
	root         = "../.."
	logDir       = ".tools/compat" // server logs below root; the next run overwrites them
	baseDomain   = "sls.test"
	accessKeyID  = "compat-root"
	accessSecret = "compat-root-secret"
)

// startServer starts bin/sluiced on a data directory of its own and stops it when the test ends.
func startServer(t *testing.T) *child.Server {
	t.Helper()
	logName := filepath.Join(logDir, t.Name()+".log")
	if err := os.MkdirAll(filepath.Join(root, logDir), 0o755); err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(filepath.Join(root, logName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		output.Close()
		if t.Failed() {
			t.Logf("what the server said is in %s", logName)
		}
	})
	bucket := startOSS(t)
	s, err := child.Start(t.Context(), child.Options{
		Binary: filepath.Join(root, "bin/sluiced"), DataDir: t.TempDir(), BaseDomain: baseDomain,
		AccessKeyID: accessKeyID, AccessSecret: accessSecret, Output: output,
		Env: bucket,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// startOSS starts what shippers and exports deliver to. It returns the settings of a server that uses it; test runners find it in SLUICE_TEST_OSS and
// the like.
func startOSS(t *testing.T) (settings []string) {
	t.Helper()
	const bucket = "compat-bucket"
	store := ossserver.New(bucket)
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"": server.URL, "_BUCKET": bucket, "_ACCESS_KEY_ID": store.ID, "_ACCESS_KEY_SECRET": store.Secret} {
		t.Setenv("SLUICE_TEST_OSS"+name, value)
	}
	return []string{
		"SLUICE_DELIVERY_OSS_ACCESS_KEY_ID=" + store.ID, "SLUICE_DELIVERY_OSS_ACCESS_KEY_SECRET=" + store.Secret,
		"SLUICE_DELIVERY_OSS_ENDPOINT=" + server.URL, "SLUICE_DELIVERY_ALLOW_NETWORKS=127.0.0.0/8",
	}
}

// environ is what a client's test runner gets: this process's environment without proxies, and where the server is.
func environ(s *child.Server) []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(strings.ToLower(kv), "=")
		return strings.HasSuffix(name, "_proxy")
	})
	return append(env, "SLUICE_TEST_ADDR="+s.Addr, "SLUICE_TEST_DOMAIN="+baseDomain,
		"SLUICE_TEST_ACCESS_KEY_ID="+accessKeyID, "SLUICE_TEST_ACCESS_KEY_SECRET="+accessSecret,
		"PYTHONDONTWRITEBYTECODE=1")
}
