package identity_test

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/agent/identity"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/test/certs"
)

// serve is a server that machines can enrol at, over TLS.
func serve(t *testing.T) (*assistant.Service, string) {
	t.Helper()
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	must(err)
	svc, err := assistant.New(t.Context(), env.Meta, env.Catalog, ingest.New(env.Catalog, ingest.Options{Past: -1, Future: -1}), ring, assistant.Options{})
	must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	var running sync.WaitGroup
	running.Go(func() {
		if err := gateway.New(svc, gateway.Options{}).Run(t.Context(), l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		running.Wait()
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	return svc, l.Addr().String()
}

func enrolment(t *testing.T, svc *assistant.Service, server string) identity.Enrolment {
	t.Helper()
	id, code, err := svc.Fleet("").CreateActivation(t.Context(), assistant.Activation{InstanceCount: 1}, assistant.Token{})
	if err != nil {
		t.Fatal(err)
	}
	return identity.Enrolment{Server: server, Activation: id, Code: code, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"}}
}

// hello connects, and returns what the server answers.
func hello(t *testing.T, id *identity.Identity, ticket string) agentproto.Message {
	t.Helper()
	conn, err := id.Dial(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := agentproto.Write(conn, &agentproto.Hello{Ticket: ticket, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"}}); err != nil {
		t.Fatal(err)
	}
	m, err := agentproto.ReadFromServer(conn)
	if err != nil {
		t.Fatal(err)
	}
	if w, ok := m.(*agentproto.Welcome); ok {
		if err := agentproto.Write(conn, &agentproto.Kept{Ticket: w.Ticket}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestEnrol(t *testing.T) {
	svc, server := serve(t)
	dir := t.TempDir()
	if _, err := identity.Load(dir); !errors.Is(err, identity.ErrNone) {
		t.Errorf("%v", err)
	}
	e := enrolment(t, svc, server)
	id, err := identity.Enrol(t.Context(), dir, e, false)
	if err != nil {
		t.Fatal(err)
	}
	if w, ok := hello(t, id, "").(*agentproto.Welcome); !ok {
		t.Errorf("%+v", w)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	if st, err := entries[0].Info(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	again, err := identity.Load(dir)
	if err != nil || again.Instance() != id.Instance() || again.Server() != server || again.Fingerprint() != id.Fingerprint() {
		t.Errorf("%v", err)
	}
	if _, err := identity.Enrol(t.Context(), dir, e, false); !errors.Is(err, identity.ErrEnrolled) {
		t.Errorf("a second time: %v", err)
	}
}

func TestEnrolmentIsRefused(t *testing.T) {
	svc, server := serve(t)
	for name, c := range map[string]struct {
		change func(*identity.Enrolment)
		want   string
	}{
		"code":       {func(e *identity.Enrolment) { e.Code += "x" }, agentproto.CodeProof},
		"activation": {func(e *identity.Enrolment) { e.Activation = "a-none" }, agentproto.CodeProof},
		"CA":         {func(e *identity.Enrolment) { e.CA = strings.Repeat("0", 64) }, "fingerprint"},
		"server":     {func(e *identity.Enrolment) { e.Server = plain(t) }, "connect to"},
		"other TLS":  {func(e *identity.Enrolment) { e.Server = stranger(t) }, "assistant.listen"},
	} {
		e := enrolment(t, svc, server)
		c.change(&e)
		dir := t.TempDir()
		if _, err := identity.Enrol(t.Context(), dir, e, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if _, err := identity.Load(dir); !errors.Is(err, identity.ErrNone) {
			t.Errorf("%s: there is an identity: %v", name, err)
		}
	}
}

// plain is a server that ends what it accepts.
func plain(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return l.Addr().String()
}

// stranger is a server with TLS that knows nothing of agents.
func stranger(t *testing.T) string {
	l, err := tls.Listen("tcp", "127.0.0.1:0", certs.New(t).Issue(t, "stranger").Server(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	return l.Addr().String()
}

// An enrolment whose answer was lost goes on as the same instance: the key was on disk before it was used.
func TestLostAnswer(t *testing.T) {
	svc, server := serve(t)
	dir := t.TempDir()
	e := enrolment(t, svc, server)
	e.CA = strings.Repeat("0", 64) // it is not kept here, and is used up there
	if _, err := identity.Enrol(t.Context(), dir, e, false); err == nil {
		t.Fatal("the fingerprint was not compared")
	}
	e.CA = ""
	id, err := identity.Enrol(t.Context(), dir, e, false)
	if err != nil {
		t.Fatal(err)
	}
	l, err := svc.Fleet("").Instances(t.Context(), assistant.InstanceFilter{}, assistant.Page{Size: 10})
	if err != nil || len(l.Rows) != 1 || l.Rows[0].ID != id.Instance() {
		t.Errorf("%v, %v", l.Rows, err)
	}
}

// A new certificate is for a new key; the old one goes on until it is there, also over a restart in between.
func TestRenewal(t *testing.T) {
	svc, server := serve(t)
	dir := t.TempDir()
	id, err := identity.Enrol(t.Context(), dir, enrolment(t, svc, server), false)
	if err != nil {
		t.Fatal(err)
	}
	w := hello(t, id, "").(*agentproto.Welcome)
	csr, err := id.CSR()
	if err != nil {
		t.Fatal(err)
	}
	if id, err = identity.Load(dir); err != nil {
		t.Fatal(err)
	}
	conn, err := id.Dial(t.Context(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, m := range []agentproto.Message{
		&agentproto.Hello{Ticket: w.Ticket, Machine: agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"}}, &agentproto.Renew{CSR: csr},
	} {
		if err := agentproto.Write(conn, m); err != nil {
			t.Fatal(err)
		}
	}
	before := id.Certificate()
	var next string
	for {
		m, err := agentproto.ReadFromServer(conn)
		if err != nil {
			t.Fatal(err)
		}
		if w, ok := m.(*agentproto.Welcome); ok {
			next = w.Ticket
		}
		if r, ok := m.(*agentproto.Renewed); ok {
			if err := id.Renewed(r.Certificate[:100]); err == nil {
				t.Error("half a certificate was taken")
			}
			if err := id.Renewed(before.Raw); err == nil {
				t.Error("a certificate for another key was taken")
			}
			if err := id.Renewed(r.Certificate); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	again, err := identity.Load(dir)
	if err != nil || again.Certificate().Equal(before) {
		t.Fatal("the certificate is the old one", err)
	}
	if m := hello(t, again, next); m.Kind() != agentproto.KindWelcome {
		t.Errorf("the new certificate: %v", m)
	}
}

func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	for _, raw := range []string{"{", "{}", `{"server":"a","instance":"mi-1","key":"AAAA"}`} {
		if err := os.WriteFile(filepath.Join(dir, "identity.json"), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := identity.Load(dir); err == nil || errors.Is(err, identity.ErrNone) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
