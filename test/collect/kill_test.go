package collect

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	kills = flag.Int("collect.kills", 100, "how often the collector is killed; -short does 8")
	seed  = flag.Uint64("collect.seed", uint64(time.Now().UnixNano()), "of the choice of moments")
)

// buildSluice builds the command line.
func buildSluice(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sluice")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/sluice").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// process is a collector of its own.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  strings.Builder
}

func run(t *testing.T, binary, file string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, "collector", "run", "-f", file)}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+filepath.Dir(file)) // what it cannot remove when it is killed
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	return p
}

// line reads lines until one has a text; "" is any.
func (p *process) line(t *testing.T, text string) {
	t.Helper()
	for p.lines.Scan() {
		fmt.Fprintln(&p.said, p.lines.Text())
		if strings.Contains(p.lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the collector ended and did not say %q: %v\n%s", text, p.cmd.Wait(), p.said.String())
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() {
	}
	_ = p.cmd.Wait() // it was killed
}

// TestKilledCollector kills the program after a random number of lines of its log, and starts it again, while the source is written. The target has
// exactly the source's logs at the end.
func TestKilledCollector(t *testing.T) {
	n := *kills
	if testing.Short() {
		n = min(n, 8)
	}
	t.Logf("seed %d", *seed)
	rnd := rand.New(rand.NewPCG(*seed, 2))
	p, binary := newPair(t), buildSluice(t)
	file := filepath.Join(t.TempDir(), "collector.yaml")
	if err := os.WriteFile(file, []byte(config(p.source.Addr, p.target.Addr)), 0o600); err != nil {
		t.Fatal(err)
	}
	for range n {
		p.writer.write(t, rnd.IntN(60))
		c := run(t, binary, file)
		for range rnd.IntN(14) {
			c.line(t, "")
		}
		c.kill(t)
	}
	c := run(t, binary, file)
	c.line(t, upToDate)
	c.line(t, upToDate)
	c.kill(t)
	checkOnce(t, numbers(t, p.direct, into, "number"), p.writer.next)
}
