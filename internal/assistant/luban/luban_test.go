package luban_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/assistant"
)

func TestRegistration(t *testing.T) {
	b := newBed(t)
	id, code := b.activation(assistant.Activation{InstanceCount: 2, InstanceName: "web", Tags: []assistant.Tag{{Key: "site", Value: "a"}}})
	_, elsewhere := b.activation(assistant.Activation{IPRange: "10.9.0.0/16"})
	far, farCode := b.activation(assistant.Activation{IPRange: "10.9.0.0/16"})
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	b.must(err)
	tell := func(name, activation, code string, key *rsa.PrivateKey, status int, want string) {
		t.Helper()
		if got, body := b.client().register(activation, code, key); got != status || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %d and %q", name, got, body, status, want)
		}
	}
	tell("another code", id, elsewhere, keys()[0], 403, "no activation of this id and code")
	tell("no activation", "a-1", code, keys()[0], 403, "no activation of this id and code")
	tell("another address", far, farCode, keys()[0], 403, "not for the address 127.0.0.1")
	tell("a weak key", id, code, weak, 422, "not RSA of 2048 to 8192 bits")
	tell("good", id, code, keys()[0], 200, `"instanceId":"mi-`)
	tell("the same key again", id, code, keys()[0], 200, `"instanceId":"mi-`)
	b.pass(time.Millisecond)
	tell("the second", id, code, keys()[1], 200, `"instanceId":"mi-`)
	for name, body := range map[string]string{
		"not JSON": "x", "too large": `{"hostname":"` + strings.Repeat("x", 70_000) + `"}`, "a long text": `{"hostname":"` + strings.Repeat("x", 300) + `"}`,
		"nothing": "{}", "no key": `{"machineId":"m","osType":"linux","publicKey":"AAAA"}`, "tags": `{"machineId":"m","osType":"linux","tag":[` + strings.Repeat("{},", 30) + "{}]}",
	} {
		if status, answer := b.client().send("POST", "/luban/api/instance/register", body, nil); status != 422 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	third, err := rsa.GenerateKey(rand.Reader, 2048)
	b.must(err)
	tell("one too many", id, code, third, 403, "all 2 instances")

	l, err := b.svc.Fleet("").Instances(t.Context(), assistant.InstanceFilter{}, assistant.Page{Size: 10})
	b.must(err)
	if len(l.Rows) != 2 {
		t.Fatalf("%d instances", len(l.Rows))
	}
	i := l.Rows[1]
	got := fmt.Sprint(i.Name, i.OSType(), i.OSVersion, i.Hostname, i.MachineID, i.IntranetIP, i.InternetIP, i.AgentVersion, i.Tags, i.Connected)
	if want := "web-001Linux12web-1machine-110.0.0.7127.0.0.12.2.3.578[{site a} {role web}] false"; got != want {
		t.Errorf("the instance is %s, want %s", got, want)
	}
}

func TestSignatures(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	const path = "/luban/api/v1/task/list?reason=kickoff"
	refused := func(name string, h http.Header, want string) {
		t.Helper()
		if status, body := c.send("POST", path, "", h); status <= 400 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", name, status, body, want)
		}
	}
	refused("none", http.Header{}, "MissingSignature")
	h := c.headers()
	if status, body := c.send("POST", path, "", h); status != 200 {
		t.Errorf("good: %d %s", status, body)
	}
	refused("again", h, "RequestReplayed")
	b.pass(4 * time.Minute)
	refused("again, later", h, "RequestReplayed")
	b.pass(2 * time.Minute)
	refused("too old", h, "InvalidTimestamp")
	h = c.headers()
	h.Set("x-acs-request-id", "another")
	refused("another request", h, "SignatureDoesNotMatch")
	h = c.headers()
	h.Set("x-acs-instance-id", "mi-another")
	refused("no such instance", h, "InstanceNotFound")
	h = c.headers()
	h.Set("x-acs-request-id", strings.Repeat("x", 2000))
	refused("too long", h, "MissingSignature")
	c.machine = "another machine"
	refused("a copy of the key on another machine", c.headers(), "SignatureDoesNotMatch")
	c.machine = "machine-1"
	now := c.now
	c.now = func() time.Time { return now().Add(time.Hour) }
	refused("a clock that is off", c.headers(), "set the machine's clock")
	c.now = now
	c.key = keys()[1]
	refused("another key", c.headers(), "SignatureDoesNotMatch")
}

