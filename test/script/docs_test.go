package script_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
)

const root = "../.."

// pages are the pages whose commands run here, with what their output has to show. A page that is not in the list, or a
// line that is not shown, fails.
var pages = map[string][]string{
	"README.md": {
		"accepted      yes", `"__topic__":"generated"`, "oldest undelivered", "GROUPS TO GO", "project tour created", "disk almost full", "read in tour", "hello from Go",
	},
	"docs/howto/connect-go-sdk.md":     {"greetings msg hello from Go", `"msg":"hello from Go"`},
	"docs/howto/connect-python-sdk.md": {},
	"docs/howto/connect-nodejs-sdk.md": {},
	"docs/howto/connect-java-sdk.md":   {},
	"docs/howto/connect-log4j.md":      {},
	"docs/howto/connect-cli.md":        {},
	"docs/howto/connect-openapi.md":    {},
	"docs/howto/connect-java-tools.md": {},
	"docs/howto/connect-terraform.md":  {}, // test/compat/golang makes the calls of the provider, TestTerraformPage looks at what it names
	"docs/howto/connect-fluent-bit.md": {}, // test/compat/golang/fluentbit takes the way of the plugins
	"docs/howto/web-tracking.md":       {`"page":"/cart","user":"ada"`, `"__tag__:release":"42"`, `"page":"/pay"`},
	"docs/howto/consumer-groups.md":    {": order 1", ": order 2", ": order 3", "0 log groups to consume", "1 log group to consume"},
	"docs/howto/access-keys.md":        {"app", "read in howto-keys", "denied", "disabled", "deleted", "security token", "100 requests, 5MiB per second"},
	"docs/howto/identity.md": {
		"acs:ram::", ":user/shipper", "Custom policy shipper", "no policy allows it", "line 1:", "is not a resource", "denied by sts or ram",
		"System policy ReadOnlyAccess of group operators", "the project's policy denies it", ":role/auditor", "belongs to another account",
		"account ", " deleted",
	},
	"docs/howto/message-queues.md": {
		"queue orders created", "orders       3 ", "orders       2 ", "urgent", "2 messages sent", `"__topic__":"orders"`, "1 message deleted",
	},
	"docs/howto/audit.md": {
		"Sls DeleteLogStore  root  scratch", "SignatureNotMatch", `"who":"root"`, "logstore      ok", "the history is delivered", "DeleteLogStore", "Sls      PostLogStoreLogs, GetLogStoreLogs",
	},
	"docs/howto/delete-logs.md": {
		"1 log of howto-delete/app from", "1 log deleted", "SUCCEEDED", `"msg":"logged in"`, "\nlogged in with password=hunter2\n", "howto-cleaner", "the project's policy denies it",
		`"which":"user: ada and status: 500"`, `"logs":1`, "nothing found", `"edited":{"present":true}`,
	},
	"docs/howto/cloudtrail.md":    {`"EventName":"CreateProject"`, `"Username":"root"`, "howto-trail"},
	"docs/howto/edge-logs.md":     {"shop.example", "/pay", "502"},
	"docs/howto/backup.md":        {"\nworth keeping\n", "BACKUP  monday.tar", "restored ", "there already", "the backup is damaged", " with monday\n", "\n2026-11-24\n2026-11-25\nBACKUP", " with backups/2026-11-24\n"},
	"docs/howto/tls.md":           {"howto-tls  20"},
	"docs/howto/audit-record.md":  {"good: all is as it was written", "\n0\n", "are signed, ", "signs from event ", "signed for events 1 to ", "[\n  false,\n  true\n]", "is not one of the record"},
	"docs/howto/look-inside.md":   {"ok\n", `"go":"go1.`},
	"docs/howto/slog.md":          {`"message":"order placed"`, `"price.currency":"EUR"`, `"release":"42"`, `"reason":"no funds","code":"51"`},
	"docs/howto/copy-and-dump.md": {"1,000 logs of", "\n1000\n", "access_0.jsonl", "1,000 logs (", "shards taking logs"},
	"docs/howto/collect.md":       {"shop/access_log_service", "ready", "Number of events generated and sent: 100;", "\n100\n", `"page":"/item/1"`, `"@devo_pulling_id":"`},
	"docs/howto/configuration-as-code.md": {
		"+ delivery howto-code/errors", "nothing changed", "ttl: 90 → 14", "- logstore howto-code/extra", "0 changes to make",
	},
	"docs/howto/agent-on-machines.md":      {"enrolled as mi-", "hello from mi-", "yes, since", "ok    cgroups", "here     Success"},
	"docs/howto/doctor.md":                 {"v1 is accepted", "fix: Check the secret", "project names"},
	"docs/howto/agents.md":                 {}, // internal/wire/agent tests what it says
	"docs/howto/open-with-duckdb.md":       {"segments/0", ".parquet"},
	"docs/howto/commands.md":               {"activation  a-"},
	"docs/howto/cloud-assistant-client.md": {"\nok\n", "activation  a-"},
	"docs/howto/segments-in-a-bucket.md":   {}, // internal/node tests what it says on a real S3 server
	"docs/howto/import-cloudtrail.md":      {}, // TestImportPage runs it on a real S3 server
	"docs/howto/search.md": {
		"connection refused, giving up", "\n                           ^\n", "\n/cart\n", "30 logs from", "6 logs from",
		"ts,method,path,status,took,msg\n", "in steps of 2m", "\nlist  12\n", "\ncart  18\n", `"path":"/cart/live","took":"2.5"`,
		"search    path:cart and #\"connection refused\"\n", "found       6 logs", "read the shard logs",
	},
}

