// Package observe writes down what Go clients did against the sluiced that test/compat has started, for the table of clients in docs/compat.md.
package observe

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The server, as test/compat tells of it.
var (
	Addr   = os.Getenv("SLUICE_TEST_ADDR") // host:port
	Domain = os.Getenv("SLUICE_TEST_DOMAIN")
	KeyID  = os.Getenv("SLUICE_TEST_ACCESS_KEY_ID")
	Secret = os.Getenv("SLUICE_TEST_ACCESS_KEY_SECRET")
)

// Version is that of a module which go.mod requires; test binaries do not know it of themselves. Tests run in a directory below go.mod.
func Version(t *testing.T, module string) string {
	t.Helper()
	raw, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if name, version, ok := strings.Cut(strings.TrimSpace(line), " v"); ok && name == module {
			return version
		}
	}
	t.Fatalf("go.mod does not require %s", module)
	return ""
}

// Client is one of the clients that are observed.
type Client struct {
	Name, Version string
	Code          func(error) string // the server's error code, "" if the error has none
}

// Operation runs f as a subtest, and writes down whether the operation works. What the server refuses with NotSupported is skipped. It
// returns whether what follows can rely on the operation.
func (c Client) Operation(t *testing.T, name string, f func() error) bool {
	t.Helper()
	state := "fails"
	ok := t.Run(name, func(t *testing.T) {
		switch err := f(); {
		case err == nil:
			state = "works"
		case c.Code(err) == "NotSupported":
			state = "refused"
			t.Skipf("refused: %v", err)
		default:
			t.Error(err)
		}
	})
	if err := c.write(name, state); err != nil {
		t.Fatal(err)
	}
	return ok && state == "works"
}

func (c Client) write(operation, state string) (err error) {
	dir := os.Getenv("SLUICE_COMPAT_RESULTS")
	if dir == "" {
		return nil
	}
	row, err := json.Marshal(map[string]string{"client": c.Name, "version": c.Version, "operation": operation, "state": state})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("golang-%d.jsonl", os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.Write(append(row, '\n'))
	return err
}

// Is returns err, or by what got differs from want; got is called if there is no err.
func Is(err error, got func() string, want string) error {
	if err != nil {
		return err
	}
	if g := got(); g != want {
		return errors.New("got " + g + ", want " + want)
	}
	return nil
}
