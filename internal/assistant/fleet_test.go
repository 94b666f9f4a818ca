package assistant_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
)

const tenant = "2000000000000001"

var run = assistant.Command{Type: "RunShellScript", Content: "id"}

// on says to run something on an instance.
func on(instance string) assistant.Invoke {
	return assistant.Invoke{Targets: assistant.Targets{Instances: []string{instance}}}
}

// register makes an instance of an account whose agent remembers nothing.
func (s *sim) register(account string) (activation, instance string) {
	s.t.Helper()
	activation, code, err := s.svc.Fleet(account).CreateActivation(s.t.Context(), assistant.Activation{
		Tags: []assistant.Tag{{Key: "role", Value: "web"}},
	}, assistant.Token{})
	s.must(err)
	instance, err = s.svc.Register(s.t.Context(), &assistant.Registration{
		Activation: activation, Code: code, Key: []byte{1}, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"},
	}, netip.MustParseAddr("10.0.0.1"))
	s.must(err)
	s.ids, s.owners = append(s.ids, instance), append(s.owners, account)
	return activation, instance
}

// over has an invocation end on an instance, with some output.
func (s *sim) over(invocation, instance, output string) {
	s.t.Helper()
	zero := int64(0)
	held, err := s.svc.Report(s.t.Context(), instance, &assistant.Report{
		Kind: assistant.ReportOver, Invocation: invocation, RunMark: "r", OverMark: "o", Outcome: agentproto.Exited, ExitCode: &zero, Output: []byte(output),
	})
	s.must(err)
	if !held {
		s.t.Fatalf("%s is not under way on %s", invocation, instance)
	}
}

// recordsOf are the outputs in the records of an account.
func (s *sim) recordsOf(account string) (outputs []string) {
	s.t.Helper()
	s.must(assistant.ReadBack(s.t.Context(), s.Catalog, assistant.Records(account), time.Time{}, func(r *sluice.Record) {
		for _, f := range r.Fields {
			if f.Key == "Output" {
				outputs = append(outputs, f.Value)
			}
		}
	}))
	return outputs
}

