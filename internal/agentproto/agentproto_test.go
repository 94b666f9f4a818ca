package agentproto_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/internal/agentproto"
)

var machine = agentproto.Machine{OS: "linux", MachineID: "m", AgentVersion: "1"}

func code(n int64) *int64 { return &n }

// messages are one of each kind.
func messages() []agentproto.Message {
	return []agentproto.Message{
		&agentproto.Enrol{Activation: "a", Proof: make([]byte, 32), CSR: []byte("csr"), Machine: machine, Tags: map[string]string{"role": "web"}},
		&agentproto.Hello{Ticket: "t", BootID: "b", Machine: machine, Known: []agentproto.Known{{Invocation: "t-1", Version: 1, Seq: 3}}},
		&agentproto.Kept{Ticket: "t"},
		&agentproto.Events{Events: []agentproto.Event{
			{Invocation: "t-1", Seq: 1, Kind: agentproto.Accepted},
			{Invocation: "t-1", Seq: 2, Kind: agentproto.Started, Run: 1, PID: 7},
			{
				Invocation: "t-1", Seq: 3, Kind: agentproto.Finished, Run: 1, Last: true, Outcome: agentproto.Exited,
				Result: &agentproto.Result{Start: 1, Finish: 2, ExitCode: code(0), Output: []byte("hi\n"), Bytes: 3},
			},
		}},
		&agentproto.Output{Invocation: "t-1", Run: 1, Offset: 5, Data: []byte{0xff, 0}},
		&agentproto.Heartbeat{Active: 1},
		&agentproto.Renew{CSR: []byte("csr")},
		&agentproto.Enrolled{
			Instance: "mi-1", Certificate: []byte("c"), CA: []byte("ca"), Proof: make([]byte, 32),
			Keys: []agentproto.SigningKey{{Name: "k", Public: make([]byte, ed25519.PublicKeySize)}},
		},
		&agentproto.Welcome{Time: 5, Ticket: "u", Heartbeat: 30, OutputBytes: 1, OutputWindow: agentproto.MaxChunk},
		&agentproto.Refused{Code: agentproto.CodeCloned, Reason: "another one"},
		&agentproto.Envelope{Key: "k", Task: []byte("{}"), Signature: make([]byte, ed25519.SignatureSize)},
		&agentproto.Ack{Events: []agentproto.EventAck{{Invocation: "t-1", Seq: 3}}, Output: []agentproto.OutputAck{{Invocation: "t-1", Run: 1, Offset: 9}}},
		&agentproto.Forget{Invocations: []string{"t-2"}},
		&agentproto.Pong{Time: 6},
		&agentproto.Renewed{Certificate: []byte("c")},
	}
}

func reader(k agentproto.Kind) func(io.Reader) (agentproto.Message, error) {
	if k >= agentproto.KindEnrolled {
		return agentproto.ReadFromServer
	}
	return agentproto.ReadFromAgent
}

func TestFrames(t *testing.T) {
	for _, m := range messages() {
		var b bytes.Buffer
		b.Write([]byte{60, 0, 0, 0, 3, 'n', 'e', 'w'}) // a kind of a newer peer is passed over
		if err := agentproto.Write(&b, m); err != nil {
			t.Fatal(err)
		}
		whole := b.Bytes()
		got, err := reader(m.Kind())(bytes.NewReader(whole))
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Errorf("%T: %s", m, diff)
		}
		for cut := range whole {
			_, err := reader(m.Kind())(bytes.NewReader(whole[:cut]))
			want := io.ErrUnexpectedEOF
			if cut == 0 || cut == 8 {
				want = io.EOF
			}
			if !errors.Is(err, want) {
				t.Fatalf("%T cut at %d: %v", m, cut, err)
			}
		}
	}
}

func TestFramesOverTheLimit(t *testing.T) {
	for _, size := range []byte{0x00, 0xff} { // 1 MiB short of 16 and 4 GiB
		head := []byte{byte(agentproto.KindHello), size, 0xf0, 0, 0}
		if _, err := agentproto.ReadFromAgent(bytes.NewReader(head)); !errors.Is(err, agentproto.ErrTooLarge) {
			t.Error(err)
		}
	}
	if err := agentproto.Write(io.Discard, &agentproto.Output{Data: make([]byte, agentproto.MaxFromAgent)}); !errors.Is(err, agentproto.ErrTooLarge) {
		t.Error(err)
	}
}

