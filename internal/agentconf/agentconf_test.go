package agentconf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
)

var (
	inside  = netip.MustParseAddr("10.0.0.1")
	outside = netip.MustParseAddr("192.0.2.1")
)

// place is agents over a control plane that has a project web, and a clock that the test moves.
type place struct {
	*Agents
	t       *testing.T
	control *control.Control
	now     time.Time
}

func open(t *testing.T, token string) *place {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(dir, "key"))
	if err == nil {
		err = store.Update(t.Context(), func(tx meta.Tx) error { return tx.CreateProject(meta.Project{Name: "web"}) })
	}
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return p.now }
	p.control = control.New(store, ring, control.Options{Now: clock})
	p.Agents = New(p.control, Options{Endpoint: "sls.test", Region: "local", Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Token: token, Now: clock})
	return p
}

// group makes a machine group with a configuration of its name, or of another.
func (p *place) group(name, kind, ids, config string) {
	p.t.Helper()
	ctx, at := p.t.Context(), control.Place{Scope: "web"}
	err := p.control.Create(ctx, at, control.MachineGroups, fmt.Appendf(nil, `{"groupName":%q,"machineIdentifyType":%q,"machineList":[%s]}`, name, kind, ids))
	if _, missing := p.control.Get(ctx, at, control.PipelineConfigs, config); missing != nil {
		err = errors.Join(err, p.control.Create(ctx, at, control.PipelineConfigs, fmt.Appendf(nil,
			`{"configName":%q,"inputs":[{"Type":"i"}],"flushers":[{"Type":"flusher_sls","Logstore":"l"}]}`, config)))
	}
	if err = errors.Join(err, p.control.Apply(ctx, "web", name, config)); err != nil {
		p.t.Fatal(err)
	}
}

// beat sends a full heartbeat and returns the names of the updates, those that are deleted with a minus in front.
func (p *place) beat(a Agent) []string {
	p.t.Helper()
	answer, err := p.Heartbeat(p.t.Context(), a, true)
	if err != nil {
		p.t.Fatal(err)
	}
	names := []string{}
	for _, c := range answer.Updates {
		if c.Version == Deleted {
			c.Name = "-" + c.Name
		}
		names = append(names, c.Name)
	}
	return names
}

