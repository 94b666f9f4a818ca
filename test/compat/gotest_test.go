//go:build compat

package compat

import (
	"bufio"
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/test/compat/results"
)

// goTest is a Go test that another process has run with -v.
type goTest struct {
	name   string
	state  string // PASS, FAIL, SKIP; "" if it has not ended
	output string // what it wrote itself
	suite  bool   // it has subtests
}

var goLine = regexp.MustCompile(`^ *(?:=== (RUN|NAME|CONT|PAUSE)|--- (PASS|FAIL|SKIP):) +(\S+)`)

// readGoTests lists the tests of an output: those without subtests, and suites that failed of themselves or were refused something.
func readGoTests(out []byte) []goTest {
	var (
		tests   = map[string]*goTest{}
		order   []string
		current = &goTest{}
	)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		m := goLine.FindStringSubmatch(lines.Text())
		if m == nil {
			current.output += lines.Text() + "\n"
			continue
		}
		name := m[3]
		test := tests[name]
		if test == nil {
			test = &goTest{name: name}
			tests[name], order = test, append(order, name)
			if suite, _, ok := strings.Cut(name, "/"); ok && tests[suite] != nil {
				tests[suite].suite = true
			}
		}
		if m[2] != "" {
			test.state = m[2]
		}
		current = test
	}
	var list []goTest
	for _, name := range order {
		test := *tests[name]
		if !test.suite || test.state != "PASS" && (!failsBelow(tests, name) || strings.Contains(test.output, "NotSupported")) {
			list = append(list, test)
		}
	}
	return list
}

func failsBelow(tests map[string]*goTest, suite string) bool {
	for name, test := range tests {
		if strings.HasPrefix(name, suite+"/") && test.state == "FAIL" {
			return true
		}
	}
	return false
}

// tell makes t end as the test did, and records it as an operation of a client. What failed and was refused something is skipped.
func (g goTest) tell(t *testing.T, client, version string) {
	row := results.Row{Client: client, Version: version, Operation: g.name, State: results.Fails}
	switch refused := strings.Contains(g.output, "NotSupported"); {
	case g.state == "PASS":
		row.State = results.Works
	case g.state == "SKIP" && !refused:
		t.Skip(g.output)
	case refused:
		row.State = results.Refused
	}
	record(t, row)
	switch row.State {
	case results.Refused:
		t.Skip(g.output)
	case results.Fails:
		t.Error(g.output)
	}
}

// record writes rows, unless nobody asked for them or they are of no client.
func record(t *testing.T, rows ...results.Row) {
	t.Helper()
	dir := os.Getenv("SLUICE_COMPAT_RESULTS")
	if dir == "" || len(rows) == 0 || rows[0].Client == "" {
		return
	}
	if err := results.Write(dir, "go", rows); err != nil {
		t.Fatal(err)
	}
}

const suiteOutput = `=== RUN   TestAlone
--- PASS: TestAlone (0.00s)
=== RUN   TestSuite
    suite.go:1: the setup was answered with NotSupported
=== RUN   TestSuite/One
=== RUN   TestSuite/Two
    suite.go:2: not what was expected
--- FAIL: TestSuite (0.00s)
    --- PASS: TestSuite/One (0.00s)
    --- FAIL: TestSuite/Two (0.00s)
=== RUN   TestSetup
    setup.go:1: broken
=== RUN   TestSetup/One
--- FAIL: TestSetup (0.00s)
    --- PASS: TestSetup/One (0.00s)
=== RUN   TestEndless
panic: test timed out after 1s
`

// What other processes say of their tests is understood: the verdicts of all the rest stand on it.
func TestReadGoTests(t *testing.T) {
	var got []string
	for _, g := range readGoTests([]byte(suiteOutput)) {
		refused := ""
		if strings.Contains(g.output, "NotSupported") {
			refused = " refused"
		}
		got = append(got, g.name+" "+g.state+refused)
	}
	want := "TestAlone PASS, TestSuite FAIL refused, TestSuite/One PASS, TestSuite/Two FAIL, TestSetup FAIL, TestSetup/One PASS, TestEndless "
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}