func TestTooManyRequests(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	status, taken := 200, 0
	for ; status == 200 && taken < 2000; taken++ {
		status, _ = c.call("POST", "/luban/api/metrics", "{}")
	}
	if status != http.StatusTooManyRequests || taken < 500 {
		t.Fatalf("after %d requests in a moment: %d", taken, status)
	}
	b.pass(time.Second)
	if status, _ = c.call("POST", "/luban/api/metrics", "{}"); status != 200 {
		t.Errorf("a second later: %d", status)
	}
}

func TestLargeOutput(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	id := b.run(c.instance, assistant.Command{Content: "x"}, assistant.Invoke{})
	c.call("POST", "/luban/api/v1/task/list?reason=startup", "")
	report := func(kind, rest, body string) int {
		status, _ := c.call("POST", fmt.Sprintf("/luban/api/v1/task/%s?taskId=%s&start=1%s", kind, id, rest), body)
		return status
	}
	if status := report("finish", "&end=2&exitCode=0", strings.Repeat("x", 200_000)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that is too large: %d", status)
	}
	for range 3 { // more than a record holds
		report("running", "", strings.Repeat("a", 10_000))
	}
	report("finish", "&end=2&exitCode=0&dropped=5", strings.Repeat("z", 24_576))
	r := b.records(id, 1)[0]
	all := 3*10_000 + 24_576 + 5
	if out := r["Output"]; len(out) != 24_576 || !strings.HasPrefix(out, "aaa") || !strings.HasSuffix(out, "zzz") || r["Dropped"] != fmt.Sprint(all-24_576) {
		t.Errorf("%d bytes from %.5s to %s, dropped %s", len(out), out, out[len(out)-5:], r["Dropped"])
	}
}

// A copy of a machine has its key and its id. That two are there shows by their processes.
func TestClones(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	ch := b.dialed(c)
	beat := func(c *client, want int) {
		t.Helper()
		if status, body := c.heartbeat(); status != want {
			t.Errorf("a heartbeat of process %d is answered with %d %s, want %d", c.pid, status, body, want)
		}
	}
	beat(c, 200)
	b.pass(time.Minute)
	restarted := *c
	restarted.pid, restarted.began = 101, b.now() // of the same machine: the first is not heard of again
	b.pass(20 * time.Second)
	beat(&restarted, 200)
	if w := ch.word(t); w != "" { // the channel of the process before is closed
		t.Errorf("the old channel says %q", w)
	}
	ch = b.dialed(&restarted)
	b.pass(time.Minute)
	clone := restarted
	clone.pid, clone.began = 77, b.now().Add(-time.Hour)
	beat(&clone, 200)
	b.pass(30 * time.Second)
	beat(&restarted, 403)
	for w := ch.word(t); w != ""; w = ch.word(t) {
	}
	beat(&clone, 403)
	id := b.run(c.instance, assistant.Command{Content: "x"}, assistant.Invoke{})
	for _, path := range []string{"list?reason=startup", "finish?taskId=" + id + "&start=1&end=2&exitCode=0"} {
		if status, body := clone.call("POST", "/luban/api/v1/task/"+path, ""); status != 403 || !strings.Contains(body, "InstanceCloned") {
			t.Errorf("%s of a clone: %d %s", path, status, body)
		}
	}
	if _, err := clone.dial(); err == nil {
		t.Error("a clone has a channel")
	}
	for range 10 { // one of them is gone
		b.pass(time.Minute)
		if status, _ := restarted.heartbeat(); status == 200 {
			break
		}
	}
	beat(&restarted, 200)
	b.dialed(&restarted)
}

