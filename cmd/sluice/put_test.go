package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// storeStub stands for the server where a test needs faults at will: it takes logs, refuses bad ones, and may fail.
type storeStub struct {
	stored []string
	bad    func(string) bool
	failAt int // the n-th request fails, 0 never does
	calls  int
}

var errStub = errors.New("connection reset")

func (s *storeStub) send(_ context.Context, _ sluice.LogstoreRef, g *sluice.LogGroup, _ client.PutOptions) error {
	if s.calls++; s.calls == s.failAt {
		return errStub
	}
	for _, r := range g.Records {
		if s.bad != nil && s.bad(r.Fields[0].Value) {
			return &client.Error{Status: 400, Code: "PostBodyInvalid", Message: "bad log"}
		}
	}
	for _, r := range g.Records {
		s.stored = append(s.stored, r.Fields[0].Value)
	}
	return nil
}

// put runs a put of files into the stub. It returns the putter and what was told.
func put(t testing.TB, s *storeStub, o putOptions, files ...string) (*putter, string, error) {
	t.Helper()
	var told bytes.Buffer
	a := newApp(func(string) string { return "" }, strings.NewReader(""), &told, &told)
	o.format, o.field, o.batchBytes, o.linger = "raw", "content", 1<<20, 1<<40
	cmd := &cobra.Command{}
	p, err := newPutter(cmd, a, sluice.LogstoreRef{Project: "p", Logstore: "l"}, o)
	if err != nil {
		t.Fatal(err)
	}
	p.send = s.send
	err = p.finish(cmd, append([]string{"p/l"}, files...), p.run(t.Context(), files))
	return p, told.String(), err
}

func numbers(from, to int) (lines []string) {
	for i := from; i < to; i++ {
		lines = append(lines, strconv.Itoa(i))
	}
	return lines
}

func write(t testing.TB, name string, lines []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	text := ""
	for _, line := range lines {
		text += line + "\n"
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whatever request fails, going on from where the summary says stores every line, in order; with a failure that stored
// nothing, exactly once.
func TestGoingOnAfterAFailure(t *testing.T) {
	a, b := write(t, "a.log", numbers(0, 40)), write(t, "b.log", numbers(40, 60))
	rapid.Check(t, func(r *rapid.T) {
		o := putOptions{batchCount: rapid.IntRange(1, 25).Draw(r, "batch")}
		s := &storeStub{failAt: rapid.IntRange(1, 70).Draw(r, "failAt")}
		files := []string{a, b}
		p, told, err := put(t, s, o, files...)
		if err != nil {
			if p.stored != (mark{}) && !strings.Contains(told, fmt.Sprintf("--offset=%d %s", p.stored.offset, files[p.stored.index])) {
				r.Fatalf("it is not told how to go on from %+v:\n%s", p.stored, told)
			}
			o.offset = p.stored.offset
			if _, told, err = put(t, s, o, files[p.stored.index:]...); err != nil {
				r.Fatalf("%v\n%s", err, told)
			}
		}
		if !slices.Equal(s.stored, numbers(0, 60)) {
			r.Fatalf("stored %v", s.stored)
		}
	})
}

func TestBadLogsAreFoundAndTheRestIsStored(t *testing.T) {
	file := write(t, "a.log", numbers(0, 1000))
	bad := []string{"0", "17", "18", "500", "999"}
	s := &storeStub{bad: func(line string) bool { return slices.Contains(bad, line) }}
	p, told, err := put(t, s, putOptions{batchCount: 300}, file)
	if err == nil {
		t.Error("some logs were rejected, and the exit code is good")
	}
	want := slices.DeleteFunc(numbers(0, 1000), func(line string) bool { return slices.Contains(bad, line) })
	if !slices.Equal(s.stored, want) {
		t.Errorf("%d logs stored, want %d", len(s.stored), len(want))
	}
	if p.sum.Rejected != len(bad) || p.sum.Logs != len(want) {
		t.Errorf("summary %+v", p.sum)
	}
	if !strings.Contains(told, `"content=17": bad log`) {
		t.Errorf("the bad logs are not told:\n%s", told)
	}
	if s.calls > 120 {
		t.Errorf("%d requests to find %d bad logs", s.calls, len(bad))
	}
}

func TestAnInputThatIsAllBadIsGivenUp(t *testing.T) {
	file := write(t, "a.log", numbers(0, 5000))
	s := &storeStub{bad: func(string) bool { return true }}
	p, told, err := put(t, s, putOptions{batchCount: 4096}, file)
	if err == nil || p.sum.Rejected != maxRefused || !strings.Contains(told, "refused 1,000 logs") {
		t.Errorf("error %v, summary %+v\n%s", err, p.sum, told)
	}
}

func TestMaybeStored(t *testing.T) {
	for _, row := range []struct {
		err  error
		want bool
	}{
		{&client.Error{Status: 401, Code: "Unauthorized"}, false},
		{&client.Error{Status: 403, Code: "WriteQuotaExceed"}, false},
		{&client.Error{Status: 500, Code: "InternalServerError"}, true},
		{fmt.Errorf("put: %w", &net.OpError{Op: "dial", Err: errStub}), false},
		{fmt.Errorf("put: %w", &net.OpError{Op: "read", Err: errStub}), true},
		{context.Canceled, true},
	} {
		if got := maybeStored(row.err); got != row.want {
			t.Errorf("maybeStored(%v) = %v", row.err, got)
		}
	}
}

func TestLineReader(t *testing.T) {
	file := write(t, "a.log", []string{"short", strings.Repeat("x", maxLine), strings.Repeat("y", maxLine-1), "end"})
	s := &storeStub{}
	p, told, err := put(t, s, putOptions{batchCount: 10}, file)
	if err == nil || p.sum.Rejected != 1 || !strings.Contains(told, "a.log:2: the line is longer than") {
		t.Errorf("error %v, summary %+v\n%s", err, p.sum, told)
	}
	if len(s.stored) != 3 || s.stored[0] != "short" || s.stored[2] != "end" {
		t.Errorf("%d lines stored", len(s.stored))
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if p.sum.Bytes != info.Size() {
		t.Errorf("%d bytes dealt with, the file has %d", p.sum.Bytes, info.Size())
	}
}
