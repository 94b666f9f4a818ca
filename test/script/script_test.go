// Package script_test runs the command line the way people do: as a built program, against a whole server, from scripts in
// testdata and from the pages of the documentation.
//
// Each script has a server, a home and credentials of its own. Besides the usual commands of testscript there are:
//
//	fails CODE program args...   run it and expect this exit code
//	setenv NAME REGEXP           set a variable to the first group of REGEXP in the last standard output
//	agent NAME ACTIVATION CODE   enrol a machine and connect its agent, a model that says back what it should run
package script_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/assistant/agenttest"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
)

// bin is the directory of the built programs.
var bin string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// build makes the programs the way they are released, the command line without cgo, and runs the tests.
func build(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "sluice-script-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	bin = dir
	for program, cgo := range map[string]string{"sluice": "0", "sluice-agent": "0", "sluiced": "1"} {
		cmd := exec.Command("go", "build", "-o", dir+"/", "../../cmd/"+program)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
		if out, err := cmd.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("build %s: %w\n%s", program, err, out)
		}
	}
	return m.Run(), nil
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setup,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails":  fails,
			"setenv": setenv,
			"agent":  agent,
		},
	})
}

// setup starts the server of a script and points the command line at it.
func setup(env *testscript.Env) error {
	server, err := testenv.Open(filepath.Join(env.WorkDir, ".server"), anyAge, withAgents)
	if err != nil {
		return err
	}
	env.Values[agentAddress{}] = server.Listeners.Agents.Addr().String()
	env.Defer(func() {
		if err := server.Stop(); err != nil {
			panic(fmt.Sprintf("stop the server: %v", err))
		}
	})
	home := filepath.Join(env.WorkDir, ".home")
	env.Vars = append(env.Vars,
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"HOME="+home,
		"TZ=UTC",
		"SLUICE_ENDPOINT="+server.URL(),
		"SLUICE_ACCESS_KEY_ID="+testenv.RootID,
		"SLUICE_ACCESS_KEY_SECRET="+testenv.RootSecret,
	)
	return os.MkdirAll(home, 0o700)
}

// anyAge takes logs with old times, so that scripts can say what they expect to the letter.
func anyAge(c *config.Config) { c.Ingest.MaxPast = 0 }

func withAgents(c *config.Config) { c.Assistant.Listen = "127.0.0.1:0" }

// agentAddress is the key of where a script's agents connect.
type agentAddress struct{}

func agent(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: agent NAME ACTIVATION CODE")
	}
	ctx, address := context.Background(), ts.Value(agentAddress{}).(string)
	m := agentproto.Machine{OS: "linux", MachineID: args[0], AgentVersion: "1", Hostname: args[0]}
	id, err := agenttest.Enrol(ctx, address, args[1], args[2], agentproto.Enrol{Name: args[0], Machine: m})
	ts.Check(err)
	conn, err := id.Dial(ctx, address)
	ts.Check(err)
	a := id.Agent(m, func(t *agentproto.Task) agenttest.Outcome {
		if t.File != nil {
			return agenttest.Outcome{}
		}
		o := agenttest.Outcome{Output: append([]byte("run: "), t.Run.Content...)}
		if bytes.Contains(t.Run.Content, []byte("exit 3")) {
			o.ExitCode = 3
		}
		return o
	})
	a.Connect(conn)
	ts.Defer(a.Disconnect)
	for !a.Connected() {
		runtime.Gosched()
	}
}

func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE program args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		ts.Fatalf("%s succeeded, want exit code %d", args[1], want)
	case !errors.As(err, &exit):
		ts.Fatalf("%s: %v", args[1], err)
	case exit.ExitCode() != want:
		ts.Fatalf("%s: exit code %d, want %d", args[1], exit.ExitCode(), want)
	}
}

func setenv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: setenv NAME REGEXP")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("standard output has nothing that matches %s with one group", args[1])
	}
	ts.Setenv(args[0], found[1])
}
