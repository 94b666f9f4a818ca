// Package tools finds the programs of others that tests run, where `make compat` has put them: ./.tools of the module.
package tools

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Dir returns the directory of a tool, and fails the test if it is not there.
func Dir(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("the test does not run inside the module")
		}
		dir = parent
	}
	tool := filepath.Join(dir, ".tools", name)
	if _, err := os.Stat(tool); err != nil {
		t.Fatalf("%s is not there: make compat installs it", tool)
	}
	return tool
}

// FreeAddresses finds addresses on loopback that nobody listens on, for programs that cannot choose a port themselves and say which.
func FreeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // together, so that all are different
		out = append(out, l.Addr().String())
	}
	return out
}

// Run starts a program of others, and ends it at the end of the test; it returns as soon as something listens on each of the addresses.
func Run(t testing.TB, addresses []string, env []string, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), said.String())
		}
	})
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	tooLong := time.After(time.Minute)
	for len(addresses) > 0 {
		if c, err := net.Dial("tcp", addresses[0]); err == nil {
			c.Close()
			addresses = addresses[1:]
			continue
		}
		select {
		case <-again.C:
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v", filepath.Base(program), err)
		case <-tooLong:
			t.Fatalf("%s does not listen on %s", filepath.Base(program), addresses[0])
		}
	}
}