// What an agent may say and a server must not believe.
func TestEventsThatMakeNoSense(t *testing.T) {
	good := func() agentproto.Event {
		return agentproto.Event{
			Invocation: "t-1", Seq: 3, Kind: agentproto.Finished, Run: 1, Outcome: agentproto.Exited,
			Result: &agentproto.Result{ExitCode: code(0)},
		}
	}
	f := func(why string, change func(*agentproto.Event)) {
		t.Helper()
		e := good()
		change(&e)
		err := (&agentproto.Events{Events: []agentproto.Event{e}}).Check()
		if (err == nil) != (why == "") {
			t.Errorf("%s: %v", why, err)
		}
	}
	f("", func(*agentproto.Event) {})
	f("no number", func(e *agentproto.Event) { e.Seq = 0 })
	f("a path for an id", func(e *agentproto.Event) { e.Invocation = "../x" })
	f("no run", func(e *agentproto.Event) { e.Run = 0 })
	f("no result", func(e *agentproto.Event) { e.Result = nil })
	f("no exit code", func(e *agentproto.Event) { e.Result.ExitCode = nil })
	f("", func(e *agentproto.Event) { e.Outcome, e.Result.ExitCode = agentproto.TimedOut, nil })
	f("an outcome of another kind", func(e *agentproto.Event) { e.Outcome = agentproto.Stopped })
	f("too much output", func(e *agentproto.Event) { e.Result.Output = make([]byte, agentproto.MaxRecordOutput+1) })
	f("output that is not UTF-8", func(e *agentproto.Event) { e.Result.Output = []byte{0xff} })
	f("less than nothing dropped", func(e *agentproto.Event) { e.Result.Dropped = -1 })
	f("a result with accepted", func(e *agentproto.Event) { e.Kind, e.Run, e.Outcome = agentproto.Accepted, 0, "" })
	f("an unknown kind", func(e *agentproto.Event) { e.Kind = "paused" })
	f("ended that is not the last", func(e *agentproto.Event) {
		e.Kind, e.Run, e.Outcome, e.Result = agentproto.Ended, 0, agentproto.Stopped, nil
	})
	f("rejected without a code", func(e *agentproto.Event) {
		e.Kind, e.Run, e.Outcome, e.Result, e.Last = agentproto.Rejected, 0, "", nil, true
	})
}

