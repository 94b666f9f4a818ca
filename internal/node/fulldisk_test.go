package node_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/internal/trail"
)

// In strict mode nothing is done on a full disk whose event cannot be written. What leads to room is all the same, also after a start on that disk, and its
// events are in the record.
func TestWayOutOfAFullDisk(t *testing.T) {
	env := hub(t, func(c *config.Config) { c.Trail.Strict, c.Storage.JournalFileBytes = true, config.MiB })
	put(t, env)
	for _, name := range []string{"old", "other"} {
		env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"` + name + `","ttl":30,"shardCount":1}`)})
	}
	full := func(yes bool) {
		t.Helper()
		env.Configure(func(c *config.Config) {
			c.Storage.MinFreeBytes = 0
			if yes {
				c.Storage.MinFreeBytes = 1 << 50 // more than any disk has
			}
		})
		if err := env.Restart(); err != nil {
			t.Fatal(err)
		}
		if _, err := env.Node.Trail.Anchor(t.Context()); (err != nil) != yes {
			t.Fatalf("an anchor, of which the server knows then whether events can be written: %v", err)
		}
	}
	full(true)
	f := func(method, target, body string, status int) {
		t.Helper()
		if a := env.Do(t, testenv.Call{Method: method, Project: "web", Target: target, Body: []byte(body)}); a.Status != status {
			t.Errorf("%s %s: got %d %s, want %d", method, target, a.Status, a.Body, status)
		}
	}
	f("POST", "/logstores", `{"logstoreName":"new","ttl":30,"shardCount":1}`, http.StatusServiceUnavailable)
	f("GET", "/logstores/new", "", http.StatusNotFound)
	f("PUT", "/logstores/old", `{"logstoreName":"old","ttl":1,"shardCount":1}`, http.StatusOK)
	f("DELETE", "/logstores/access", "", http.StatusOK)
	f("GET", "/logstores/access", "", http.StatusNotFound)
	f("DELETE", "/logstores/none", "", http.StatusNotFound)
	f("DELETE", "/", "", http.StatusOK)
	full(false)

	events := env.Events(t)
	for _, want := range []struct {
		name   string
		status int
	}{{"UpdateLogStore", 200}, {"DeleteLogStore", 200}, {"DeleteLogStore", 404}, {"DeleteProject", 200}} {
		if !slices.ContainsFunc(events, func(e trail.Event) bool { return e.Name == want.name && e.Status == want.status }) {
			t.Errorf("there is no event %s with status %d", want.name, want.status)
		}
	}
	if !slices.ContainsFunc(events, func(e trail.Event) bool { return e.Name == trail.EventsLost }) {
		t.Error("nothing is said of the events that had no room")
	}
	if err := env.Stop(); err != nil {
		t.Fatal(err)
	}
	if r, _, err := node.VerifyTrail(t.Context(), env.DataDir(), node.Verification{}); err != nil || !r.Good() {
		t.Errorf("%v, %v", r, err)
	}
}
