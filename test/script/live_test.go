package script_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/testenv"
)

func TestTailFollowsThroughSplitsAndMerges(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st", "--shards", "2")
	s.ok("one\n", "put", "web/st", "--hash-key", "00")
	s.ok("two\n", "put", "web/st", "--hash-key", "ff")
	tail := s.start("tail", "-f", "web/st", "-o", "raw")
	tail.out.next("one")
	tail.out.next("two")
	s.ok("three\n", "put", "web/st", "--hash-key", "00")
	tail.out.next("three")
	s.ok("", "shard", "split", "web/st", "0")
	s.ok("four\n", "put", "web/st", "--hash-key", "70")
	tail.out.next("four")
	s.ok("", "shard", "merge", "web/st", "2")
	s.ok("five\n", "put", "web/st", "--hash-key", "01")
	tail.out.next("five")
	s.ok("six\n", "put", "web/st", "--hash-key", "fe")
	tail.out.next("six")
	tail.interrupt()
}

func TestTailGoesOnThroughARestartOfTheServer(t *testing.T) {
	listen, dir := "127.0.0.1:"+freePort(t), t.TempDir()
	s := &shell{t: t, url: "http://" + listen, home: t.TempDir()}
	stop := s.serve(listen, dir)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st", "--shards", "1")
	s.ok("one\n", "put", "web/st")
	tail := s.start("tail", "-f", "web/st", "-o", "raw")
	tail.out.next("one")
	stop()
	tail.err.expect("trying again")
	s.serve(listen, dir)
	tail.err.expect("the server is back")
	s.ok("two\n", "put", "web/st")
	tail.out.next("two")
	tail.interrupt()
}

// A tail with a filter shows what the server lets through, from a time on, and goes on through a restart without loss or doubles.
func TestTailWithFilter(t *testing.T) {
	listen, dir := "127.0.0.1:"+freePort(t), t.TempDir()
	s := &shell{t: t, url: "http://" + listen, home: t.TempDir()}
	stop := s.serve(listen, dir)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st", "--shards", "2")
	s.ok(`{"line":{"token":[" "]}}`, "index", "set", "web/st")
	s.ok("keep one\ndrop one\n", "put", "web/st", "--hash-key", "00")
	tail := s.start("tail", "-f", "web/st", "-o", "raw", "--from", "-1h", "--filter", "keep | extend content = upper(content)")
	tail.out.next("KEEP ONE")
	s.ok("drop two\nkeep two\n", "put", "web/st", "--hash-key", "ff")
	tail.out.next("KEEP TWO")
	stop()
	tail.err.expect("trying again")
	s.serve(listen, dir)
	s.ok("keep three\n", "put", "web/st", "--hash-key", "00")
	tail.out.next("KEEP THREE")
	tail.err.expect("the server is back")
	s.ok("", "shard", "split", "web/st", "0")
	s.ok("keep four\n", "put", "web/st", "--hash-key", "00")
	tail.out.next("KEEP FOUR")
	tail.interrupt()
}

func TestTailOrdersShardsByTimeOfReceipt(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st", "--shards", "4")
	want := []string{}
	for i, key := range []string{"ff", "00", "80", "40", "c0", "00", "ff"} {
		line := strings.Repeat("x", i+1)
		s.ok(line+"\n", "put", "web/st", "--hash-key", key)
		want = append(want, line)
	}
	for n := range len(want) + 1 {
		var out bytes.Buffer
		cmd := s.command("tail", "web/st", "-o", "raw", "-n", string(rune('0'+n)))
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Fields(out.String()), want[len(want)-n:]; strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("tail -n %d: %q, want %q", n, got, want)
		}
	}
}

func TestPutDoesNotHoldBackWhatASlowInputGives(t *testing.T) {
	s := newShell(t)
	s.ok("", "project", "create", "web")
	s.ok("", "logstore", "create", "web/st")
	tail := s.start("tail", "-f", "web/st", "-o", "raw")
	put := s.command("put", "web/st", "--linger", "10ms")
	in, err := put.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := put.Start(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"first", "second"} {
		if _, err := io.WriteString(in, line+"\n"); err != nil {
			t.Fatal(err)
		}
		tail.out.next(line) // while the input is still open
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := put.Wait(); err != nil {
		t.Fatal(err)
	}
	tail.interrupt()
}

// startAhead starts a server whose clock is two hours ahead.
func startAhead(t *testing.T) (url string) {
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.DataDir, c.Root = t.TempDir(), config.Root{AccessKeyID: testenv.RootID, AccessKeySecret: testenv.RootSecret}
	n, err := node.Open(t.Context(), c, node.Options{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := node.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	return "http://" + l.Main.Addr().String()
}

func TestClockSkewIsExplained(t *testing.T) {
	s := &shell{t: t, url: startAhead(t), home: t.TempDir()}
	out, err := s.command("project", "list").CombinedOutput()
	if err == nil {
		t.Fatal("a clock two hours off was accepted")
	}
	told := regexp.MustCompile(`(2h0|1h59)m\d+s behind the server's`) // the server tells whole seconds, and the answer may be on its way for some
	if !told.Match(out) {
		t.Errorf("the difference is not told:\n%s", out)
	}
	out, err = s.command("status").CombinedOutput()
	if err == nil || !told.Match(out) {
		t.Errorf("status, %v:\n%s", err, out)
	}
}

func TestDemo(t *testing.T) {
	s := newShell(t)
	logs := t.TempDir()
	file := filepath.Join(logs, "machine.log")
	if err := os.WriteFile(file, []byte("booted\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(logs, "unreadable.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	demo := s.start("demo", "--save-profile", "try", "--files", filepath.Join(logs, "*.log"))
	demo.err.expect("generated here")
	demo.err.expect("tail -f demo/access")
	demo.err.expect("not there yet")
	access := s.start("--profile", "try", "tail", "-f", "demo/access")
	access.out.expect(`"__topic__":"generated"`)
	syslog := s.start("--profile", "try", "tail", "-f", "demo/syslog", "-o", "raw")
	syslog.out.next("booted")
	added, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer added.Close()
	if _, err := added.WriteString("went on\n"); err != nil {
		t.Fatal(err)
	}
	syslog.out.next("went on")
	demo.interrupt()
	access.interrupt()
	syslog.interrupt()
	again := s.start("demo", "--files", filepath.Join(logs, "*.log"))
	again.err.expect("tail -f demo/access")
	again.interrupt()
}

func TestTheBinaryStaysSmall(t *testing.T) {
	info, err := os.Stat(filepath.Join(bin, "sluice"))
	if err != nil {
		t.Fatal(err)
	}
	const most = 48 << 20 // with symbols; more than half of it is what collectors that run alone bring: clients of Kafka, S3 and the others, and Parquet
	if info.Size() > most {
		t.Errorf("the command line has %d bytes; people copy it to every machine", info.Size())
	}
}
