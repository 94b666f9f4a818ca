package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// quiet is an input on which nobody types anything. It tells when somebody waits for that.
type quiet struct{ asked chan struct{} }

func (q quiet) Read([]byte) (int, error) {
	close(q.asked)
	select {}
}

// Ctrl-C where a document is expected ends the program, without a line to go with it.
func TestInterruptedInput(t *testing.T) {
	for _, args := range [][]string{
		{"dashboard", "create", "web/overview"},
		{"apply", "-f", "-"},
		{"iam", "policy", "create", "app", "-"},
		{"index", "set", "web/access"},
		{"delivery", "create", "web/errors", "-f", "-"},
		{"queue", "send", "jobs"},
		{"profile", "set", "local", "--endpoint", "http://127.0.0.1:1", "--access-key-id", "id", "--secret-stdin"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		in := quiet{make(chan struct{})}
		go func() {
			<-in.asked
			interrupt()
		}()
		home := t.TempDir()
		env := func(name string) string {
			return map[string]string{"HOME": home, envEndpoint: "http://127.0.0.1:1", envAccessKeyID: "id", envSecret: "secret"}[name]
		}
		var out, errs bytes.Buffer
		if code := run(ctx, args, env, in, &out, &errs); code != exitFailed || !bytes.Contains(errs.Bytes(), []byte("interrupted\n")) {
			t.Errorf("%v: exit code %d, told %q", args, code, errs.String())
		}
	}
}

func TestInput(t *testing.T) {
	a := newApp(func(string) string { return "" }, bytes.NewReader(bytes.Repeat([]byte("line\n"), 100_000)), io.Discard, io.Discard)
	if line, err := a.line(t.Context()); line != "line" || err != nil {
		t.Errorf("got %q, %v", line, err)
	}
	if raw, err := io.ReadAll(a.input(t.Context())); len(raw) != 500_000-4<<10 || err != nil {
		t.Errorf("got %d bytes, %v", len(raw), err)
	}
	if line, err := a.line(t.Context()); line != "" || err != nil {
		t.Errorf("at the end got %q, %v", line, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	a.stdin = quiet{make(chan struct{})}
	if _, err := a.line(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}
