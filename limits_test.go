package sluice_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/control"
)

// limitRow is a row of docs/limits.md: what, at most, set by, error.
var limitRow = regexp.MustCompile("(?m)^\\| (.+) \\| ([\\d,]+) \\| `([\\w.]+)` \\| (.+) \\|$")

// TestLimitsPage: the page of limits says the numbers of the code, and errors that clients are answered.
func TestLimitsPage(t *testing.T) {
	page, err := os.ReadFile("docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := limitRow.FindAllStringSubmatch(string(page), -1)
	if lines := len(regexp.MustCompile(`(?m)^\| .*\d.* \|$`).FindAll(page, -1)); len(rows) == 0 || len(rows) != lines {
		t.Errorf("%d of %d rows can be read", len(rows), lines)
	}
	code := codeWords(t)
	for _, row := range rows {
		what, most, source, refused := row[1], strings.ReplaceAll(row[2], ",", ""), row[3], row[4]
		if got, err := limitIn(source); err != nil || got != most {
			t.Errorf("%s: the page says %s, and %s is %s (%v)", what, most, source, got, err)
		}
		for _, word := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(refused, -1) {
			if !strings.Contains(code, `"`+word[1]+`"`) {
				t.Errorf("%s: no package answers %s", what, word[1])
			}
		}
	}
}

// limitIn is the number that a source says: a setting, a kind of documents, a constant, or the default of an option.
func limitIn(source string) (string, error) {
	for _, s := range config.Default().Settings() {
		if s.Path == source {
			return s.String(), nil
		}
	}
	kinds := map[string]*control.Kind{
		"MachineGroups": control.MachineGroups, "Configs": control.Configs, "PipelineConfigs": control.PipelineConfigs,
		"Dashboards": control.Dashboards, "SavedSearches": control.SavedSearches,
	}
	pkg, name, _ := strings.Cut(source, ".")
	if k := kinds[name]; pkg == "control" && k != nil {
		return fmt.Sprint(k.Limit), nil
	}
	dir, err := packageDir(pkg)
	if err != nil {
		return "", err
	}
	if options, field, ok := strings.Cut(name, "."); ok {
		return optionIn(dir, options, field)
	}
	return constantIn(dir, name)
}

// packageDir is where the package of this name is.
func packageDir(name string) (dir string, err error) {
	err = filepath.WalkDir("internal", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == name && dir == "" {
			dir = path
		}
		return err
	})
	if err == nil && dir == "" {
		err = fmt.Errorf("there is no package %s", name)
	}
	return dir, err
}

// eachNode gives fn what is in the files of a package that are no tests, until fn returns false.
func eachNode(dir string, fn func(ast.Node) bool) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, fn)
	}
	return err
}

// constantIn is the value of a constant whose expression names no other.
func constantIn(dir, name string) (value string, err error) {
	err = fmt.Errorf("%s has no constant %s", dir, name)
	walked := eachNode(dir, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		for i := 0; ok && i < len(spec.Values); i++ {
			if spec.Names[i].Name != name {
				continue
			}
			var v types.TypeAndValue
			if v, err = types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(spec.Values[i])); err == nil && v.Value.Kind() == constant.Int {
				value = v.Value.ExactString()
			}
		}
		return true
	})
	if walked != nil {
		err = walked
	}
	return value, err
}

var optionDefault = regexp.MustCompile(`^// \[([\d,]+)\]`)

// optionIn is the default of an option, which its comment has in brackets.
func optionIn(dir, options, field string) (value string, err error) {
	err = fmt.Errorf("%s has no %s.%s whose comment begins with its default in brackets", dir, options, field)
	walked := eachNode(dir, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != options {
			return true
		}
		ast.Inspect(spec, func(n ast.Node) bool {
			f, ok := n.(*ast.Field)
			if ok && len(f.Names) == 1 && f.Names[0].Name == field && f.Comment != nil {
				if m := optionDefault.FindStringSubmatch(f.Comment.List[0].Text); m != nil {
					value, err = strings.ReplaceAll(m[1], ",", ""), nil
				}
			}
			return true
		})
		return false
	})
	if walked != nil {
		err = walked
	}
	return value, err
}

// codeWords is the source of the packages that have error codes in them.
func codeWords(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, pattern := range []string{"internal/wire/*/errors.go", "internal/assistant/*.go", "internal/agentproto/session.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(text)
		}
	}
	return b.String()
}
