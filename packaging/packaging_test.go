// Package packaging_test checks what is beside it, as far as that goes without the programs that it is for.
package packaging_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/internal/config"
)

func noEnvironment(string) (string, bool) { return "", false }

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The unit is one that systemd takes, and the configuration beside it one that the server takes.
func TestSystemd(t *testing.T) {
	if _, err := config.Load([]string{"--config", "systemd/sluice.yaml"}, noEnvironment); err != nil {
		t.Error(err)
	}
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze")
	}
	program, err := exec.LookPath("true") // verify wants programs that exist
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sluiced", "sluice-agent"} {
		unit := readFile(t, "systemd/"+name+".service")
		path := filepath.Join(t.TempDir(), name+".service")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/local/bin/"+name, program)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(tool, "verify", "--man=no", path).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("systemd-analyze verify %s: %v\n%s", name, err, out)
		}
	}
}

// Every environment variable that the image and compose set is a setting, and what they say together is a configuration.
func TestContainer(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Default().Settings() {
		known[s.Env()] = true
	}
	env := map[string]string{}
	for line := range strings.Lines(readFile(t, "docker/Dockerfile")) {
		if text, found := strings.CutPrefix(line, "ENV "); found {
			for pair := range strings.FieldsSeq(text) {
				name, value, _ := strings.Cut(pair, "=")
				env[name] = value
			}
		}
	}
	if len(env) == 0 {
		t.Fatal("the Dockerfile sets no environment")
	}
	var compose struct {
		Services map[string]struct {
			Build       struct{ Context, Dockerfile string }
			Environment map[string]string
		}
	}
	if err := yaml.Unmarshal([]byte(readFile(t, "docker/compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	service := compose.Services["sluice"]
	if _, err := os.Stat(filepath.Join("docker", service.Build.Context, service.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	for name, value := range service.Environment {
		if !strings.HasPrefix(value, "${") {
			env[name] = value
		} else if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	for name := range env {
		if !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	if _, err := config.Load(nil, func(name string) (string, bool) { value, ok := env[name]; return value, ok }); err != nil {
		t.Error(err)
	}
}

// helmFuncs are what the chart uses of Helm's functions.
var helmFuncs = template.FuncMap{
	"toYaml": func(v any) (string, error) {
		raw, err := yaml.Marshal(v)
		return strings.TrimSuffix(string(raw), "\n"), err
	},
	"indent": func(n int, text string) string {
		pad := strings.Repeat(" ", n)
		return pad + strings.ReplaceAll(text, "\n", "\n"+pad)
	},
	"quote":     func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
	"sha256sum": func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
}

// render renders the chart and returns its objects by kind.
func render(t *testing.T, change func(values map[string]any)) map[string]map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(readFile(t, "helm/sluice/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	change(values)
	files, err := filepath.Glob("helm/sluice/templates/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no templates", err)
	}
	objects := map[string]map[string]any{}
	for _, file := range files {
		made, err := template.New(filepath.Base(file)).Funcs(helmFuncs).Option("missingkey=error").ParseFiles(file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := made.Execute(&out, map[string]any{"Values": values, "Release": map[string]any{"Name": "logs"}}); err != nil {
			t.Fatal(err)
		}
		for d := yaml.NewDecoder(&out); ; {
			object := map[string]any{}
			err := d.Decode(&object)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			objects[object["kind"].(string)] = object
		}
	}
	return objects
}

// at walks into an object by keys and indexes.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v: %v has no %q", path, v, step)
			}
			v = m[step]
		case int:
			list, ok := v.([]any)
			if !ok || step >= len(list) {
				t.Fatalf("%v: %v has no %d", path, v, step)
			}
			v = list[step]
		}
	}
	return v
}

// With and without its options, the chart starts the server with a configuration that it takes, and mounts what that names.
func TestChart(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"defaults": func(map[string]any) {},
		"everything": func(v map[string]any) {
			v["existingSecret"], v["tlsSecret"] = "root", "certificate"
			v["persistence"].(map[string]any)["storageClass"] = "fast"
			v["tolerations"] = []any{map[string]any{"key": "logs", "operator": "Exists"}}
			v["service"].(map[string]any)["annotations"] = map[string]any{"a": "b"}
		},
	} {
		objects := render(t, change)
		file := filepath.Join(t.TempDir(), "sluice.yaml")
		text := at(t, objects["ConfigMap"], "data", "sluice.yaml").(string)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		container := at(t, objects["StatefulSet"], "spec", "template", "spec", "containers", 0)
		var args []string
		for _, arg := range at(t, container, "args").([]any) {
			args = append(args, strings.Replace(arg.(string), "/etc/sluice/sluice.yaml", file, 1))
		}
		c, err := config.Load(args, noEnvironment)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var mounts []string
		for _, m := range at(t, container, "volumeMounts").([]any) {
			mounts = append(mounts, at(t, m, "mountPath").(string))
		}
		for _, path := range []string{c.DataDir, c.TLS.Cert, c.TLS.Key} {
			if path != "" && !slices.ContainsFunc(mounts, func(m string) bool { return strings.HasPrefix(path, m+"/") }) {
				t.Errorf("%s: nothing is mounted for %s", name, path)
			}
		}
		if ports := at(t, objects["Service"], "spec", "ports").([]any); (len(ports) == 2) != (c.TLS.Cert != "") {
			t.Errorf("%s: %d ports", name, len(ports))
		}
	}
}
