package sink_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

type config struct {
	URL     string                 `json:"url"`
	Auth    *auth                  `json:"auth,omitempty"`
	Headers map[string]sink.Secret `json:"headers"`
	Hosts   []auth                 `json:"hosts"`
}

type auth struct {
	User     string      `json:"user"`
	Password sink.Secret `json:"password"`
}

func TestSecretsAreSplitAndJoined(t *testing.T) {
	const text = `{"url":"u","auth":{"user":"a","password":"hunter2"},"headers":{"X":"h3ader"},"hosts":[{"user":"","password":""},{"user":"b","password":"p455"}]}`
	var c config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	secrets := sink.SplitSecrets(&c)
	want := map[string]string{"auth.password": "hunter2", "headers.X": "h3ader", "hosts.1.password": "p455"}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Error(diff)
	}
	shown, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back config
	if err := json.Unmarshal(shown, &back); err != nil {
		t.Fatal(err)
	}
	sink.JoinSecrets(&back, secrets)
	if diff := cmp.Diff(secrets, sink.SplitSecrets(&back)); diff != "" {
		t.Errorf("after a round trip through JSON: %s", diff)
	}
	sink.JoinSecrets(&back, nil)
	if back.Auth.Password.Reveal() != "hunter2" {
		t.Error("a secret that is not masked was replaced")
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	c := config{Auth: &auth{Password: sink.NewSecret("hunter2")}, Headers: map[string]sink.Secret{"X": sink.NewSecret("hunter2")}}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", c.Auth.Password, "config", c)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	all := out.String() + string(text) + fmt.Sprintf("%v %+v %#v %s %q", c.Headers, *c.Auth, *c.Auth, c.Auth.Password, c.Auth.Password)
	if strings.Contains(all, "hunter2") {
		t.Errorf("a secret shows: %s", all)
	}
}

func TestHeaderID(t *testing.T) {
	h := sink.Header{Project: "p", Task: "t", Shard: 1, From: sink.Point{Position: 5}}
	to := sink.Point{Position: 9, Index: 2}
	if first, again := h.ID(to), h.ID(to); first != again || len(first) != 32 {
		t.Errorf("id %q", h.ID(to))
	}
	seen := map[string]bool{h.ID(to): true}
	for i, other := range []sink.Header{
		{Project: "q", Task: "t", Shard: 1, From: h.From},
		{Project: "p", Task: "u", Shard: 1, From: h.From},
		{Project: "p", Task: "t", Shard: 2, From: h.From},
		{Project: "p", Task: "t", Shard: 1, From: sink.Point{Position: 5, Index: 1}},
		{Project: "p t", Task: "", Shard: 1, From: h.From},
	} {
		if id := other.ID(to); seen[id] {
			t.Errorf("header %d has the id of another", i)
		} else {
			seen[id] = true
		}
	}
	if seen[h.ID(sink.Point{Position: sluice.Position(9)})] {
		t.Error("another end, the same id")
	}
}