// block is a fenced block of a page.
type block struct {
	language string
	mark     string // what stands behind the language
	text     string
}

var fence = regexp.MustCompile("(?ms)^```(\\w*) ?(.*?)$\n(.*?)^```$")

func blocksOf(t *testing.T, page string) (blocks []block) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fence.FindAllStringSubmatch(string(raw), -1) {
		blocks = append(blocks, block{language: m[1], mark: m[2], text: m[3]})
	}
	return blocks
}

func allPages(t *testing.T) []string {
	t.Helper()
	howto, err := filepath.Glob(filepath.Join(root, "docs/howto/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"README.md"}
	for _, path := range howto {
		list = append(list, "docs/howto/"+filepath.Base(path))
	}
	return list
}

// The commands of the pages do what the pages say. Blocks of sh are run, one page in one shell; those marked "fails" have to
// fail; those marked "s3" run with an S3 server (TestImportPage), and those marked "compat" want SDKs of other languages and run with make compat.
func TestPages(t *testing.T) {
	for _, page := range allPages(t) {
		want, listed := pages[page]
		if !listed {
			t.Errorf("%s is not in the list of pages", page)
			continue
		}
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			script := scriptOf(t, page, "")
			for _, tool := range []string{"curl", "openssl"} {
				if _, err := exec.LookPath(tool); err != nil && strings.Contains(script, tool+" ") {
					t.Skipf("this page needs %s", tool)
				}
			}
			out := runPage(t, script, page == "README.md")
			for _, text := range want {
				if !strings.Contains(out, text) {
					t.Errorf("the output does not show %q:\n%s", text, out)
				}
			}
		})
	}
}

// scriptOf joins the blocks of a page that are marked so.
func scriptOf(t *testing.T, page, mark string) string {
	var script strings.Builder
	script.WriteString("set -eu\n")
	for _, b := range blocksOf(t, page) {
		switch {
		case b.language != "sh":
		case b.mark != "" && b.mark != "compat" && b.mark != "fails" && b.mark != "s3":
			t.Errorf("%s: a block is marked %q", page, b.mark)
		case b.text == "make run\n": // stood in for by the server of the test
		case b.mark == "fails" && mark == "":
			fmt.Fprintf(&script, "if { %s}; then echo 'this had to fail' >&2; exit 1; fi\n", b.text)
		case b.mark == mark:
			script.WriteString(b.text)
		}
	}
	return script.String()
}

// runPage runs a script where make run has been: bin, docs, data/root.env and the profile make-run are there, and with demo the demo
// ships. Only addresses are changed, because a test has no fixed port.
func runPage(t *testing.T, script string, demo bool) string {
	t.Helper()
	return runPageOn(t, testenv.Start(t, withAgents), script, demo)
}