// What an account may do with the ids of another is what it may do with ids that nobody has, and says the same.
func TestFleetsAreApart(t *testing.T) {
	s := openSim(t, 1)
	defer s.close()
	ctx := t.Context()
	mine := s.svc.Fleet("")
	activation, instance := s.register("")
	s.register(tenant)
	command, invocation, err := mine.RunCommand(ctx, run, true, on(instance))
	s.must(err)
	schedule := on(instance)
	schedule.Frequency = "rate(5m)"
	_, repeated, err := mine.RunCommand(ctx, run, false, schedule)
	s.must(err)
	file, err := mine.SendFile(ctx, assistant.SendFile{Targets: on(instance).Targets, FileSpec: assistant.FileSpec{Name: "f", Content: "c", TargetDir: "/tmp"}})
	s.must(err)
	s.must(mine.SetParameter(ctx, "color", "green", false))
	s.must(mine.SetParameter(ctx, "pw", "hunter2", true))

	theirs, page := s.svc.Fleet(tenant), assistant.Page{Size: 10}
	name := "other"
	for what, ask := range map[string]struct {
		id string
		do func(id string) (rows int, err error)
	}{
		"list an activation": {activation, func(id string) (int, error) {
			l, err := theirs.Activations(ctx, id, "", nil, page)
			return len(l.Rows), err
		}},
		"disable":              {activation, func(id string) (int, error) { _, err := theirs.DisableActivation(ctx, id); return 0, err }},
		"delete an activation": {activation, func(id string) (int, error) { _, err := theirs.DeleteActivation(ctx, id); return 0, err }},
		"list an instance": {instance, func(id string) (int, error) {
			l, err := theirs.Instances(ctx, assistant.InstanceFilter{IDs: []string{id}}, page)
			return len(l.Rows), err
		}},
		"rename":     {instance, func(id string) (int, error) { return 0, theirs.RenameInstance(ctx, id, name, nil) }},
		"tag":        {instance, func(id string) (int, error) { return 0, theirs.TagInstance(ctx, id, []assistant.Tag{{Key: "a"}}, nil) }},
		"deregister": {instance, func(id string) (int, error) { _, err := theirs.Deregister(ctx, id); return 0, err }},
		"run":        {instance, func(id string) (int, error) { _, _, err := theirs.RunCommand(ctx, run, false, on(id)); return 0, err }},
		"send":       {instance, func(id string) (int, error) { return send(ctx, theirs, id) }},
		"invoke":     {command, func(id string) (int, error) { _, err := theirs.InvokeCommand(ctx, id, on(s.ids[1])); return 0, err }},
		"modify command": {command, func(id string) (int, error) {
			return 0, theirs.ModifyCommand(ctx, id, assistant.CommandChange{Name: &name})
		}},
		"delete command": {command, func(id string) (int, error) { return 0, theirs.DeleteCommand(ctx, id) }},
		"list a command": {command, func(id string) (int, error) {
			l, err := theirs.Commands(ctx, assistant.CommandFilter{ID: id}, page)
			return len(l.Rows), err
		}},
		"stop":        {invocation, func(id string) (int, error) { return 0, theirs.Stop(ctx, id, nil) }},
		"stop a file": {file, func(id string) (int, error) { return 0, theirs.Stop(ctx, id, nil) }},
		"modify": {repeated, func(id string) (int, error) {
			_, err := theirs.ModifyInvocation(ctx, id, assistant.InvocationChange{AddInstances: []string{s.ids[1]}})
			return 0, err
		}},
		"list an invocation": {invocation, func(id string) (int, error) {
			l, err := theirs.Invocations(ctx, assistant.InvocationFilter{ID: id}, page)
			return len(l.Rows), err
		}},
		"list a file": {file, func(id string) (int, error) {
			l, err := theirs.Invocations(ctx, assistant.InvocationFilter{ID: id, Files: true}, page)
			return len(l.Rows), err
		}},
		"results": {invocation, func(id string) (int, error) {
			l, err := theirs.Results(ctx, assistant.ResultFilter{Invocation: id}, page)
			return len(l.Rows), err
		}},
		"history": {repeated, func(id string) (int, error) {
			l, err := theirs.Results(ctx, assistant.ResultFilter{Invocation: id, History: true}, page)
			return len(l.Rows), err
		}},
		"results of an instance": {instance, func(id string) (int, error) {
			l, err := theirs.Results(ctx, assistant.ResultFilter{Instance: id}, page)
			return len(l.Rows), err
		}},
		"delete a parameter": {"color", func(id string) (int, error) { return 0, theirs.DeleteParameter(ctx, id, false) }},
		"delete a secret":    {"pw", func(id string) (int, error) { return 0, theirs.DeleteParameter(ctx, id, true) }},
	} {
		none := strings.Repeat("0", len(ask.id))
		rows, err := ask.do(ask.id)
		noRows, noErr := ask.do(none)
		if rows != 0 || noRows != 0 || text(err, ask.id) != text(noErr, none) {
			t.Errorf("%s: of another account: %d rows, %v; of nobody: %d rows, %v", what, rows, err, noRows, noErr)
		}
	}
	s.same(tenant, map[string]int{"activations": 1, "instances": 1, "commands": 0, "invocations": 0, "files": 0, "parameters": 0})
	s.same("", map[string]int{"activations": 1, "instances": 1, "commands": 2, "invocations": 2, "files": 1, "parameters": 2})

	// A tag stands for the machines of whoever says it.
	_, both, err := theirs.RunCommand(ctx, run, false, assistant.Invoke{Targets: assistant.Targets{Tags: []assistant.Tag{{Key: "role"}}}})
	s.must(err)
	l, err := theirs.Results(ctx, assistant.ResultFilter{Invocation: both}, page)
	if err != nil || len(l.Rows) != 1 || l.Rows[0].Instance != s.ids[1] {
		t.Errorf("a command by tag: %d targets, %v", len(l.Rows), err)
	}
}

func send(ctx context.Context, fl *assistant.Fleet, instance string) (int, error) {
	_, err := fl.SendFile(ctx, assistant.SendFile{
		Targets: on(instance).Targets, FileSpec: assistant.FileSpec{Name: "f", Content: "c", TargetDir: "/tmp"},
	})
	return 0, err
}

// text is what an error says, with the id taken out.
func text(err error, id string) string {
	var e *sluice.Error
	if !errors.As(err, &e) {
		return fmt.Sprint(err)
	}
	return fmt.Sprint(e.Kind, " ", e.Noun, " ", strings.ReplaceAll(e.Msg, id, "ID"))
}

