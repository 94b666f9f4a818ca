package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// environ makes a lookup of variables.
func environ(pairs ...string) func(string) (string, bool) {
	vars := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		vars[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) {
		text, ok := vars[name]
		return text, ok
	}
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluiced.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	c, err := Load(nil, environ())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c); diff != "" {
		t.Errorf("nothing given (-want +got):\n%s", diff)
	}
}

func TestOrder(t *testing.T) {
	path := writeFile(t, "data_dir: /file\nlisten: ':1'\nbase_domain: file.example\ningest:\n  max_logs: 1\n  max_tags: 1\n")
	c, err := Load(
		[]string{"--config", path, "--base-domain=flag.example", "--ingest-max-logs", "3"},
		environ("SLUICE_LISTEN", ":2", "SLUICE_BASE_DOMAIN", "env.example", "SLUICE_INGEST_MAX_LOGS", "2",
			"SLUICE_INGEST_MAX_TAGS", "", "SLUICE_ROOT_ACCESS_KEY_ID", "admin", "SLUICE_ROOT_ACCESS_KEY_SECRET", "hush-hush",
			"SLUICE_ENDPOINT", "not ours"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.DataDir, want.Listen, want.BaseDomain = "/file", ":2", "flag.example"
	want.Ingest.MaxLogs, want.Ingest.MaxTags = 3, 1
	want.Root = Root{AccessKeyID: "admin", AccessKeySecret: "hush-hush"}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFileFromEnvironment(t *testing.T) {
	first, second := writeFile(t, "data_dir: /first"), writeFile(t, "data_dir: /second")
	c, err := Load(nil, environ(ConfigEnv, first))
	if err != nil || c.DataDir != "/first" {
		t.Errorf("got %q and error %v, want the file that the environment names", c.DataDir, err)
	}
	c, err = Load([]string{"--config", second}, environ(ConfigEnv, first))
	if err != nil || c.DataDir != "/second" {
		t.Errorf("got %q and error %v, want the file that the flag names", c.DataDir, err)
	}
}

// A flag that says what the default says still wins over the file.
func TestFlagGivenWithItsDefault(t *testing.T) {
	path := writeFile(t, "split: {after: 1h}\nstorage: {min_free_bytes: 1GiB}")
	c, err := Load([]string{"--config", path, "--split-after", "5m", "--storage-min-free-bytes=128MiB"}, environ())
	if err != nil || c.Split.After != 5*time.Minute || c.Storage.MinFreeBytes != 128*MiB {
		t.Errorf("got %+v, %+v and error %v, want the flags' values", c.Split, c.Storage, err)
	}
}

func TestEverySettingHasAllItsNames(t *testing.T) {
	for _, s := range Default().Settings() {
		if s.EnvOnly {
			continue
		}
		other := map[string]string{
			"string": "warn", "number": "77", "size": "33MiB", "duration": "7s",
			"true|false": "true",
		}[s.Type()]
		switch s.Path {
		case "log.format":
			other = "json"
		case "listen", "admin.listen", "assistant.listen", "assistant.luban_listen":
			other = ":0"
		case "tls.cert", "tls.key", "tls.client_ca", "tls.listen": // need each other: TestTLS
			continue
		case "ingest.max_body_bytes", "ingest.max_compressed_bytes", "ingest.max_key_bytes", "ingest.max_value_bytes":
			other = "2MiB"
		case "storage.journal_bytes":
			other = "2GiB"
		case "index.store": // needs others: TestBucket
			continue
		case "index.cache_bytes":
			other = "65MiB"
		case "index.endpoint", "trail.s3_endpoint":
			other = "http://warn"
		case "index.prefix":
			other = "warn/"
		case "index.address_style", "trail.s3_address_style":
			other = "host"
		case "index.encryption":
			other = "sse-s3"
		case "delivery.bucket_ownership":
			other = "token"
		case "delivery.allow_networks", "delivery.deny_networks", "server.trusted_proxies", "agents.networks":
			other = "127.0.0.1,10.0.0.0/8"
		case "delivery.oss_buckets":
			other = "shop-*:shop-logs,ops:*"
		case "trail.buckets":
			other = "root:*,1234567890123456:shop.audit"
		case "trail.account_aliases":
			other = "root:123456789012,1234567890123456:000000000001"
		}
		group, name := s.Split()
		text := name + ": " + other
		if group != "" {
			text = group + ":\n  " + text
		}
		for from, load := range map[string]func() (*Config, error){
			"file":        func() (*Config, error) { return Load([]string{"--config", writeFile(t, text)}, environ()) },
			"environment": func() (*Config, error) { return Load(nil, environ(s.Env(), other)) },
			"flag":        func() (*Config, error) { return Load([]string{"--" + s.Flag(), other}, environ()) },
		} {
			c, err := load()
			if err != nil {
				t.Errorf("%s from %s: %v", s.Path, from, err)
				continue
			}
			changed := 0
			was := Default().Settings()
			for i, now := range c.Settings() {
				if now.String() != was[i].String() {
					changed++
					if now.Path != s.Path || now.String() != other {
						t.Errorf("%s from %s: %s became %s", s.Path, from, now.Path, now)
					}
				}
			}
			if changed != 1 {
				t.Errorf("%s from %s changed %d settings", s.Path, from, changed)
			}
		}
	}
}

func TestFlagsHaveHelp(t *testing.T) {
	fs := pflag.NewFlagSet("sluiced", pflag.ContinueOnError)
	Default().Flags(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		if len(f.Usage) < 20 || !strings.Contains(f.Usage, "SLUICE_") {
			t.Errorf("--%s: help is %q", f.Name, f.Usage)
		}
	})
	if f := fs.Lookup("data-dir"); f == nil || f.DefValue != "./data" || f.Value.Type() != "string" {
		t.Errorf("got --data-dir %+v", f)
	}
	for _, secret := range []string{"root-access-key-id", "root-access-key-secret"} {
		if fs.Lookup(secret) != nil {
			t.Errorf("--%s would show credentials in the list of processes", secret)
		}
	}
}

func TestFileRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", "data_dir: x\nbogus: 1", `line 2: unknown setting "bogus"`},
		{"unknown key of a group", "log:\n  level: info\n  colour: red", `line 3: unknown setting "log.colour"`},
		{"path as a key", "log.level: info", `line 1: unknown setting "log.level"`},
		{"merge", "<<: {data_dir: x}", `line 1: unknown setting "<<"`},
		{"key twice", "listen: ':1'\nlisten: ':2'", `line 2: "listen" is given twice`},
		{"group twice", "log: {level: info}\nlog: {format: json}", `line 2: "log" is given twice`},
		{"no value", "listen:", "line 1: listen needs one value"},
		{"list", "listen: [a, b]", "line 1: listen needs one value"},
		{"alias", "data_dir: &a x\nlisten: *a", "line 2: listen needs one value"},
		{"group without settings", "log: debug", "line 1: names and values are expected here"},
		{"list at the top", "- listen", "line 1: names and values are expected here"},
		{"not a number", "ingest:\n  max_logs: many", `line 2: ingest.max_logs: "many" is not a whole number`},
		{"not a size", "ingest:\n  max_body_bytes: 1TB", `line 2: ingest.max_body_bytes: "1TB" is not a size`},
		{"not a duration", "split:\n  after: 5", `line 2: split.after: "5" is not a duration`},
		{
			"credentials", "root:\n  access_key_secret: hush-hush",
			"line 2: root.access_key_secret is read from the environment variable SLUICE_ROOT_ACCESS_KEY_SECRET only",
		},
		{"two documents", "listen: ':1'\n---\nlisten: ':2'", "nothing may follow the first document"},
		{"not YAML", "listen: [", "config file"},
		{"too large", "# " + strings.Repeat("x", maxFile), "larger than 1MiB"},
	} {
		path := writeFile(t, c.text)
		_, err := Load([]string{"--config", path}, environ())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one with the path and %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%s: the error holds a secret", c.name)
		}
	}
	_, err := Load([]string{"--config", writeFile(t, "bogus: 1\nworse: 2")}, environ())
	if err == nil || !strings.Contains(err.Error(), "bogus") || !strings.Contains(err.Error(), "worse") {
		t.Errorf("got error %v, want one that names all that is wrong", err)
	}
	if _, err := Load([]string{"--config", filepath.Join(t.TempDir(), "no")}, environ()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v, want that the file does not exist", err)
	}
}

