package control_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// What may have passwords anywhere is sealed at rest, whole, and comes back as it was to whoever may read it: agents, too.
func TestDocumentsThatMayHoldSecretsAreSealed(t *testing.T) {
	e := open(t, control.Options{})
	ctx := t.Context()
	must(t, e.Create(ctx, control.Place{Scope: meta.AccountScope("")}, control.Resources, []byte(`{"name":"users"}`)))
	must(t, e.Create(ctx, control.Place{Scope: "web"}, control.MachineGroups, []byte(`{"groupName":"group","machineIdentifyType":"ip"}`)))
	const secret = "hunter2"
	web, users := control.Place{Scope: "web"}, control.Place{Scope: meta.AccountScope(""), Parent: "users"}
	for _, c := range []struct {
		kind         *control.Kind
		at           control.Place
		stored, name string
		document     string // with %s for the secret
	}{
		{control.Configs, web, "config", "mysql", `{"configName":"mysql","inputType":"plugin","inputDetail":{"plugin":{"inputs":[{"detail":{"Password":"%s"}}]}},"outputDetail":{"logstoreName":"access"}}`},
		{control.PipelineConfigs, web, "pipelineconfig", "pipe", `{"configName":"pipe","inputs":[{"Type":"i","Headers":{"Authorization":"%s"}}],"flushers":[{"Type":"f"}]}`},
		{control.Records, users, "resource/users/record", "hook", `{"id":"hook","value":"{\"secret\":\"%s\"}"}`},
	} {
		raw := func() []byte {
			t.Helper()
			var d meta.Document
			must(t, e.store.View(ctx, func(tx meta.Tx) (err error) {
				d, err = tx.Document(c.at.Scope, c.stored, c.name)
				return err
			}))
			return d.Body
		}
		want := func(secret string) {
			t.Helper()
			d, err := e.Get(ctx, c.at, c.kind, c.name)
			must(t, err)
			list, err := e.List(ctx, c.at, c.kind, control.Query{Bodies: true})
			must(t, err)
			for _, d := range []control.Document{d, list.Documents[0]} {
				if text, _ := json.Marshal(d); !bytes.Contains(text, []byte(secret)) {
					t.Errorf("%s: got %s", c.stored, text)
				}
			}
		}
		must(t, e.Create(ctx, c.at, c.kind, fmt.Appendf(nil, c.document, secret)))
		if at := raw(); bytes.Contains(at, []byte(secret)) || bytes.Contains(at, []byte(c.name)) {
			t.Errorf("%s: at rest it is %q", c.stored, at)
		}
		want(secret)
		must(t, e.Update(ctx, c.at, c.kind, c.name, fmt.Appendf(nil, c.document, "correct horse")))
		if at := raw(); bytes.Contains(at, []byte("horse")) {
			t.Errorf("%s: changed, at rest it is %q", c.stored, at)
		}
		want("correct horse")

		must(t, e.store.Update(ctx, func(tx meta.Tx) error { // as it was stored before such kinds were sealed
			return tx.UpdateDocument(meta.Document{Project: c.at.Scope, Kind: c.stored, Name: c.name, Body: fmt.Appendf(nil, c.document, secret)})
		}))
		want(secret)
		must(t, e.store.Update(ctx, func(tx meta.Tx) error { // sealed for another
			return tx.UpdateDocument(meta.Document{Project: c.at.Scope, Kind: c.stored, Name: c.name, Body: []byte("\x01 somebody else's")})
		}))
		if _, err := e.Get(ctx, c.at, c.kind, c.name); err == nil {
			t.Errorf("%s: what cannot be opened was read", c.stored)
		}
		must(t, e.Delete(ctx, c.at, c.kind, c.name))
	}
}

// Agents get configurations as they were sent.
func TestSealedConfigsReachAgents(t *testing.T) {
	e := open(t, control.Options{})
	ctx, at := t.Context(), control.Place{Scope: "web"}
	must(t, e.Create(ctx, at, control.MachineGroups, []byte(`{"groupName":"group","machineIdentifyType":"ip"}`)))
	must(t, e.Create(ctx, at, control.PipelineConfigs, []byte(`{"configName":"pipe","inputs":[{"Type":"i","Password":"hunter2"}],"flushers":[{"Type":"f"}]}`)))
	must(t, e.Create(ctx, at, control.Configs, []byte(`{"configName":"old","inputType":"plugin","inputDetail":{"plugin":{"Password":"hunter2"}},"outputDetail":{"logstoreName":"access"}}`)))
	must(t, e.Apply(ctx, "web", "group", "pipe"))
	must(t, e.Apply(ctx, "web", "group", "old"))
	all, err := e.Collection(ctx, "web")
	must(t, err)
	if len(all.Configs) != 2 {
		t.Fatalf("got %d configs", len(all.Configs))
	}
	for _, c := range all.Configs {
		if text, _ := json.Marshal(c.Document); !bytes.Contains(text, []byte("hunter2")) {
			t.Errorf("%s: got %s", c.Name, text)
		}
	}
}