// same wants an account to have so many of each.
func (s *sim) same(account string, want map[string]int) {
	s.t.Helper()
	ctx, fl, page := s.t.Context(), s.svc.Fleet(account), assistant.Page{Size: 100}
	activations, err1 := fl.Activations(ctx, "", "", nil, page)
	instances, err2 := fl.Instances(ctx, assistant.InstanceFilter{}, page)
	commands, err3 := fl.Commands(ctx, assistant.CommandFilter{}, page)
	invocations, err4 := fl.Invocations(ctx, assistant.InvocationFilter{}, page)
	files, err5 := fl.Invocations(ctx, assistant.InvocationFilter{Files: true}, page)
	parameters, err6 := fl.Parameters(ctx)
	s.must(errors.Join(err1, err2, err3, err4, err5, err6))
	got := map[string]int{
		"activations": activations.Total, "instances": instances.Total, "commands": commands.Total, "invocations": invocations.Total, "files": files.Total,
		"parameters": len(parameters),
	}
	for what, n := range want {
		if got[what] != n {
			s.t.Errorf("account %q has %d %s, and should have %d", account, got[what], what, n)
		}
	}
}

// The same name of a parameter is another parameter in another account, and settings are apart, too.
func TestNamesAreOfAccounts(t *testing.T) {
	s := openSim(t, 1)
	defer s.close()
	ctx := t.Context()
	settings := assistant.NewSettings(s.svc, nil, delivery.OSSRole{})
	c := assistant.Command{Type: "RunShellScript", Content: "{{oos:color}} {{oos:gone}}", EnableParameter: true}
	for account, color := range map[string]string{"": "green", tenant: "red"} {
		s.must(s.svc.Fleet(account).SetParameter(ctx, "color", color, false))
		s.must(s.svc.Fleet(account).SetParameter(ctx, "gone", "too", false))
		s.must(settings.Keep(ctx, account, "SessionManagerConfig", map[string]any{"color": color}))
	}
	s.must(s.svc.Fleet("").DeleteParameter(ctx, "gone", false))
	for account, want := range map[string]string{"": "", tenant: "red too"} {
		_, instance := s.register(account)
		_, invocation, err := s.svc.Fleet(account).RunCommand(ctx, c, false, on(instance))
		s.must(err)
		tasks, _, err := s.svc.Claim(instance, false, false)
		s.must(err)
		got := ""
		if len(tasks) == 1 && tasks[0].Invocation == invocation {
			got = string(tasks[0].Run.Content)
		}
		if got != want {
			t.Errorf("account %q runs %q, and should run %q", account, got, want)
		}
	}
	for account, color := range map[string]string{"": "green", tenant: "red", "3": ""} {
		raw, err := settings.Kept(ctx, account, "SessionManagerConfig")
		if s.must(err); color != "" && string(raw) != `{"color":"`+color+`"}` || color == "" && raw != nil {
			t.Errorf("settings of %q: %s", account, raw)
		}
	}
}

// Records go to a project of their account. Where somebody else has a project of its name they wait, and hold up nobody's.
func TestRecordsWaitForTheirOwnProject(t *testing.T) {
	s := openSim(t, 1)
	defer s.close()
	ctx := t.Context()
	s.must(s.Catalog.CreateProject(ctx, meta.Project{Name: assistant.Project(tenant), Account: "3000000000000001"}))
	for _, account := range accounts {
		_, instance := s.register(account)
		_, invocation, err := s.svc.Fleet(account).RunCommand(ctx, run, false, on(instance))
		s.must(err)
		s.over(invocation, instance, "of "+account)
	}
	err := s.svc.Flush(ctx)
	if sluice.KindOf(err) != sluice.Conflict || !strings.Contains(err.Error(), assistant.Project(tenant)) {
		t.Errorf("records for the project of another account: %v", err)
	}
	if got := s.recordsOf(""); len(got) != 1 || got[0] != "of " {
		t.Errorf("records of the root account: %q", got)
	}
	if got := s.recordsOf(tenant); len(got) != 0 {
		t.Errorf("records in the project of another account: %q", got)
	}
	s.must(s.Catalog.DeleteProject(ctx, assistant.Project(tenant)))
	s.must(s.svc.Flush(ctx))
	if got := s.recordsOf(tenant); len(got) != 1 || got[0] != "of "+tenant {
		t.Errorf("records of the tenant: %q", got)
	}
	p, err := s.Catalog.Project(ctx, assistant.Project(tenant))
	if err != nil || p.Account != tenant {
		t.Errorf("the tenant's records are in a project of %q, %v", p.Account, err)
	}
}