// An agent gets the configurations of the groups that it is in, once each, and those that it has no more.
func TestWhoGetsWhat(t *testing.T) {
	p := open(t, "")
	p.group("by-address", "ip", `"10.0.0.1", " 10.0.0.2 "`, "a")
	p.group("by-id", "userdefined", `"blue"`, "b")
	p.group("by-tag", "userdefined", `"os=linux"`, "b")
	p.group("by-old-tag", "userdefined", `"red"`, "c")
	tags := func(pairs ...string) (all []Tag) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, Tag{pairs[i], pairs[i+1]})
		}
		return all
	}
	for _, c := range []struct {
		what string
		a    Agent
		want []string
	}{
		{"by the address that it calls from", Agent{Address: inside}, []string{"a"}},
		{"by another address of the list", Agent{Address: netip.MustParseAddr("10.0.0.2")}, []string{"a"}},
		{"not by the address that it says it has", Agent{Address: netip.MustParseAddr("10.0.0.9"), IP: "10.0.0.1"}, []string{}},
		{"by one of its identifiers", Agent{Address: netip.MustParseAddr("10.0.0.9"), Tags: tags(UserDefinedTag, "green, blue")}, []string{"b"}},
		{"by a tag, and once", Agent{Address: inside, Tags: tags("os", "linux", UserDefinedTag, "blue")}, []string{"a", "b"}},
		{"by an old tag", Agent{Address: netip.MustParseAddr("10.0.0.9"), Tags: tags("red", "")}, []string{"c"}},
		{"not by half of a tag", Agent{Address: netip.MustParseAddr("10.0.0.9"), Tags: tags("os", "", "linux", "")}, []string{}},
		{"of another project", Agent{Address: inside, Project: "other"}, []string{}},
		{"what it has in another version", Agent{Address: inside, Configs: []ConfigState{{Name: "a", Version: 1}}}, []string{"a"}},
		{"what it has as it is", Agent{Address: inside, Configs: []ConfigState{{Name: "a", Version: p.now.UnixNano()}}}, []string{}},
		{"what is not its", Agent{Address: inside, Configs: []ConfigState{{Name: "z", Version: 1}, {Name: "y", Version: Deleted}}}, []string{"a", "-z"}},
	} {
		c.a.ID = "agent"
		if c.a.Project == "" {
			c.a.Project = "web"
		}
		if diff := cmp.Diff(c.want, p.beat(c.a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

// With a token, what an agent says of its address is believed, and nobody without it is served. The token is shown to nobody.
func TestTokens(t *testing.T) {
	p := open(t, "secret")
	p.group("by-address", "ip", `"172.16.0.7"`, "a")
	a := Agent{Project: "web", ID: "agent", Address: inside, IP: "172.16.0.7"}
	for _, tags := range [][]Tag{nil, {{TokenTag, ""}}, {{TokenTag, "wrong"}}, {{TokenTag, "secret2"}}} {
		a.Tags = tags
		if _, err := p.Heartbeat(t.Context(), a, true); sluice.KindOf(err) != sluice.Unauthorized {
			t.Errorf("tags %v: got %v", tags, err)
		}
	}
	a.Tags = []Tag{{TokenTag, "secret"}, {"os", "linux"}}
	if diff := cmp.Diff([]string{"a"}, p.beat(a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	machines, err := p.Machines(t.Context(), "web", "by-address")
	if err != nil || len(machines) != 1 {
		t.Fatalf("got %v, %v", machines, err)
	}
	if diff := cmp.Diff([]Tag{{"os", "linux"}}, machines[0].Tags); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Strangers and agents that say too much are refused before anything of them is kept.
func TestRefusedAgents(t *testing.T) {
	p := open(t, "")
	long := strings.Repeat("x", maxText+1)
	for what, c := range map[string]struct {
		a    Agent
		want sluice.Kind
	}{
		"from another network":    {Agent{Project: "web", ID: "a", Address: outside}, sluice.Unauthorized},
		"from nowhere":            {Agent{Project: "web", ID: "a"}, sluice.Unauthorized},
		"without a project":       {Agent{ID: "a", Address: inside}, sluice.Invalid},
		"without an id":           {Agent{Project: "web", Address: inside}, sluice.Invalid},
		"with a long id":          {Agent{Project: "web", ID: long, Address: inside}, sluice.Invalid},
		"with a long tag":         {Agent{Project: "web", ID: "a", Address: inside, Tags: []Tag{{"t", long}}}, sluice.Invalid},
		"with many tags":          {Agent{Project: "web", ID: "a", Address: inside, Tags: make([]Tag, maxTags+1)}, sluice.Invalid},
		"with many configs":       {Agent{Project: "web", ID: "a", Address: inside, Configs: make([]ConfigState, maxConfigs+1)}, sluice.Invalid},
		"with a long config name": {Agent{Project: "web", ID: "a", Address: inside, Configs: []ConfigState{{Name: long}}}, sluice.Invalid},
	} {
		if _, err := p.Heartbeat(t.Context(), c.a, true); sluice.KindOf(err) != c.want {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
	}
	if len(p.seen) != 0 {
		t.Errorf("%d of them are remembered", len(p.seen))
	}
	if _, err := p.Heartbeat(t.Context(), Agent{Project: "web", ID: "a", Address: inside, Configs: []ConfigState{{Name: "c", Message: long}}}, true); err != nil {
		t.Fatal(err)
	}
	if got := len(p.seen[key{"web", "a"}].Configs[0].Message); got != maxText {
		t.Errorf("a message of %d bytes is kept", got)
	}
}

// A heartbeat that leaves things out counts for what was said before, if none is missing between the two.
func TestHeartbeatsThatLeaveThingsOut(t *testing.T) {
	p := open(t, "")
	p.group("blue", "userdefined", `"blue"`, "a")
	beat := func(sequence uint64, full bool, a Agent) Answer {
		t.Helper()
		a.Project, a.ID, a.Address, a.Sequence = "web", "agent", inside, sequence
		answer, err := p.Heartbeat(t.Context(), a, full)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if got := beat(7, false, Agent{}); !got.ReportState {
		t.Error("one that nobody knows was not asked to say all")
	}
	started := p.now.Add(-time.Hour)
	beat(8, true, Agent{Tags: []Tag{{UserDefinedTag, "blue"}}, Hostname: "h", Type: "t", Version: "1", IP: "i", Status: "s", Started: started})
	if got := beat(9, false, Agent{Status: "other"}); got.ReportState || len(got.Updates) != 1 {
		t.Errorf("got %+v", got)
	}
	machines, err := p.Machines(t.Context(), "web", "blue")
	if err != nil || len(machines) != 1 {
		t.Fatalf("got %v, %v", machines, err)
	}
	if a := machines[0]; a.Hostname != "h" || a.Type != "t" || a.Version != "1" || a.IP != "i" || a.Status != "other" || !a.Started.Equal(started) {
		t.Errorf("got %+v", a)
	}
	if got := beat(11, false, Agent{}); !got.ReportState {
		t.Error("one was missed, and it was not asked to say all")
	}
}

// A change of configuration is told with the next heartbeat, and details are given to the agent that they are for alone.
func TestChangesAreTold(t *testing.T) {
	p := open(t, "")
	p.group("all", "ip", `"10.0.0.1"`, "a")
	agent := Agent{Project: "web", ID: "agent", Address: inside}
	first, err := p.Heartbeat(t.Context(), agent, true)
	if err != nil {
		t.Fatal(err)
	}
	agent.Configs = []ConfigState{{Name: "a", Version: first.Updates[0].Version}}
	if got := p.beat(agent); len(got) != 0 {
		t.Errorf("told again: %v", got)
	}
	p.now = p.now.Add(time.Second)
	if err := p.control.Update(t.Context(), control.Place{Scope: "web"}, control.PipelineConfigs, "a", []byte(`{"inputs":[{"Type":"other"}],"flushers":[{"Type":"f"}]}`)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, p.beat(agent)); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	configs, err := p.Fetch(t.Context(), "web", "agent", inside, []string{"a", "b"})
	if err != nil || len(configs) != 2 || !strings.Contains(string(configs[0].Detail), "other") || configs[0].Version != p.now.UnixNano() || configs[1].Version != Deleted {
		t.Errorf("got %+v, %v", configs, err)
	}
	for _, from := range []netip.Addr{netip.MustParseAddr("10.0.0.2"), outside} {
		if _, err := p.Fetch(t.Context(), "web", "agent", from, []string{"a"}); sluice.KindOf(err) != sluice.Unauthorized {
			t.Errorf("from %s: got %v", from, err)
		}
	}
	if _, err := p.Fetch(t.Context(), "web", "stranger", inside, []string{"a"}); sluice.KindOf(err) != sluice.Unauthorized {
		t.Errorf("a stranger: got %v", err)
	}
}

// Agents that are silent for a day are forgotten; with as many as there may be, others are served and not remembered.
func TestAgentsAreForgotten(t *testing.T) {
	p := open(t, "")
	p.group("all", "ip", `"10.0.0.1"`, "a")
	p.beat(Agent{Project: "web", ID: "old", Address: inside})
	p.now = p.now.Add(forgotten)
	p.beat(Agent{Project: "web", ID: "new", Address: inside})
	names := func() (all []string) {
		machines, err := p.Machines(context.Background(), "web", "all")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range machines {
			all = append(all, m.ID)
		}
		return all
	}
	if diff := cmp.Diff([]string{"new", "old"}, names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.now = p.now.Add(time.Nanosecond)
	if diff := cmp.Diff([]string{"new"}, names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := len(p.seen); i < maxAgents; i++ {
		p.seen[key{"web", fmt.Sprint(i)}] = &Agent{Heartbeat: p.now}
	}
	if diff := cmp.Diff([]string{"a"}, p.beat(Agent{Project: "web", ID: "one more", Address: inside})); diff != "" || len(p.seen) != maxAgents {
		t.Errorf("one more of %d (-want +got):\n%s", len(p.seen), diff)
	}
}
