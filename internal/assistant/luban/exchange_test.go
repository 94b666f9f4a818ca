package luban_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/assistant"
)

var update = flag.Bool("update", false, "rewrite the exchanges in testdata")

// exchange replays a file of testdata: blocks of an input, a line ----, and what comes of it. Lines that begin with # are for readers. Inputs are
//
//	command NAME key=value …    a command that is to run; its content is on the lines below
//	file NAME key=value …       a file that is to be written; its content is on the lines below
//	stop NAME                   StopInvocation
//	modify NAME key=value       ModifyInvocationAttribute
//	deregister                  DeregisterManagedInstance
//	pass DURATION               time passes, and deadlines are looked at
//	dial, hang up               the kick channel
//	word                        waits for what the server says on it
//	heartbeat
//	GET|POST PATH               a signed request; its body is on the lines below, perhaps in quotes
//	show NAME                   the target
//	records NAME N              its N records
//
// $NAME stands for the id of an invocation.
type exchange struct {
	*bed
	t       *testing.T
	client  *client
	channel *channel
	ids     map[string]string
}

func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no exchanges", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b := newBed(t)
			e := &exchange{bed: b, t: t, client: b.registered(keys()[0]), ids: map[string]string{}}
			var out bytes.Buffer
			for _, block := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
				e.block(&out, block)
			}
			got := strings.TrimSpace(out.String()) + "\n"
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(raw) {
				t.Errorf("the exchange is now:\n%s", got)
			}
		})
	}
}

// block runs one block, and writes it with what comes of it.
func (e *exchange) block(out *bytes.Buffer, block string) {
	input, _, asked := strings.Cut(block, "\n----")
	fmt.Fprintln(out, input)
	lines := strings.Split(input, "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "# ") })
	if asked {
		for name, id := range e.ids {
			for i := range lines {
				lines[i] = strings.ReplaceAll(lines[i], "$"+name, id)
			}
		}
		verb, rest, _ := strings.Cut(lines[0], " ")
		body := strings.Join(lines[1:], "\n")
		if quoted, err := strconv.Unquote(body); err == nil {
			body = quoted
		}
		fmt.Fprintf(out, "----\n%s\n", e.hide(e.do(verb, strings.Fields(rest), body)))
	}
	fmt.Fprintln(out)
}

var commandID = regexp.MustCompile(`c-[0-9a-v]{24}`)

// hide puts names for ids that are different each time.
func (e *exchange) hide(text string) string {
	for name, id := range e.ids {
		text = strings.ReplaceAll(text, id, "$"+name)
	}
	text = strings.ReplaceAll(text, e.client.instance, "$instance")
	return commandID.ReplaceAllString(text, "$$command")
}

func (e *exchange) do(verb string, args []string, body string) string {
	switch verb {
	case "GET", "POST":
		status, answer := e.client.call(verb, args[0], body)
		var indented bytes.Buffer
		if json.Indent(&indented, []byte(answer), "", " ") == nil {
			answer = indented.String()
		}
		return fmt.Sprintf("%d %s", status, answer)
	case "heartbeat":
		status, answer := e.client.heartbeat()
		return fmt.Sprintf("%d %s", status, answer)
	case "dial":
		var err error
		if e.channel, err = e.client.dial(); err != nil {
			return err.Error()
		}
		return e.channel.word(e.t)
	case "hang":
		e.must(e.channel.conn.Close())
		e.gone()
		return "gone"
	case "word":
		return e.channel.word(e.t)
	case "pass":
		d, err := time.ParseDuration(args[0])
		e.must(err)
		e.pass(d)
		return e.now().Format("15:04:05")
	case "show":
		return e.show(args[0])
	case "records":
		return e.showRecords(args[0], args[1])
	}
	return e.ask(verb, args, body)
}

// ask does what a user does.
func (e *exchange) ask(verb string, args []string, body string) string {
	e.t.Helper()
	ctx := e.t.Context()
	v := values(args)
	e.pass(time.Millisecond) // ids sort by time
	var err error
	switch verb {
	case "command":
		timeout, _ := strconv.ParseInt(v["timeout"], 10, 64)
		frequency := strings.ReplaceAll(v["frequency"], "_", " ")
		e.ids[args[0]] = e.run(e.client.instance, assistant.Command{Content: body, Name: v["name"], EnableParameter: strings.Contains(body, "{{")}, assistant.Invoke{
			Timeout: timeout, Frequency: frequency, RepeatMode: v["repeat"], Username: v["user"], WorkingDir: v["dir"], TerminationMode: v["termination"],
			ContainerID: v["container"],
		})
	case "file":
		e.ids[args[0]], err = e.svc.Fleet("").SendFile(ctx, assistant.SendFile{
			Targets:  assistant.Targets{Instances: []string{e.client.instance}},
			FileSpec: assistant.FileSpec{Name: v["name"], Content: body, TargetDir: v["dir"], Mode: v["mode"]},
		})
	case "stop":
		err = e.svc.Fleet("").Stop(ctx, args[0], nil)
	case "modify":
		frequency := v["frequency"]
		_, err = e.svc.Fleet("").ModifyInvocation(ctx, args[0], assistant.InvocationChange{Frequency: &frequency})
	case "deregister":
		_, err = e.svc.Fleet("").Deregister(ctx, e.client.instance)
	default:
		e.t.Fatalf("there is no input %q", verb)
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func values(args []string) map[string]string {
	v := map[string]string{}
	for _, a := range args {
		if key, value, ok := strings.Cut(a, "="); ok {
			v[key] = value
		}
	}
	return v
}

func (e *exchange) show(id string) string {
	t := e.target(id)
	text := fmt.Sprintf("%s, %d runs", t.Status, t.Runs)
	if t.RunOpen {
		text += ", one goes on"
	}
	if t.Output != "" {
		text += fmt.Sprintf(", %q", t.Output)
	}
	return text
}

func (e *exchange) showRecords(id, count string) string {
	n, err := strconv.Atoi(count)
	e.must(err)
	var text []string
	for _, r := range e.records(id, n) {
		line := ""
		for _, key := range []string{"Repeats", "InvocationStatus", "ErrorCode", "ErrorInfo", "ExitCode", "Dropped", "Output", "StartTime", "FinishedTime", "FinishTime", "StopTime"} {
			if value, ok := r[key]; ok && value != "" {
				line += fmt.Sprintf(" %s=%q", key, value)
			}
		}
		text = append(text, strings.TrimSpace(line))
	}
	return strings.Join(text, "\n")
}

// gone waits until the server has seen the end of the channel.
func (e *exchange) gone() {
	e.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		l, err := e.svc.Fleet("").Instances(e.t.Context(), assistant.InstanceFilter{IDs: []string{e.client.instance}}, assistant.Page{Size: 1})
		e.must(err)
		if len(l.Rows) == 1 && !l.Rows[0].Connected {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatal("the session does not end")
		}
	}
}
