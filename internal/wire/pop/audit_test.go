package pop_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
	"github.com/sluicelog/sluice/internal/wire/pop"
)

// Every action has a line in the table of operations, which says that it changes something if its row here does.
func TestEveryActionHasAnOperation(t *testing.T) {
	for _, r := range pop.Rows() {
		o := operation.Find(r.Service, r.Name)
		if !o.Known {
			t.Errorf("%s of %s has no line in the table of operations", r.Name, r.Service)
		}
		if o.ReadOnly == r.Mutating {
			t.Errorf("%s is mutating: %t, and read-only as an operation: %t", r.Name, r.Mutating, o.ReadOnly)
		}
	}
}

// lines is what a logger writes.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const canary = "canary-4711-sings"

// planted are parameters with a secret in every kind of place.
func planted(p url.Values) url.Values {
	nested, _ := json.Marshal(map[string]any{
		"SecretKey": canary, "AccessKey": canary, "Password": canary, "UnheardOf": canary, "HeaderParam": map[string]any{"Authorization": canary, "X-A": canary},
		"StandardAuthParam": map[string]any{"PrivateKey": canary, "UrlPath": canary}, "DestUrl": "https://me:" + canary + "@h.example/?key=" + canary,
	})
	p = url.Values(http.Header(p).Clone())
	for name, value := range map[string]string{
		"CommandContent": canary, "Content": canary, "Parameters": string(nested), "SecurityToken2": canary, "Password": canary, "SecretKey": canary,
		"UnheardOf": canary, "S3Delivery": string(nested), "HttpDelivery": string(nested), "KafkaDelivery": string(nested), "Value": canary,
		"Tag.1.Key": "k", "Tag.1.Value": canary, "ActivationCode": canary, "WindowsPassword": canary, "PageSize2": canary, "Nested": string(nested),
		"ExternalId": canary,
	} {
		p.Set(name, value)
	}
	return p
}

// Secrets that are planted in every parameter of every action are in no event, no line of the access log and no metric.
func TestSecretsAreNotRecorded(t *testing.T) {
	var log lines
	env := testenv.StartLogged(t, &log)
	account := accountOf(t, env, &testenv.RootKey)
	for _, r := range pop.Rows() {
		p, _ := matrixExample(r, "acs:ram::"+account+":role/nothing")
		p = planted(p)
		p.Set("RegionId", "local")
		call(t, env, &testenv.RootKey, r.Version, r.Name, p)
		call(t, env, nil, r.Version, r.Name, p)
		call(t, env, &testenv.Key{ID: testenv.RootID, Secret: canary}, r.Version, r.Name, p)
	}
	// What is made is shown once, to the caller.
	var made struct {
		AccessKey struct{ AccessKeyID, AccessKeySecret string }
	}
	rpc(t, env, &testenv.RootKey, ramAPI, "CreateUser", nil, "UserName", "ops")
	rpc(t, env, &testenv.RootKey, ramAPI, "CreateAccessKey", &made, "UserName", "ops")
	resp, err := env.Client().Get(env.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	events := env.Events(t)
	if len(events) < 3*len(pop.Rows()) {
		t.Errorf("%d events of %d actions", len(events), len(pop.Rows()))
	}
	secrets := []string{canary, made.AccessKey.AccessKeySecret}
	has := func(text []byte) bool {
		return slices.ContainsFunc(secrets, func(s string) bool { return bytes.Contains(text, []byte(s)) })
	}
	for _, e := range events {
		if raw, _ := json.Marshal(e); has(raw) {
			t.Errorf("event: %s", raw)
		}
		if e.Name == "CreateAccessKey" && e.Status == 200 && !strings.Contains(mustJSON(e.Response), made.AccessKey.AccessKeyID) {
			t.Errorf("the id of the key that was made is not told: %v", e.Response)
		}
	}
	if has(metrics) {
		t.Error("metrics have a secret")
	}
	for line := range strings.Lines(log.String()) {
		if has([]byte(line)) {
			t.Errorf("log: %.600s", line)
		}
	}
}

func mustJSON(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// In strict mode calls that change something are answered when their events are on disk.
func TestStrict(t *testing.T) {
	env := testenv.Start(t, strict)
	rpc(t, env, &testenv.RootKey, ramAPI, "CreateUser", nil, "UserName", "ops")
	l := env.Node.Trail.Log()
	begin, _ := l.Bounds()
	events, _, err := l.Read(t.Context(), begin, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events, func(e trail.Event) bool { return e.Name == "CreateUser" && e.Resources[0].Name == "ops" }) {
		t.Errorf("the event is not there when the answer is: %+v", events)
	}
}

func strict(c *config.Config) { c.Trail.Strict = true }
