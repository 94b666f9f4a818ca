//go:build compat

// Package compat runs the official clients, unmodified, against a real sluiced. Their own runners (pytest, node --test, JUnit, go test) do the
// testing; each of their cases becomes a subtest here, so that one summary tells all.
//
//	make compat ──> TestPython, TestJava, … ──> a sluiced each <── the client's runner, as a child process
//	                       │                                           │ rows: what worked, what was refused
//	                       └── subtests                                └──> SLUICE_COMPAT_RESULTS ──> table ──> docs/compat.md
//
// `make compat` builds the server and installs the clients first. The clients find the server in SLUICE_TEST_ADDR
// (host:port), SLUICE_TEST_DOMAIN (its base domain) and SLUICE_TEST_ACCESS_KEY_ID and _SECRET.
package compat

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sluicelog/sluice/test/child"
	"github.com/sluicelog/sluice/test/javanet"
	"github.com/sluicelog/sluice/test/tools"
)

func TestPython(t *testing.T) {
	python := os.Getenv("PYTHON")
	if python == "" {
		t.Fatal("PYTHON names the interpreter that has the SDK: run make compat")
	}
	s := startServer(t)
	runSuite(t, s, "python", func(report string) []string {
		return []string{python, "-m", "pytest", "-q", "--tb=short", "--junitxml", report}
	})
}

func TestJava(t *testing.T) {
	libs := filepath.Join(tools.Dir(t, "java"), "*")
	sources, err := filepath.Glob("java/*.java")
	if err != nil {
		t.Fatal(err)
	}
	classes := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "javac", append([]string{"-nowarn", "-d", classes, "-cp", libs}, sources...)...).CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	s := startServer(t)
	t.Setenv("JAVA_TOOL_OPTIONS", javanet.Options(t, s.Addr, baseDomain, "java-sdk", "java-nobody", "java-producer", "java-consumer", "java-logback", "java-log4j2"))
	runSuite(t, s, "java", func(report string) []string {
		return []string{
			"java", "-XX:TieredStopAtLevel=1", "-cp", classes + ":" + libs, "org.junit.platform.console.ConsoleLauncher", "execute",
			"--scan-classpath", classes, "--disable-banner", "--details=none", "--reports-dir=" + filepath.Dir(report),
		}
	})
}

func TestNode(t *testing.T) {
	s := startServer(t)
	runSuite(t, s, "node", func(report string) []string {
		return []string{
			"node", "--require", "./resolver.js", "--test", "--test-reporter=junit", "--test-reporter-destination=" + report, "log.test.js",
		}
	})
}

// runSuite runs another language's test runner in dir against s and turns its JUnit report into subtests.
func runSuite(t *testing.T, s *child.Server, dir string, command func(report string) []string) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "TEST-junit-jupiter.xml") // the name that JUnit itself would choose
	args := command(report)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = environ(s)
	output, runErr := cmd.CombinedOutput()

	cases, err := readReport(report)
	if err != nil {
		t.Fatalf("%v (%v)\n%s", err, runErr, output)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			switch {
			case c.Skipped != nil:
				t.Skip(c.Skipped.Message + c.Skipped.Text)
			case c.Failure != nil:
				t.Errorf("%s\n%s", c.Failure.Message, c.Failure.Text)
			case c.Error != nil:
				t.Errorf("%s\n%s", c.Error.Message, c.Error.Text)
			}
		})
	}
	if runErr != nil && !t.Failed() {
		t.Errorf("every case passed, yet %v\n%s", runErr, output)
	}
}

// testCase is a case of a JUnit report; of Skipped, Failure and Error at most one is set.
type testCase struct {
	Name    string   `xml:"name,attr"`
	Skipped *verdict `xml:"skipped"`
	Failure *verdict `xml:"failure"`
	Error   *verdict `xml:"error"`
}

type verdict struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// readReport lists the cases of a JUnit report, however its suites are nested.
func readReport(name string) ([]testCase, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var cases []testCase
	for dec := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if len(cases) == 0 {
				return nil, errors.New("the report holds no case")
			}
			return cases, nil
		}
		if err != nil {
			return nil, err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "testcase" {
			var c testCase
			if err := dec.DecodeElement(&c, &start); err != nil {
				return nil, err
			}
			cases = append(cases, c)
		}
	}
}