func TestEmptyFile(t *testing.T) {
	for _, text := range []string{"", "# a comment\n", "\n\n"} {
		if _, err := Load([]string{"--config", writeFile(t, text)}, environ()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestEnvironmentAndFlagsRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  []string
		want string
	}{
		{nil, []string{"SLUICE_INGEST_MAX_LOGS", "many"}, "environment variable SLUICE_INGEST_MAX_LOGS is not a whole number"},
		{nil, []string{"SLUICE_LISTEN", "nowhere"}, "listen is not HOST:PORT"},
		{nil, []string{"SLUICE_ROOT_ACCESS_KEY_ID", "admin"}, "go together"},
		{nil, []string{"SLUICE_ROOT_ACCESS_KEY_SECRET", "hush-hush"}, "go together"},
		{[]string{"--ingest-max-logs", "many"}, nil, "is not a whole number"},
		{[]string{"--bogus"}, nil, "unknown flag"},
	} {
		_, err := Load(c.args, environ(c.env...))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%v %v: got error %v, want one with %q", c.args, c.env, err, c.want)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct{ setting, bad, good string }{
		{"data_dir", "", "x"},
		{"listen", "", ":0"},
		{"listen", "127.0.0.1", "127.0.0.1:0"},
		{"listen", "127.0.0.1:65536", "[::1]:65535"},
		{"listen", "127.0.0.1:http", "localhost:80"},
		{"base_domain", "", "localhost"},
		{"base_domain", "UPPER.example", "lower.example"},
		{"base_domain", "a..b", "a.b"},
		{"base_domain", "-a.b", "a-a.b"},
		{"base_domain", "a.b:80", "a.b"},
		{"base_domain", "127.0.0.1", "1.example"},
		{"base_domain", strings.Repeat("a.", 95), strings.Repeat("a.", 94) + "a"},
		{"log.level", "loud", "debug"},
		{"log.format", "xml", "json"},
		{"server.max_requests", "0", "1"},
		{"server.shutdown_timeout", "999ms", "1s"},
		{"ingest.max_body_bytes", "31457281", "30MiB"},
		{"ingest.max_body_bytes", "0", "1KiB"},
		{"ingest.max_compressed_bytes", "33MiB", "32MiB"},
		{"ingest.max_logs", "0", "1"},
		{"ingest.max_key_bytes", "0", "1"},
		{"ingest.max_value_bytes", "0", "1"},
		{"ingest.max_tags", "-1", "1"},
		{"ingest.max_past", "-1s", "0s"},
		{"ingest.max_future", "-1s", "0s"},
		{"quota.shard_write_requests", "-1", "0"},
		{"quota.project_read_requests", "-1", "1"},
		{"storage.journal_file_bytes", "1KiB", "1MiB"},
		{"storage.journal_bytes", "127MiB", "128MiB"},
		{"storage.min_free_bytes", "1048577GiB", "0"},
		{"index.store", "s4", "dir"},
		{"index.cache_bytes", "63MiB", "64MiB"},
		{"index.endpoint", "s3.example.com", "https://s3.example.com"},
		{"index.endpoint", "http://s3.example.com/path", "http://127.0.0.1:7070/"},
		{"index.endpoint", "http://key:secret@s3.example.com", ""},
		{"index.region", "", "eu-central-1"},
		{"index.bucket", "Logs", "logs"},
		{"index.bucket", "a", "a.b-c"},
		{"index.prefix", "no-slash", ""},
		{"index.prefix", "../", "a/b.c/"},
		{"index.prefix", "/", "=/"},
		{"index.address_style", "", "host"},
		{"index.encryption", "aws:kms", "sse-s3"},
		{"limits.projects_per_account", "0", "1"},
		{"limits.machines_per_account", "0", "1"},
		{"limits.shards_per_project", "0", "1"},
		{"limits.logstores_per_project", "0", "1"},
		{"retention.interval", "0s", "1s"},
		{"split.after", "0s", "1s"},
		{"split.bytes_per_second", "0", "1"},
		{"split.writes_per_second", "0", "1"},
	} {
		validate := func(text string) error {
			config := Default()
			for _, s := range config.Settings() {
				if s.Path == c.setting {
					if err := s.Set(text); err != nil {
						t.Fatalf("%s: %q: %v", c.setting, text, err)
					}
				}
			}
			return config.Validate()
		}
		if err := validate(c.bad); err == nil || !strings.HasPrefix(err.Error(), c.setting+" ") {
			t.Errorf("%s: %q: got error %v, want one that begins with the setting's name", c.setting, c.bad, err)
		}
		if err := validate(c.good); err != nil {
			t.Errorf("%s: %q: %v", c.setting, c.good, err)
		}
	}
}

// A bucket needs its name and a key; the key is never printed.
func TestBucket(t *testing.T) {
	_, err := Load([]string{"--index-store", "s3"}, environ())
	for _, want := range []string{"index.bucket is empty", "SLUICE_INDEX_ACCESS_KEY_ID and"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	c, err := Load([]string{"--index-store", "s3", "--index-bucket", "logs"},
		environ("SLUICE_INDEX_ACCESS_KEY_ID", "hush-id", "SLUICE_INDEX_SECRET_ACCESS_KEY", "hush-hush"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil || strings.Contains(out.String(), "hush") || !strings.Contains(out.String(), "bucket: logs") {
		t.Errorf("printed, with error %v:\n%s", err, out.String())
	}
}

func TestPrintComesBack(t *testing.T) {
	for _, dir := range []string{"~: #\"'\n", "null", "~", "1", " x ", "*a", "two\nlines", "é\u2028"} {
		testPrintComesBack(t, dir)
	}
}

func testPrintComesBack(t *testing.T, dir string) {
	t.Helper()
	c := Default()
	c.DataDir = dir
	c.Ingest.MaxPast, c.Split.After = 36*time.Hour+5*time.Second, 90*time.Minute
	c.Ingest.MaxBodyBytes = 12345678
	c.Root = Root{AccessKeyID: "admin-id", AccessKeySecret: "hush-hush"}
	var out bytes.Buffer
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "admin-id") || strings.Contains(out.String(), "hush-hush") {
		t.Errorf("credentials are printed:\n%s", out.String())
	}
	back, err := Load([]string{"--config", writeFile(t, out.String())}, environ())
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	c.Root = Root{}
	if diff := cmp.Diff(c, back); diff != "" {
		t.Errorf("(-printed +read):\n%s", diff)
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	c := Default()
	c.Root = Root{AccessKeyID: "admin-id", AccessKeySecret: "hush-hush"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb, *c)
		fmt.Fprintf(&out, verb, c.Root.AccessKeySecret)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "secret", c.Root.AccessKeySecret)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c, "secret", c.Root.AccessKeySecret)
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(raw)
	if strings.Contains(out.String(), "admin-id") || strings.Contains(out.String(), "hush-hush") {
		t.Errorf("secrets show:\n%s", out.String())
	}
	if c.Root.AccessKeySecret.Reveal() != "hush-hush" {
		t.Error("Reveal does not reveal")
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "1": 1, "1B": 1, "1023": 1023, "1KiB": 1024, "1 KiB": 1024, "10MiB": 10485760, "3GiB": 3221225472,
		"9223372036854775807": 1<<63 - 1,
	} {
		got, err := ParseBytes(text)
		if err != nil || got != want {
			t.Errorf("%q: got %d and error %v, want %d", text, got, err, want)
		}
		if back, err := ParseBytes(got.String()); err != nil || back != want {
			t.Errorf("%q: printed as %q, read as %d with error %v", text, got, back, err)
		}
	}
	for _, text := range []string{
		"", "-1", "KiB", "1.5MiB", "1KB", "1kib", "1TiB", "9223372036854775808", "9007199254740992KiB", "0x10", "1_000",
	} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

// Whatever stands in a file, reading it ends; what was read and is valid can be printed and read again.
func FuzzFile(f *testing.F) {
	f.Add([]byte("listen: ':0'\ningest: {max_logs: 5, max_past: 1h}\n"))
	f.Add([]byte("a: &a [*a]\n<<: *a"))
	f.Add([]byte("data_dir: \"\\x85\\u2028\"\n? [x]\n: y"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := Default()
		if c.read(bytes.NewReader(raw), "fuzz") != nil || c.Validate() != nil {
			return
		}
		var out bytes.Buffer
		if err := c.Print(&out); err != nil {
			t.Fatal(err)
		}
		back := Default()
		if err := back.read(&out, "printed"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Errorf("(-printed +read):\n%s", diff)
		}
	})
}

// The settings of TLS say one thing together.
func TestTLS(t *testing.T) {
	f := func(wrong string, args ...string) {
		t.Helper()
		_, err := Load(args, environ())
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%q: got error %v, want one about %q", args, err, wrong)
		}
	}
	f("", "--tls-cert", "c", "--tls-key", "k")
	f("", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a", "--tls-listen", ":0")
	f("tls.cert", "--tls-cert", "c")
	f("tls.cert", "--tls-key", "k")
	f("tls.client_ca", "--tls-client-ca", "a")
	f("tls.listen", "--tls-listen", ":0")
	f("tls.listen", "--tls-cert", "c", "--tls-key", "k", "--tls-listen", "443")
	f("admin.listen", "--admin-listen", "somewhere")
}

func TestAliases(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "root:123456789012": true, "root:123456789012, 7:000000000001": true, "root:12345678901": false, "shop:123456789012": false,
		"1:123456789012,2:123456789012": false, "1:123456789012,1:123456789013": false, "root": false,
	} {
		if _, err := ParseAliases(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