func TestNewestChannel(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	first := b.dialed(c)
	second := b.dialed(c)
	for w := first.word(t); w != ""; w = first.word(t) {
	}
	b.run(c.instance, assistant.Command{Content: "x"}, assistant.Invoke{})
	if w := second.word(t); w != "kick_vm" {
		t.Errorf("the new channel says %q", w)
	}
	if status, _ := c.heartbeat(); status != 200 { // the kick may have been missed
		t.Error(status)
	}
	if w := second.word(t); w != "kick_vm" {
		t.Errorf("after a heartbeat the channel says %q", w)
	}
}

// A secret would stay in a file on the machine.
func TestNoSecrets(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	b.must(b.svc.Fleet("").SetParameter(t.Context(), "pw", "hunter2", true))
	b.must(b.svc.Fleet("").SetParameter(t.Context(), "plain", "seen", false))
	open := b.run(c.instance, assistant.Command{Content: "echo {{oos:plain}} {{ACS::InstanceId}}", EnableParameter: true}, assistant.Invoke{})
	secret := b.run(c.instance, assistant.Command{Content: "echo {{oos-secret:pw}}", EnableParameter: true}, assistant.Invoke{})
	_, body := c.call("POST", "/luban/api/v1/task/list?reason=startup", "")
	if !strings.Contains(body, open) || strings.Contains(body, `"run":[]`) {
		t.Error(body)
	}
	if r := b.records(secret, 1)[0]; r["InvocationStatus"] != "Invalid" || r["ErrorCode"] != "QueryParameterStoreFailed" {
		t.Error(r)
	}
}

// What there is more of than one fetch holds is kicked for, and after a restart of the client too.
func TestManyTasks(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	const all = 2*assistant.MaxClaim + 5
	for range all {
		b.run(c.instance, assistant.Command{Content: "x"}, assistant.Invoke{Frequency: "rate(1h)"})
	}
	for range 2 {
		ch := b.dialed(c)
		got, reason := map[string]bool{}, "startup"
		for len(got) < all {
			_, body := c.call("POST", "/luban/api/v1/task/list?reason="+reason, "")
			reason = "kickoff"
			ids := runIDs(t, body)
			for _, id := range ids {
				if got[id] {
					t.Fatalf("%s is handed out twice", id)
				}
				got[id] = true
			}
			if len(ids) == 0 {
				t.Fatalf("%d are handed out of %d", len(got), all)
			}
			if len(got) < all {
				if w := ch.word(t); w != "kick_vm" {
					t.Fatalf("the channel says %q", w)
				}
			}
		}
		b.pass(time.Second)
	}
}

func TestDeregisterItself(t *testing.T) {
	b := newBed(t)
	c := b.registered(keys()[0])
	ch := b.dialed(c)
	id := b.run(c.instance, assistant.Command{Content: "x"}, assistant.Invoke{})
	if status, body := c.call("POST", "/luban/api/instance/deregister", ""); status != 200 || body != `{"code":200}` {
		t.Errorf("%d %s", status, body)
	}
	for w := ch.word(t); w != ""; w = ch.word(t) {
		if w != "kick_vm" {
			t.Errorf("the channel says %q", w)
		}
	}
	if r := b.records(id, 1)[0]; r["ErrorCode"] != "InstanceDeregistered" {
		t.Error(r)
	}
}

// Certificates are of the name that is dialed, and of the address without one; a request without TLS gets nowhere.
func TestTLS(t *testing.T) {
	b := newBed(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b.svc.CA())
	for _, name := range []string{"logs.example.com", "127.0.0.1"} {
		conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: name, Time: b.now}}).DialContext(t.Context(), "tcp", b.address)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		conn.Close()
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+b.address+"/luban/api/heart-beat", nil)
	b.must(err)
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if resp.StatusCode < 400 {
			t.Errorf("without TLS: %d", resp.StatusCode)
		}
	}
	if status, body := b.client().send("GET", "/luban/api/connection_detect", "", nil); status != 200 || body != "ok" {
		t.Errorf("%d %s", status, body)
	}
}