// runPageOn is runPage with a server that the caller has started.
func runPageOn(t *testing.T, server *testenv.Env, script string, demo bool) string {
	t.Helper()
	dir := t.TempDir()
	prepare(t, dir, server)
	s := &shell{t: t, url: server.URL(), home: filepath.Join(dir, "home")}
	if demo {
		d := s.start("demo", "--save-profile", "make-run", "--files", filepath.Join(dir, "no", "*.log"))
		d.err.expect("tail -f demo/access")
		first := s.start("tail", "-f", "demo/access")
		first.out.expect("generated")
		first.interrupt()
		t.Cleanup(d.interrupt)
	} else {
		s.ok("", "profile", "set", "make-run", "--endpoint", server.URL(), "--access-key-id", testenv.RootID, "--access-key-secret", testenv.RootSecret)
	}
	_, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	agents := ":8443"
	if l := server.Listeners.Agents; l != nil {
		_, agentPort, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		agents = ":" + agentPort
	}
	script = strings.NewReplacer(
		":8443", agents, "go run -C ", "go run -C "+absolute+"/", ":8080", ":"+port, ":8090", ":"+freePort(t), ":8091", ":"+freePort(t), "go run ", "go run -C "+absolute+" ", "python3 ", cmp.Or(os.Getenv("PYTHON"), "python3")+" ",
	).Replace(script)

	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "SLUICE_") || strings.HasSuffix(strings.ToLower(name), "_proxy") || name == "XDG_CONFIG_HOME"
	})
	cmd.Env = append(cmd.Env, "XDG_CONFIG_HOME="+filepath.Join(s.home, ".config"), "SLUICE_STORAGE_MIN_FREE_BYTES=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// prepare makes what make build and make run leave in the directory.
func prepare(t *testing.T, dir string, server *testenv.Env) {
	t.Helper()
	if err := os.Symlink(bin, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	docs, err := filepath.Abs(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(docs, filepath.Join(dir, "docs")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(server.DataDir(), "index"), filepath.Join(dir, "data", "index")); err != nil {
		t.Fatal(err)
	}
	env := fmt.Sprintf("export SLUICE_ENDPOINT=%s\nexport SLUICE_ACCESS_KEY_ID=%s\nexport SLUICE_ACCESS_KEY_SECRET=%s\n",
		server.URL(), testenv.RootID, testenv.RootSecret)
	if err := os.WriteFile(filepath.Join(dir, "data", "root.env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freePort is a port that was free a moment ago, for a server that a page starts itself. It is below those that systems hand out, or whatever
// else runs could be given it before the server comes.
func freePort(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(22_000))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal(err)
	return ""
}

// A program shown on a page is the file in examples, so that what is read is what was run.
func TestPagesShowTheExamples(t *testing.T) {
	shown := map[string]bool{}
	for _, page := range allPages(t) {
		for _, b := range blocksOf(t, page) {
			shown[b.text] = true
		}
	}
	count := 0
	look := func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		count++
		if !shown[string(raw)] {
			t.Errorf("no page shows %s as it is", path)
		}
		return nil
	}
	for _, dir := range []string{"docs/howto/examples", "test/compat/golang/connect"} {
		if err := filepath.WalkDir(filepath.Join(root, dir), look); err != nil {
			t.Fatal(err)
		}
	}
	if count == 0 {
		t.Error("there are no examples")
	}
}

// The page about Terraform shows only resources whose calls have been made by the tests that wrote the table of clients.
func TestTerraformPage(t *testing.T) {
	table, err := os.ReadFile(filepath.Join(root, "docs/compat.md"))
	if err != nil {
		t.Fatal(err)
	}
	resource := regexp.MustCompile(`(?m)^resource "(\w+)"`)
	count := 0
	for _, b := range blocksOf(t, "docs/howto/connect-terraform.md") {
		for _, m := range resource.FindAllStringSubmatch(b.text, -1) {
			count++
			proven := regexp.MustCompile(`(?m)^\| Terraform provider [^|]*\|[^|]*\| works \|.* ` + m[1] + ` create`)
			if !proven.Match(table) {
				t.Errorf("the page shows %s, of which docs/compat.md says nothing", m[1])
			}
		}
	}
	if count == 0 {
		t.Error("the page shows no resource")
	}
}

// Links between pages lead somewhere.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, page := range allPages(t) {
		raw, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}