// A tenant's records that wait are found after a restart, although nothing of him is under way.
func TestRecordsOfTenantsSurvive(t *testing.T) {
	s := openSim(t, 1)
	_, instance := s.register(tenant)
	_, invocation, err := s.svc.Fleet(tenant).RunCommand(t.Context(), run, false, on(instance))
	s.must(err)
	s.over(invocation, instance, "kept")
	s.must(s.svc.Close())
	s.open()
	defer s.close()
	s.must(s.svc.Flush(t.Context()))
	if got := s.recordsOf(tenant); len(got) != 1 || got[0] != "kept" {
		t.Errorf("records after a restart: %q", got)
	}
}

// What is kept of results is counted for each account.
func TestResultsAreKeptByAccount(t *testing.T) {
	s := openSim(t, 1)
	s.must(s.svc.Close())
	door := ingest.New(s.Catalog, ingest.Options{Past: -1, Future: -1, Now: s.Clock.Now})
	var err error
	s.svc, err = assistant.New(t.Context(), s.Meta, s.Catalog, door, s.ring, assistant.Options{Now: s.Clock.Now, MaxResults: 2})
	s.must(err)
	defer s.close()
	for _, account := range accounts {
		_, instance := s.register(account)
		for range 1 + 3*len(account)/len(tenant) { // one of the root account, four of the tenant
			_, invocation, err := s.svc.Fleet(account).RunCommand(t.Context(), run, false, on(instance))
			s.must(err)
			s.over(invocation, instance, "")
		}
	}
	s.must(s.svc.Prune(t.Context()))
	s.same("", map[string]int{"invocations": 1})
	s.same(tenant, map[string]int{"invocations": 2})
}

// An account with machines stays; without any it goes with all that it has here, and others keep theirs.
func TestRetire(t *testing.T) {
	s := openSim(t, 1)
	defer s.close()
	ctx := t.Context()
	for _, account := range accounts {
		_, instance := s.register(account)
		fl := s.svc.Fleet(account)
		_, invocation, err := fl.RunCommand(ctx, run, true, on(instance))
		s.must(err)
		s.over(invocation, instance, "")
		s.must(fl.SetParameter(ctx, "pw", "hunter2", true))
	}
	retire := func() error {
		return s.Meta.Update(ctx, func(tx meta.Tx) error { return s.svc.Retire(tx, tenant) })
	}
	if err := retire(); sluice.KindOf(err) != sluice.Conflict || !strings.Contains(err.Error(), s.ids[1]) {
		t.Errorf("an account with a machine: %v", err)
	}
	s.same(tenant, map[string]int{"activations": 1, "instances": 1, "commands": 1, "invocations": 1, "parameters": 1})
	_, err := s.svc.Fleet(tenant).Deregister(ctx, s.ids[1])
	s.must(err)
	s.must(retire())
	s.same(tenant, map[string]int{"activations": 0, "instances": 0, "commands": 0, "invocations": 0, "parameters": 0})
	s.same("", map[string]int{"activations": 1, "instances": 1, "commands": 1, "invocations": 1, "parameters": 1})
	s.must(s.Meta.View(ctx, func(tx meta.Tx) error {
		for _, kind := range []string{"target", "run", "live", "outbox/" + tenant, "parameter/" + tenant, "settings/" + tenant, "fleet"} {
			rows, err := tx.Items("assistant-"+kind, meta.ItemRange{})
			if err != nil {
				return err
			}
			for _, row := range rows {
				if !strings.Contains(row.Name, s.ids[0]) {
					t.Errorf("%s %s is left", row.Kind, row.Name)
				}
			}
		}
		return nil
	}))
	s.must(s.svc.Flush(ctx))
	if got := s.recordsOf(tenant); len(got) != 0 {
		t.Errorf("records of an account that is gone: %q", got)
	}
}

