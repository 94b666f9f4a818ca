package gateway_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/assistant/gateway"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/shard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bed is a server that agents can connect to.
type bed struct {
	*catalogtest.Env
	t       *testing.T
	svc     *assistant.Service
	address string
}

func newBed(t *testing.T) *bed { return newBedWith(t, assistant.Options{OutputBytes: 100_000}) }

func newBedWith(t *testing.T, o assistant.Options) *bed {
	t.Helper()
	b := &bed{Env: catalogtest.Open(t, catalog.Options{}, shard.Options{MinFreeBytes: -1}), t: t}
	ring, err := auth.LoadOrCreateKeyring(filepath.Join(t.TempDir(), "key"))
	b.must(err)
	door := ingest.New(b.Catalog, ingest.Options{Past: -1, Future: -1})
	b.svc, err = assistant.New(t.Context(), b.Meta, b.Catalog, door, ring, o)
	b.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	b.address = l.Addr().String()
	var running sync.WaitGroup
	running.Go(func() { b.must(gateway.New(b.svc, gateway.Options{}).Run(t.Context(), l)) })
	t.Cleanup(func() {
		running.Wait()
		b.must(b.svc.Close())
	})
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

var machine = agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1", Hostname: "host"}

func (b *bed) activation(a assistant.Activation) (id, code string) {
	b.t.Helper()
	id, code, err := b.svc.Fleet("").CreateActivation(b.t.Context(), a, assistant.Token{})
	b.must(err)
	return id, code
}

// identity enrols a machine.
func (b *bed) identity() *agenttest.Identity {
	b.t.Helper()
	id, code := b.activation(assistant.Activation{})
	identity, err := agenttest.Enrol(b.t.Context(), b.address, id, code, agentproto.Enrol{Machine: machine})
	if err != nil {
		b.t.Fatal(err)
	}
	return identity
}

// connect connects an agent, and waits for an answer.
func (b *bed) connect(a *agenttest.Agent, id *agenttest.Identity) *agenttest.Agent {
	b.t.Helper()
	conn, err := id.Dial(b.t.Context(), b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	a.Connect(conn)
	b.t.Cleanup(a.Disconnect)
	b.until(func() bool { return a.Connected() || a.Refused() != nil })
	return a
}

func (b *bed) until(is func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !is(); runtime.Gosched() {
		if time.Now().After(deadline) {
			b.t.Fatal("it never came")
		}
	}
}

func TestEnrolmentIsRefused(t *testing.T) {
	b := newBed(t)
	f := func(want, id, code string) {
		t.Helper()
		_, err := agenttest.Enrol(t.Context(), b.address, id, code, agentproto.Enrol{Machine: machine})
		var r *agentproto.Refused
		if !errors.As(err, &r) || r.Code != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	id, code := b.activation(assistant.Activation{InstanceCount: 1})
	f(agentproto.CodeProof, id, code+"x")
	f(agentproto.CodeProof, "a-none", code)
	elsewhere, its := b.activation(assistant.Activation{IPRange: "10.0.0.0/8"})
	f(agentproto.CodeActivation, elsewhere, its)
	disabled, its := b.activation(assistant.Activation{})
	_, err := b.svc.Fleet("").DisableActivation(t.Context(), disabled)
	b.must(err)
	f(agentproto.CodeActivation, disabled, its)
	if _, err := agenttest.Enrol(t.Context(), b.address, id, code, agentproto.Enrol{Machine: machine}); err != nil {
		t.Error(err)
	}
	f(agentproto.CodeActivation, id, code) // it is used up
	if l, err := b.svc.Fleet("").Instances(t.Context(), assistant.InstanceFilter{}, assistant.Page{Size: 10}); err != nil || len(l.Rows) != 1 || l.Rows[0].Name != "host" {
		t.Errorf("%v, %v", l, err)
	}
}

// An activation with room is not enough: the account has to have some too, and the agent is told what to do.
func TestEnrolmentBeyondTheQuota(t *testing.T) {
	b := newBedWith(t, assistant.Options{MaxMachines: 2})
	id, code := b.activation(assistant.Activation{InstanceCount: 10})
	enrol := func() (*agenttest.Identity, error) {
		return agenttest.Enrol(t.Context(), b.address, id, code, agentproto.Enrol{Machine: machine})
	}
	first, err := enrol()
	if err != nil {
		t.Fatal(err)
	}
	_, err = enrol()
	b.must(err)
	_, err = enrol()
	var r *agentproto.Refused
	if !errors.As(err, &r) || r.Code != agentproto.CodeActivation || !strings.Contains(r.Reason, "2 machines, the quota: deregister some") {
		t.Errorf("one machine too many: %v", err)
	}
	_, err = b.svc.Fleet("").Deregister(t.Context(), first.Instance)
	b.must(err)
	_, err = enrol()
	b.must(err)
}

// Whoever has no certificate of the server's CA gets no session, whatever else it has.
func TestStrangers(t *testing.T) {
	b := newBed(t)
	id := b.identity()
	public, key, _ := ed25519.GenerateKey(nil)
	template := &x509.Certificate{SerialNumber: serial, NotAfter: time.Now().Add(time.Hour)}
	template.Subject.CommonName = id.Instance
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	b.must(err)
	forged := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	d := tls.Dialer{Config: &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{agentproto.ALPN}, ServerName: agentproto.ServerName, RootCAs: id.CA,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return forged, nil }, // whatever issuers the server names
	}}
	if conn, err := d.DialContext(t.Context(), "tcp", b.address); err == nil { // TLS 1.3 tells a client late
		if m, err := agentproto.ReadFromServer(conn); err == nil {
			t.Errorf("a forged certificate was answered with %T", m)
		}
		conn.Close()
	}
	bare := *id
	bare.Certificate = tls.Certificate{}
	conn, err := bare.Dial(t.Context(), b.address)
	b.must(err)
	defer conn.Close()
	b.must(agentproto.Write(conn, &agentproto.Hello{Machine: machine}))
	if m, err := agentproto.ReadFromServer(conn); err != nil || m.(*agentproto.Refused).Code != agentproto.CodeProtocol {
		t.Errorf("Hello without a certificate: %v, %v", m, err)
	}
}

func TestClones(t *testing.T) {
	b := newBed(t)
	id := b.identity()
	original := b.connect(id.Agent(machine, nil), id)
	clone := original.Copy()
	b.connect(original, id) // moves on, again and again
	b.connect(clone, id)
	if r := clone.Refused(); r == nil || r.Code != agentproto.CodeCloned {
		t.Errorf("the copy of an agent's disk: %v", r)
	}
	other := machine
	other.MachineID = "other"
	moved := b.connect(id.Agent(other, nil), id)
	if r := moved.Refused(); r == nil || r.Code != agentproto.CodeCloned {
		t.Errorf("an identity on another machine: %v", r)
	}
	b.connect(original, id)
	if r := original.Refused(); r != nil {
		t.Errorf("the original: %v", r)
	}
}

// A second connection of the same agent ends the first, which is told why.
func TestTheNewerConnectionWins(t *testing.T) {
	b := newBed(t)
	id := b.identity()
	conn, err := id.Dial(t.Context(), b.address)
	b.must(err)
	defer conn.Close()
	b.must(agentproto.Write(conn, &agentproto.Hello{Machine: machine}))
	first, err := agentproto.ReadFromServer(conn)
	b.must(err)
	b.must(agentproto.Write(conn, &agentproto.Kept{Ticket: first.(*agentproto.Welcome).Ticket}))
	again, err := id.Dial(t.Context(), b.address)
	b.must(err)
	defer again.Close()
	b.must(agentproto.Write(again, &agentproto.Hello{Ticket: first.(*agentproto.Welcome).Ticket, Machine: machine}))
	if m, err := agentproto.ReadFromServer(again); err != nil {
		t.Errorf("%v, %v", m, err)
	}
	m, err := agentproto.ReadFromServer(conn)
	if r, ok := m.(*agentproto.Refused); err != nil || !ok || r.Code != agentproto.CodeReplaced || r.Permanent() {
		t.Errorf("the first connection: %v, %v", m, err)
	}
}

func TestRenewal(t *testing.T) {
	b := newBed(t)
	id := b.identity()
	conn, err := id.Dial(t.Context(), b.address)
	b.must(err)
	defer conn.Close()
	_, key, _ := ed25519.GenerateKey(nil)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	b.must(err)
	b.must(agentproto.Write(conn, &agentproto.Hello{Machine: machine}))
	welcome, err := agentproto.ReadFromServer(conn)
	b.must(err)
	b.must(agentproto.Write(conn, &agentproto.Kept{Ticket: welcome.(*agentproto.Welcome).Ticket}))
	b.must(agentproto.Write(conn, &agentproto.Renew{CSR: csr}))
	m, err := agentproto.ReadFromServer(conn)
	renewed, ok := m.(*agentproto.Renewed)
	if err != nil || !ok {
		t.Fatalf("%v, %v", m, err)
	}
	id.Certificate = tls.Certificate{Certificate: [][]byte{renewed.Certificate}, PrivateKey: key}
	again, err := id.Dial(t.Context(), b.address)
	b.must(err)
	defer again.Close()
	b.must(agentproto.Write(again, &agentproto.Hello{Ticket: welcome.(*agentproto.Welcome).Ticket, Machine: machine}))
	if m, err := agentproto.ReadFromServer(again); err != nil || m.Kind() != agentproto.KindWelcome {
		t.Errorf("the new certificate: %v, %v", m, err)
	}
}

// Output that is more than a record shows is kept in full, up to what the server wants of it.
func TestLongOutput(t *testing.T) {
	b := newBed(t)
	id := b.identity()
	output := bytes.Repeat([]byte("0123456789"), 15_000) // the server wants 100,000 bytes
	b.connect(id.Agent(machine, func(*agentproto.Task) agenttest.Outcome { return agenttest.Outcome{Output: output} }), id)
	_, invocation, err := b.svc.Fleet("").RunCommand(t.Context(), assistant.Command{Type: "RunShellScript", Content: "long"}, false,
		assistant.Invoke{Targets: assistant.Targets{Instances: []string{id.Instance}}})
	b.must(err)
	var target *assistant.Target
	b.until(func() bool {
		l, err := b.svc.Fleet("").Invocations(t.Context(), assistant.InvocationFilter{ID: invocation}, assistant.Page{Size: 1})
		b.must(err)
		target = l.Rows[0].Targets[0]
		return target.Status.Final()
	})
	if target.Status != assistant.Success || len(target.Output) != agentproto.MaxRecordOutput || int(target.Dropped) != len(output)-agentproto.MaxRecordOutput {
		t.Errorf("%s, %d bytes shown, %d dropped", target.Status, len(target.Output), target.Dropped)
	}
	var kept bytes.Buffer
	l, err := b.Catalog.Logstore(t.Context(), assistant.FullOutput(""))
	b.must(err)
	read(t, l, func(r *sluice.Record) {
		for _, f := range r.Fields {
			if f.Key == "Output" {
				kept.WriteString(f.Value)
			}
		}
	})
	const most = 100_000 + agentproto.MaxChunk
	if n := kept.Len(); n < 100_000 || n > most || !strings.HasPrefix(string(output), kept.String()) {
		t.Errorf("%d bytes are kept", n)
	}
}
