package sls

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/compat.md")

const compatFile = "../../../docs/compat.md"

// What docs/compat.md says of actions and differences is what the route table and the handlers' comments say.
func TestCompatPageTellsTheTruth(t *testing.T) {
	promises := readPromises(t)
	raw, err := os.ReadFile(compatFile)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	page = replaceSection(t, page, "actions", actionTable())
	page = replaceSection(t, page, "differences", differences(promises))
	page = replaceSection(t, page, "unsupported", unsupportedList())
	page = replaceSection(t, page, "codes", codeTable())
	if *update {
		if err := os.WriteFile(compatFile, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(page, string(raw)); diff != "" {
		t.Errorf("docs/compat.md is not what the code says; run this test with -update (-code +page):\n%s", diff)
	}
}

// Every action has one promise, and every promise is of an action on that path.
func TestEveryActionHasItsPromise(t *testing.T) {
	promises := readPromises(t)
	for _, r := range supported() {
		if _, ok := promises[r.Action]; !ok {
			t.Errorf("no comment promises what %s does", r.Action)
		}
	}
	for action, p := range promises {
		found := slices.ContainsFunc(supported(), func(r Route) bool {
			method, target, _ := strings.Cut(p.request, " ")
			path, query, _ := strings.Cut(target, "?")
			return r.Action == action && r.Method == method && r.Path == path && (query == "" || strings.HasPrefix(query, firstWhen(r)))
		})
		if !found {
			t.Errorf("the comment of %s promises %s, which no route of it answers", action, p.request)
		}
	}
}

func firstWhen(r Route) string {
	when, _, _ := strings.Cut(r.When, "|")
	return when
}

func supported() []Route {
	routes := Routes()
	return routes[:len(routes)-len(unsupportedRoutes)]
}

type promise struct {
	request string   // "POST /logstores"
	differs []string // one sentence or more each
}

// readPromises reads the comments that open handler files.
func readPromises(t *testing.T) map[string]promise {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	promises := map[string]promise{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for block := range strings.SplitSeq(string(raw), "\n\n") {
			action, p, ok := readPromise(block)
			if !ok {
				continue
			}
			if _, twice := promises[action]; twice {
				t.Errorf("%s is promised twice", action)
			}
			promises[action] = p
		}
	}
	return promises
}

// readPromise reads one comment: "// Action: METHOD /path", further down lines "// Keyword: text" that may go on.
func readPromise(block string) (action string, p promise, ok bool) {
	head, rest, _ := strings.Cut(block, "\n")
	action, request, _ := strings.Cut(strings.TrimPrefix(head, "// "), ": ")
	method, _, _ := strings.Cut(request, " ")
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, method) || strings.Contains(action, " ") {
		return "", p, false
	}
	target, _, _ := strings.Cut(request[len(method)+1:], " ") // drop "on the project's host"
	p.request = method + " " + target
	keyword := ""
	for line := range strings.SplitSeq(rest, "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "//"))
		if word, text, ok := strings.Cut(line, ": "); ok && slices.Contains([]string{"Also", "Body", "Behavior", "Differs"}, word) {
			keyword = word
			if word == "Differs" {
				p.differs = append(p.differs, text)
			}
		} else if keyword == "Differs" && line != "" {
			last := &p.differs[len(p.differs)-1]
			*last += " " + line
		}
	}
	return action, p, true
}

func actionTable() string {
	var b strings.Builder
	b.WriteString("| action | request | permission |\n|---|---|---|\n")
	for _, r := range supported() {
		fmt.Fprintf(&b, "| %s | `%s %s`%s | `%s` |\n", r.Action, r.Method, escapePipes(r.Path), condition(r), r.Permission)
	}
	return b.String()
}

func condition(r Route) string {
	var notes []string
	name, values, _ := strings.Cut(r.When, "=")
	if first, _, _ := strings.Cut(values, "|"); first != "" {
		notes = append(notes, "`"+name+"="+strings.ReplaceAll(values, "|", "` or `")+"`")
	}
	switch r.Host {
	case OnBare:
		notes = append(notes, "bare host")
	case OnAny:
		notes = append(notes, "project or bare host")
	}
	if r.Anonymous {
		notes = append(notes, "unsigned")
	}
	if len(notes) == 0 {
		return ""
	}
	return " " + strings.Join(notes, ", ")
}

func escapePipes(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func differences(promises map[string]promise) string {
	var b strings.Builder
	for _, action := range slices.Sorted(maps.Keys(promises)) {
		for _, text := range promises[action].differs {
			fmt.Fprintf(&b, "- **%s**: %s\n", action, text)
		}
	}
	return b.String()
}

func unsupportedList() string {
	var names []string
	for _, r := range unsupportedRoutes {
		if !slices.Contains(names, r.Action) {
			names = append(names, r.Action)
		}
	}
	slices.Sort(names)
	return wrap(strings.Join(names, ", ")+".", 120)
}

// wrap breaks text into lines of at most width.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String() + "\n"
}

func codeTable() string {
	statuses := map[string]int{}
	for _, row := range codes {
		statuses[row.Code] = row.Status
	}
	for _, row := range codes {
		if statuses[row.Code] != row.Status { // ShardNotExist alone has two
			statuses[row.Code] = min(statuses[row.Code], row.Status)
		}
	}
	var b strings.Builder
	b.WriteString("| errorCode | status |\n|---|---|\n")
	for _, code := range slices.Sorted(maps.Keys(statuses)) {
		fmt.Fprintf(&b, "| %s | %d |\n", code, statuses[code])
	}
	return b.String()
}

// replaceSection puts text between the two marks of a section.
func replaceSection(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
	head, rest, ok := strings.Cut(page, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no section %s", compatFile, name)
	}
	return head + begin + text + end + tail
}