// What a server kept when all machines were the root account's (testdata/before_accounts.json: its items and its key, as they were written then) is the root
// account's, goes on, and is there for nobody else.
func TestBeforeAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openBefore(t)
		ctx := t.Context()
		s.same("", map[string]int{"activations": 1, "instances": 2, "commands": 1, "invocations": 2, "files": 0, "parameters": 2})
		s.same(tenant, map[string]int{"activations": 0, "instances": 0, "commands": 0, "invocations": 0, "files": 0, "parameters": 0})
		settings := assistant.NewSettings(s.svc, nil, delivery.OSSRole{})
		d, err := settings.Delivery(ctx, "")
		if s.must(err); d.SLS == nil || d.SLS.Project != "audit" {
			t.Errorf("the root account's delivery: %+v", d)
		}
		if d, err = settings.Delivery(ctx, tenant); err != nil || d.SLS != nil {
			t.Errorf("the tenant's delivery: %+v, %v", d, err)
		}
		s.must(s.svc.Flush(ctx)) // the record that waited then
		if got := s.recordsOf(""); len(got) != 1 || got[0] != "green\n" {
			t.Errorf("records: %q", got)
		}

		list, err := s.svc.Fleet("").Instances(ctx, assistant.InstanceFilter{}, assistant.Page{Size: 10})
		s.must(err)
		for _, i := range list.Rows {
			s.ids, s.owners = append(s.ids, i.ID), append(s.owners, "")
		}
		journal, forgetful := list.Rows[0], list.Rows[1]
		if journal.Name != "web-001" {
			journal, forgetful = forgetful, journal
		}
		tasks, _, err := s.svc.Claim(forgetful.ID, true, false)
		if s.must(err); len(tasks) != 1 || string(tasks[0].Run.Content) != "echo green" {
			t.Errorf("the schedule of before is claimed as %+v", tasks)
		}
		secret := assistant.Command{Type: "RunShellScript", Content: "{{oos-secret:pw}}", EnableParameter: true}
		_, _, err = s.svc.Fleet("").RunCommand(ctx, secret, false, on(journal.ID))
		s.must(err)
		key, public := s.svc.SigningKey()
		a := agenttest.New(agenttest.Options{
			Instance: journal.ID, Machine: agentproto.Machine{OS: "linux", MachineID: "m-journal", AgentVersion: "1"}, Keys: agentproto.Keys{key: public}, Now: s.Clock.Now,
		})
		a.Connect(s.dial(gateway.Identity{Instance: journal.ID}))
		synctest.Wait()
		s.must(a.Errors())
		got := map[string]bool{}
		a.Each(func(i *agenttest.Invocation, _ func(), _ func(agenttest.Outcome)) {
			got[string(i.Task.Run.Content)] = true
		})
		if !a.Connected() || !maps.Equal(got, map[string]bool{"echo green": true, "hunter2": true}) {
			t.Errorf("the agent of before has %v; it is refused: %v", got, a.Refused())
		}
		a.Disconnect()
		s.close()
	})
}

// A row of something under way of which nothing else is left holds up nothing of others.
func TestRowThatLeadsNowhere(t *testing.T) {
	s := openSim(t, 1)
	defer s.close()
	ctx := t.Context()
	_, instance := s.register(tenant)
	_, invocation, err := s.svc.Fleet(tenant).RunCommand(ctx, run, false, on(instance))
	s.must(err)
	s.must(s.svc.Close())
	s.must(s.Meta.Update(ctx, func(tx meta.Tx) error {
		return tx.SetItem(meta.Item{Kind: "assistant-live", Name: "a-0/mi-0", Group: "mi-0"})
	}))
	s.open()
	s.Clock.Advance(time.Hour)
	s.must(s.svc.Sweep(ctx))
	l, err := s.svc.Fleet(tenant).Invocations(ctx, assistant.InvocationFilter{ID: invocation}, assistant.Page{Size: 1})
	if s.must(err); len(l.Rows) != 1 || !l.Rows[0].Status().Final() {
		t.Errorf("what no agent took in an hour goes on: %+v", l.Rows)
	}
}

// openBefore opens a server over testdata/before_accounts.json.
func openBefore(t *testing.T) *sim {
	t.Helper()
	s := openSim(t, 1)
	s.must(s.svc.Close())
	raw, err := os.ReadFile(filepath.Join("testdata", "before_accounts.json"))
	s.must(err)
	var before struct {
		Key   []byte
		Items []struct {
			Kind, Name, Group string
			Body              json.RawMessage
		}
	}
	s.must(json.Unmarshal(raw, &before))
	key := filepath.Join(t.TempDir(), "key")
	s.must(os.WriteFile(key, before.Key, 0o600))
	s.ring, err = auth.LoadOrCreateKeyring(key)
	s.must(err)
	s.must(s.Meta.Update(t.Context(), func(tx meta.Tx) error {
		for _, i := range before.Items {
			if err := tx.SetItem(meta.Item{Kind: i.Kind, Name: i.Name, Group: i.Group, Body: i.Body}); err != nil {
				return err
			}
		}
		return nil
	}))
	s.open()
	return s
}
