//go:build compat

// Package compat runs the official clients of other languages, unmodified, against a real sluiced. Their own runners (pytest,
// node --test) do the testing; each of their cases becomes a subtest here, so that one summary tells all.
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
	report := filepath.Join(t.TempDir(), "report.xml")
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
				t.Skip(c.Skipped.Message)
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
