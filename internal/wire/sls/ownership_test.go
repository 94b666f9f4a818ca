package sls_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/s3server"
)

// With bucket_ownership, a bucket of a real S3 server gets logs only after somebody read a file in it, and in each project anew.
func TestBucketOwnership(t *testing.T) {
	s3 := s3server.Start(t)
	s3.Bucket(t, "archive")
	env := testenv.Start(t, func(c *config.Config) {
		c.Delivery.BucketOwnership, c.Delivery.AllowNetworks = "token", "127.0.0.0/8"
	})
	newWeb(t, env)
	do := caller(t, env)
	const path = "/sluice/v1/deliveries/x"
	document := func(name, prefix string) string {
		return `{"name":"` + name + `","source":{"logstore":"access"},"limits":{"logs":1},"sink":{"type":"s3compatible","endpoint":"` + s3.Endpoint +
			`","bucket":"archive","compression":"none","prefix":"` + prefix + `","accessKeyId":"` + s3server.AccessKeyID + `","secretAccessKey":"` + s3server.SecretAccessKey + `"}}`
	}
	do("POST", "/sluice/v1/deliveries", document("x", "logs"), "")
	do("POST", path+"?action=start", "", "DeliveryTaskConflict")
	do("POST", path+"?action=prove", `{"token":"guess"}`, "ParameterInvalid") // nothing is asked yet
	var challenge struct{ File string }
	if err := json.Unmarshal([]byte(do("POST", path+"?action=challenge", "", "")), &challenge); err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(s3.File("archive", challenge.File))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{`{"token":"guess"}`, `{"token":""}`, `{"token":null}`, `null`} {
		do("POST", path+"?action=prove", wrong, "ParameterInvalid")
	}
	do("POST", path+"?action=start", "", "DeliveryTaskConflict")

	// The token of one project proves nothing in another.
	env.OK(t, testenv.Call{Method: "POST", Target: "/", Body: []byte(`{"projectName":"other","description":""}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "other", Target: "/sluice/v1/deliveries", Body: []byte(document("x", "logs"))})
	right, err := json.Marshal(map[string]string{"token": string(token)})
	if err != nil {
		t.Fatal(err)
	}
	if a := env.Do(t, testenv.Call{Method: "POST", Project: "other", Target: path + "?action=prove", Body: right}); a.Code != "ParameterInvalid" {
		t.Errorf("the token of another project: got %d %s %q", a.Status, a.Code, a.Message)
	}

	do("POST", path+"?action=prove", string(right), "")
	do("POST", path+"?action=start", "", "")
	group := &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{{Key: "k", Value: "proved"}}}}}
	if _, _, err := env.Node.Ingest.Append(t.Context(), sluice.LogstoreRef{Project: "web", Logstore: "access"}, group); err != nil {
		t.Fatal(err)
	}
	if got := firstObject(t, s3.File("archive", "logs/"+time.Now().UTC().Format("2006"))); !strings.Contains(got, "proved") {
		t.Errorf("the object holds %q", got)
	}

	// Pointed to a directory that was not proved, it stops.
	do("PUT", path, document("x", "elsewhere"), "")
	if got := do("GET", path, "", ""); !strings.Contains(got, `"state":"paused"`) || !strings.Contains(got, "nobody has proved") {
		t.Errorf("after a change of the directory: %s", got)
	}
	do("POST", path+"?action=start", "", "DeliveryTaskConflict")
	do("PUT", path, document("x", "logs"), "")
	do("POST", path+"?action=start", "", "")
	if strings.Contains(do("GET", path, "", ""), s3server.SecretAccessKey) {
		t.Error("the secret shows")
	}
}

// firstObject waits for an object whose directory begins with prefix, and returns its bytes.
func firstObject(t *testing.T, prefix string) string {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.After(2 * time.Minute); ; {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatal("no object arrived")
		}
		dirs, _ := filepath.Glob(prefix + "*")
		for _, dir := range dirs {
			var found string
			_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() && strings.HasSuffix(path, ".json") {
					raw, _ := os.ReadFile(path)
					found = string(raw)
				}
				return nil
			})
			if found != "" {
				return found
			}
		}
	}
}
