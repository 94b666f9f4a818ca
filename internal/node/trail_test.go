package node_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/backup"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/trail"
)

// A server notes its starts and its stops.
func TestServiceEvents(t *testing.T) {
	env := hub(t)
	events := env.Events(t)
	for _, name := range []string{trail.ServerStarted, trail.ServerStopped, trail.AnchorMade} {
		if !slices.ContainsFunc(events, func(e trail.Event) bool {
			return e.Name == name && e.Type == trail.ServiceEvent && e.Identity.Kind == trail.System
		}) {
			t.Errorf("there is no event %s", name)
		}
	}
}

// An enrolment is an event, allowed or refused; in strict mode it is on disk when the agent has its answer. It is of the account whose
// activation was named. The code is in none.
func TestEnrolmentsAreRecorded(t *testing.T) {
	env := hub(t, func(c *config.Config) { c.Assistant.Listen, c.Trail.Strict = "127.0.0.1:0", true })
	const tenant = "2000000000000001"
	id, code, err := env.Node.Assistant.Fleet("").CreateActivation(t.Context(), assistant.Activation{}, assistant.Token{})
	if err != nil {
		t.Fatal(err)
	}
	theirs, theirCode, err := env.Node.Assistant.Fleet(tenant).CreateActivation(t.Context(), assistant.Activation{}, assistant.Token{})
	if err != nil {
		t.Fatal(err)
	}
	machine := agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1", Hostname: "host-1"}
	address := env.Listeners.Agents.Addr().String()
	if _, err := agenttest.Enrol(t.Context(), address, id, code+"x", agentproto.Enrol{Machine: machine}); err == nil {
		t.Error("a wrong code is taken")
	}
	if _, err := agenttest.Enrol(t.Context(), address, id, code, agentproto.Enrol{Machine: machine}); err != nil {
		t.Fatal(err)
	}
	if _, err := agenttest.Enrol(t.Context(), address, theirs, code, agentproto.Enrol{Machine: machine}); err == nil {
		t.Error("the code of another account's activation is taken")
	}
	if _, err := agenttest.Enrol(t.Context(), address, theirs, theirCode, agentproto.Enrol{Machine: machine}); err != nil {
		t.Fatal(err)
	}
	if _, err := agenttest.Enrol(t.Context(), address, "a-none", theirCode, agentproto.Enrol{Machine: machine}); err == nil {
		t.Error("an activation that nobody has is taken")
	}
	l := env.Node.Trail.Log()
	begin, _ := l.Bounds()
	events, _, err := l.Read(t.Context(), begin, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		if raw, _ := json.Marshal(e); strings.Contains(string(raw), code) {
			t.Errorf("the code is recorded: %s", raw)
		}
		if e.Name == "RegisterManagedInstance" {
			got = append(got, fmt.Sprint(e.Status, " ", e.ErrorCode, " ", e.Identity.User != "", " ", e.Request["Hostname"], " ", e.Source, " ", e.Account == tenant))
		}
	}
	refused, made := "403 "+agentproto.CodeProof+" false host-1 127.0.0.1 ", "200  true host-1 127.0.0.1 "
	want := []string{refused + "false", made + "false", refused + "true", made + "true", refused + "false"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Bytes that change under the feet of the server are found where the record lies, by the offline verification.
func TestVerifyADirectory(t *testing.T) {
	env := hub(t, func(c *config.Config) { c.Storage.JournalFileBytes = 1 << 20 })
	for range 40 {
		env.OK(t, testenv.Call{Project: "web", Target: "/logstores"})
	}
	if _, _, err := node.VerifyTrail(t.Context(), env.DataDir(), node.Verification{}); err == nil {
		t.Error("a directory is verified that a server uses")
	}
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	whole, evidence, err := node.VerifyTrail(t.Context(), env.DataDir(), node.Verification{})
	if err != nil || !whole.Good() || whole.Events < 40 || evidence.Anchor.Seq < 40 {
		t.Fatalf("%+v, %v", whole, err)
	}
	journals, err := filepath.Glob(filepath.Join(env.DataDir(), "journal", "*.wal"))
	if err != nil || len(journals) == 0 {
		t.Fatal(journals, err)
	}
	original, err := os.ReadFile(journals[0])
	if err != nil {
		t.Fatal(err)
	}
	var used []int // what is no padding
	for at, b := range original {
		if b != 0 {
			used = append(used, at)
		}
	}
	r, found := rand.New(rand.NewPCG(1, 1)), 0
	const flips = 30
	for range flips {
		dir := filepath.Join(t.TempDir(), "copy") // opening what is damaged changes it
		if err := os.CopyFS(dir, os.DirFS(env.DataDir())); err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(original)
		bad[used[r.IntN(len(used))]] ^= 1 << r.IntN(8)
		if err := os.WriteFile(filepath.Join(dir, "journal", filepath.Base(journals[0])), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		report, _, err := node.VerifyTrail(t.Context(), dir, node.Verification{})
		switch {
		case err != nil || !report.Good():
			found++
		case report.Anchored < whole.Anchored:
			t.Errorf("%d of %d events are left, and that is good", report.Events, whole.Events)
		}
	}
	if found < flips/2 { // the others were in what lies there beside the record
		t.Errorf("%d of %d flips are found", found, flips)
	}
	if again, _, err := node.VerifyTrail(t.Context(), env.DataDir(), node.Verification{}); err != nil || !again.Good() {
		t.Errorf("as it was: %+v, %v", again, err)
	}
}

// A key rotates while the server runs; what an operator has written down of any time is good after that, after a restart, and in what was restored from a
// backup of before and of after.
func TestRotatedKeys(t *testing.T) {
	env := hub(t)
	ask := func(method, path string) (trail.Evidence, trail.Keys) {
		t.Helper()
		e, keys, err := trail.ParseEvidence(env.OK(t, testenv.Call{Method: method, Target: "/sluice/v1/trail/" + path}).Body)
		if err != nil {
			t.Fatal(err)
		}
		return e, keys
	}
	kept, first := ask("POST", "anchor")
	if len(first) != 1 || kept.Anchor.Seq == 0 {
		t.Fatalf("%+v", kept)
	}
	before := backedUp(t, env)
	after, both := ask("POST", "key")
	if len(both) != 2 || after.Signer() != trail.FingerprintOf(both[1].Public) || after.Anchor.Seq <= kept.Anchor.Seq {
		t.Fatalf("%+v", after)
	}
	put(t, env)
	later := backedUp(t, env)
	if err := env.Restart(); err != nil {
		t.Fatal(err)
	}
	if told, _ := ask("GET", "anchor"); told.Signer() != after.Signer() {
		t.Errorf("after a restart anchors are signed by %v, want %v", told.Signer(), after.Signer())
	}
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	pin := func(keys trail.Keys, i int) trail.Given { return trail.Given{Pins: keys.Fingerprints()[i:][:1]} }
	anchored := func(e trail.Evidence, keys trail.Keys) trail.Given {
		return trail.Given{Anchors: []trail.Anchor{e.Anchor}, Pins: keys.Fingerprints()}
	}
	f := func(what, dir string, given trail.Given, good bool) {
		t.Helper()
		report, _, err := node.VerifyTrail(t.Context(), dir, node.Verification{Given: given})
		if err != nil || report.Good() != good {
			t.Errorf("%s: good should be %v: %v, %v", what, good, report, err)
		}
	}
	for name, dir := range map[string]string{"the directory": env.DataDir(), "a backup of after": later} {
		f(name, dir, trail.Given{}, true)
		f(name+", the first key", dir, pin(first, 0), true)
		f(name+", the second key", dir, pin(both, 1), true)
		f(name+", an anchor of before", dir, anchored(kept, first), true)
		f(name+", an anchor of after", dir, anchored(after, both), true)
		f(name+", another key", dir, trail.Given{Pins: []trail.Fingerprint{{1}}}, false)
	}
	f("a backup of before", before, anchored(kept, first), true)
	f("a backup of before, the second key", before, pin(both, 1), false)
	f("a backup of before, an anchor of after", before, anchored(after, both), false)
}

// backedUp is a data directory that was restored from a backup of the server.
func backedUp(t *testing.T, env *testenv.Env) (dir string) {
	t.Helper()
	file, dir := filepath.Join(t.TempDir(), "backup.tar"), t.TempDir()
	tar := env.OK(t, testenv.Call{Method: "POST", Target: "/sluice/v1/backup", Body: []byte(`{}`)}).Body
	if err := os.WriteFile(file, tar, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), file, dir, func(backup.Step, int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}