func TestEnvelopes(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(nil)
	_, stranger, _ := ed25519.GenerateKey(nil)
	keys := agentproto.Keys{"k": public}
	now := time.Unix(1000, 0)
	task := func() *agentproto.Task {
		return &agentproto.Task{
			V: 1, Kind: agentproto.TaskRun, Instance: "mi-1", Invocation: "t-1", NextSeq: 1, Nonce: "n", Issued: agentproto.TimeOf(now), Expires: agentproto.TimeOf(now.Add(time.Minute)),
			SHA256: agentproto.HashOf([]byte("id")),
			Run:    &agentproto.Run{Type: "RunShellScript", Content: []byte("id"), Timeout: 60, Repeat: agentproto.Once, NextRun: 1},
		}
	}
	sealed := func() *agentproto.Envelope {
		e, err := agentproto.Seal(task(), "k", private)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	got, err := keys.Open(sealed(), "mi-1", now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(task(), got); diff != "" {
		t.Error(diff)
	}
	f := func(want error, e *agentproto.Envelope, instance string, at time.Time) {
		t.Helper()
		if _, err := keys.Open(e, instance, at); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f(agentproto.ErrNotForMe, sealed(), "mi-2", now)
	f(agentproto.ErrExpired, sealed(), "mi-1", now.Add(time.Minute))
	forged, err := agentproto.Seal(task(), "k", stranger)
	if err != nil {
		t.Fatal(err)
	}
	f(agentproto.ErrUnsigned, forged, "mi-1", now)
	renamed := sealed()
	renamed.Key = "other"
	f(agentproto.ErrUnsigned, renamed, "mi-1", now)
	for i := range sealed().Task { // no byte may change
		altered := sealed()
		altered.Task[i] ^= 1
		f(agentproto.ErrUnsigned, altered, "mi-1", now)
	}
	bare := ed25519.Sign(private, sealed().Task) // a signature over the same bytes for another purpose
	f(agentproto.ErrUnsigned, &agentproto.Envelope{Key: "k", Task: sealed().Task, Signature: bare}, "mi-1", now)

	bad := task()
	bad.Run.Content = []byte("rm")
	if _, err := agentproto.Seal(bad, "k", private); err == nil {
		t.Error("content that is not what its hash says was sealed")
	}
}

func TestProofs(t *testing.T) {
	e := &agentproto.Enrol{Activation: "a", CSR: []byte("csr")}
	proof := e.AgentProof("code", []byte("session"))
	for what, other := range map[string][]byte{
		"another code":       e.AgentProof("Code", []byte("session")),
		"another session":    e.AgentProof("code", []byte("sessions")),
		"another key":        (&agentproto.Enrol{Activation: "a", CSR: []byte("CSR")}).AgentProof("code", []byte("session")),
		"a shifted boundary": (&agentproto.Enrol{Activation: "ac", CSR: []byte("sr")}).AgentProof("code", []byte("session")),
		"the other side":     (&agentproto.Enrolled{Instance: "a", Certificate: []byte("csr")}).ServerProof("code", []byte("session")),
	} {
		if agentproto.ProofEqual(proof, other) {
			t.Errorf("%s has the same proof", what)
		}
	}
	if !agentproto.ProofEqual(proof, e.AgentProof("code", []byte("session"))) {
		t.Error("a proof is not itself")
	}
}

func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c agentproto.Clip
		var all []byte
		alphabet := rapid.SampledFrom([]string{"a", "é", "日", "𝄞", "\xff", "0123456789"})
		for range rapid.IntRange(0, 6).Draw(t, "writes") {
			p := []byte(strings.Repeat(alphabet.Draw(t, "text"), rapid.IntRange(0, 9000).Draw(t, "times")))
			_, _ = c.Write(p)
			all = append(all, p...)
		}
		out, dropped := c.Result()
		if !utf8.Valid(out) || len(out) > agentproto.MaxRecordOutput {
			t.Fatalf("%d bytes, valid: %v", len(out), utf8.Valid(out))
		}
		if !utf8.Valid(all) {
			return // what is not UTF-8 grows when it is replaced
		}
		if len(out)+int(dropped) != len(all) {
			t.Fatalf("%d shown and %d dropped of %d", len(out), dropped, len(all))
		}
		if dropped > 0 && len(out) < agentproto.MaxRecordOutput-2*utf8.UTFMax {
			t.Fatalf("only %d bytes shown", len(out))
		}
		head := min(len(out), agentproto.MaxRecordHead-utf8.UTFMax)
		if !bytes.HasPrefix(all, out[:head]) || !bytes.HasSuffix(all, out[head+min(utf8.UTFMax, len(out)-head):]) {
			t.Fatal("what is shown is not the head and the tail")
		}
	})
}

func FuzzFromAgent(f *testing.F)  { fuzz(f, agentproto.ReadFromAgent) }
func FuzzFromServer(f *testing.F) { fuzz(f, agentproto.ReadFromServer) }

// Whatever comes is refused, or is a message that survives being written and read again.
func fuzz(f *testing.F, read func(io.Reader) (agentproto.Message, error)) {
	for _, m := range messages() {
		b, err := agentproto.Append(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := read(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := agentproto.Append(nil, m)
		if errors.Is(err, agentproto.ErrTooLarge) {
			return // JSON that escapes more than what came
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(bytes.NewReader(again)); err != nil {
			t.Fatalf("%q became %q: %v", b, again, err)
		}
	})
}

// A signed task is read by agents as root: whatever is in it, reading ends in an error or a task that passes its checks.
func FuzzTask(f *testing.F) {
	public, private, _ := ed25519.GenerateKey(nil)
	f.Add([]byte(`{"v":1,"kind":"stop","instance":"mi-1","invocation":"t-1","nextSeq":1,"nonce":"n","issued":9999999999000,"expires":9999999999999}`))
	f.Add([]byte(`{"v":1,"kind":"run","instance":"mi-1","invocation":"t-1","nextSeq":1,"nonce":"n","issued":9999999999000,"expires":9999999999999,"run":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := &agentproto.Envelope{Key: "k", Task: raw, Signature: ed25519.Sign(private, append([]byte("sluice agent task v1\x00"), raw...))}
		task, err := agentproto.Keys{"k": public}.Open(e, "mi-1", time.Unix(0, 0))
		if err == nil && task.Check() != nil {
			t.Fatalf("%q was opened", raw)
		}
	})
}
