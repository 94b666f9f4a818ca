package assistant_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/meta"
)

// openWith is a server with small limits.
func openWith(t *testing.T, o assistant.Options) *sim {
	t.Helper()
	s := openSim(t, 1)
	s.must(s.svc.Close())
	o.Now = s.Clock.Now
	var err error
	s.svc, err = assistant.New(t.Context(), s.Meta, s.Catalog, ingest.New(s.Catalog, ingest.Options{Past: -1, Future: -1, Now: s.Clock.Now}), s.ring, o)
	s.must(err)
	return s
}

// wantQuota fails unless err is that of a limit, with this code.
func wantQuota(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != sluice.Throttled || e.Noun != assistant.NounCode+code {
		t.Errorf("%s: error %v, want %s", what, err, code)
	}
}

// What has a limit can be made up to it, then not, and again when there is room. What another account has does not count.
func TestQuotas(t *testing.T) {
	s := openWith(t, assistant.Options{MaxActivations: 3, MaxParameters: 3, MaxUnderWay: 3})
	defer s.close()
	_, others := s.register("")
	activation, instance := s.register(tenant)
	fl := s.svc.Fleet(tenant)
	var activations, invocations []string
	for _, c := range []struct {
		code string
		has  int // before
		make func(i int) error
		drop func() error
	}{
		{"ActivationCount.ExceedQuota", 1, func(int) error {
			id, _, err := fl.CreateActivation(t.Context(), assistant.Activation{}, assistant.Token{})
			activations = append(activations, id)
			return err
		}, func() error { _, err := fl.DeleteActivation(t.Context(), activations[0]); return err }},
		{
			"ParameterStoreCount.ExceedQuota", 0,
			func(i int) error { return fl.SetParameter(t.Context(), fmt.Sprintf("p%d", i), "v", i%2 == 0) },
			func() error { return fl.DeleteParameter(t.Context(), "p0", true) },
		},
		{"Invocation.ExceedQuota", 0, func(int) error {
			_, id, err := fl.RunCommand(t.Context(), run, false, on(instance))
			invocations = append(invocations, id)
			return err
		}, func() error { s.over(invocations[0], instance, ""); return nil }},
	} {
		for i := c.has; i < 3; i++ {
			s.must(c.make(i))
		}
		wantQuota(t, "one more", c.make(3), c.code)
		s.must(c.drop())
		s.must(c.make(4))
		wantQuota(t, "one more again", c.make(5), c.code)
	}
	s.must(fl.SetParameter(t.Context(), "p4", "other", true)) // is there, and takes no room
	if _, _, err := s.svc.Fleet("").RunCommand(t.Context(), run, false, on(others)); err != nil {
		t.Errorf("a command of another account: %v", err)
	}
	if _, _, err := s.svc.Fleet("").CreateActivation(t.Context(), assistant.Activation{}, assistant.Token{}); err != nil {
		t.Errorf("an activation of another account than that of %s: %v", activation, err)
	}
}

// An account has as many machines as it may, whatever its activations allow.
func TestMachineQuota(t *testing.T) {
	s := openWith(t, assistant.Options{MaxMachines: 3})
	defer s.close()
	s.register("")
	key := byte(0)
	type code struct{ id, code string }
	activate := func(account string) code {
		id, secret, err := s.svc.Fleet(account).CreateActivation(t.Context(), assistant.Activation{InstanceCount: 100}, assistant.Token{})
		s.must(err)
		return code{id, secret}
	}
	enrol := func(with code) (string, error) {
		key++
		return s.svc.Register(t.Context(), &assistant.Registration{
			Activation: with.id, Code: with.code, Key: []byte{key}, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"},
		}, netip.MustParseAddr("10.0.0.1"))
	}
	one, two := activate(tenant), activate(tenant)
	var last string
	for _, with := range []code{one, two, one} {
		id, err := enrol(with)
		s.must(err)
		last = id
	}
	for _, with := range []code{one, two} {
		_, err := enrol(with)
		var r *agentproto.Refused
		if !errors.As(err, &r) || r.Code != agentproto.CodeActivation || !strings.Contains(r.Reason, "3 machines, the quota") {
			t.Errorf("one machine more: error %v, want a refusal", err)
		}
	}
	if _, err := enrol(activate("")); err != nil {
		t.Errorf("a machine of another account: %v", err)
	}
	_, err := s.svc.Fleet(tenant).Deregister(t.Context(), last)
	s.must(err)
	_, err = enrol(two)
	s.must(err)
}

// lost is how many records were not kept.
func (s *sim) lost() float64 {
	s.t.Helper()
	registry := prometheus.NewRegistry()
	s.must(registry.Register(s.svc))
	families, err := registry.Gather()
	s.must(err)
	for _, f := range families {
		if f.GetName() == "sluice_assistant_records_lost_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	s.t.Fatal("there is no sluice_assistant_records_lost_total")
	return 0
}

// An account whose project cannot be written to begins nothing once many of its records wait, and what was begun before loses its records from
// twice as many on. All is well again when the project is. Other accounts notice nothing.
func TestRecordsThatWaitAreBounded(t *testing.T) {
	s := openWith(t, assistant.Options{MaxWaiting: 2})
	defer s.close()
	_, instance := s.register(tenant)
	_, others := s.register("")
	fl := s.svc.Fleet(tenant)
	begin := func() string {
		t.Helper()
		_, id, err := fl.RunCommand(t.Context(), run, false, on(instance))
		s.must(err)
		return id
	}
	s.must(s.Catalog.CreateProject(t.Context(), meta.Project{Name: assistant.Project(tenant), Account: "somebody else"}))
	flush := func() {
		t.Helper()
		if err := s.svc.Flush(t.Context()); err == nil {
			t.Error("records were written to a project of somebody else")
		}
	}
	var ids []string
	for range 6 {
		ids = append(ids, begin())
	}
	for i, id := range ids {
		s.over(id, instance, fmt.Sprint(i))
		flush()
		if want := float64(max(0, i-3)); s.lost() != want {
			t.Errorf("after %d runs %v records are lost, want %v", i+1, s.lost(), want)
		}
		if i >= 1 {
			_, _, err := fl.RunCommand(t.Context(), run, false, on(instance))
			wantQuota(t, "one command more", err, "Invocation.ExceedQuota")
		}
	}
	if _, _, err := s.svc.Fleet("").RunCommand(t.Context(), run, false, on(others)); err != nil {
		t.Errorf("a command of another account: %v", err)
	}
	s.must(s.Catalog.DeleteProject(t.Context(), assistant.Project(tenant)))
	s.must(s.svc.Flush(t.Context()))
	s.over(begin(), instance, "again")
	s.must(s.svc.Flush(t.Context()))
	got := s.recordsOf(tenant)
	slices.Sort(got) // those of one millisecond are in any order
	if strings.Join(got, " ") != "0 1 2 3 again" {
		t.Errorf("records %q, want those of the first four and the last", got)
	}
}
