// Package results keeps what the official clients were able to do: the suites of test/compat write a row for each operation that they
// have seen work or be refused, and the table of clients in docs/compat.md is made of these rows.
//
//	pytest, node --test, JUnit, go test ──> DIR/*.jsonl ──Read──> Table ──Markdown──> docs/compat.md
//	                                                                │                      │
//	                                                                └───Unproven <──Parse──┘
//
// Invariants:
//   - A row is written after the test that made the call has passed, or the server said NotSupported; never before.
//   - The table says no better of an operation than the worst of its rows.
//   - The page may say less than a run has shown, never anything else.
package results

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// State is what became of an operation.
type State string

// The states.
const (
	Works   State = "works"       // the client got what it asked for, and a test looked at it
	Partly  State = "partly"      // some forms work and some are refused; only Read makes it, of rows
	Refused State = "refused"     // the server said NotSupported
	LeftOut State = "not run"     // a test of the client's own that is not run here; the note says why
	Fails   State = "fails"       // anything else; the run fails, too
	missing State = "not in this" // of a claim that no row speaks of
)

// Row is one observation.
type Row struct {
	Client    string `json:"client"`
	Version   string `json:"version"`
	Operation string `json:"operation"` // a method, command or test, as the client names it
	State     State  `json:"state"`
	Note      string `json:"note,omitempty"` // why it is not run
}

// Key is what a row speaks of.
type Key struct{ Client, Version, Operation string }

// Verdict is what is known of an operation.
type Verdict struct {
	State State
	Note  string
}

// Table is what is known of all operations.
type Table map[Key]Verdict

// Add takes in a row. Where rows of one operation disagree, failing counts most, and working and being refused make Partly.
func (t Table) Add(r Row) error {
	if r.Client == "" || r.Version == "" || r.Operation == "" {
		return fmt.Errorf("a row needs client, version and operation: %+v", r)
	}
	if strings.ContainsAny(r.Client+r.Version+r.Operation+r.Note, "|\n") || strings.Contains(r.Operation, ",") {
		return fmt.Errorf("a table cannot hold the names of %+v", r)
	}
	if !slices.Contains([]State{Works, Refused, LeftOut, Fails}, r.State) {
		return fmt.Errorf("%q is no state of %s %s", r.State, r.Client, r.Operation)
	}
	key := Key{r.Client, r.Version, r.Operation}
	next := Verdict{State: r.State, Note: r.Note}
	if old, ok := t[key]; ok {
		next = worse(old, next)
	}
	t[key] = next
	return nil
}

func worse(a, b Verdict) Verdict {
	switch {
	case a.State == b.State, a.State == Fails:
		return a
	case b.State == Fails:
		return b
	case a.State == LeftOut: // and yet it was run
		return b
	case b.State == LeftOut:
		return a
	}
	return Verdict{State: Partly}
}

// Read reads all files *.jsonl of a directory.
func Read(dir string) (Table, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no results: make compat writes them", dir)
	}
	table := Table{}
	for _, name := range names {
		if err := table.readFile(name); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return table, nil
}

func (t Table) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := t.Add(r); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// Write appends rows to a file of dir, and makes both if they are not there.
func Write(dir, name string, rows []Row) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, name+".jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	enc := json.NewEncoder(f)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// Unproven lists what claims says and t does not, in order.
func (t Table) Unproven(claims Table) []string {
	var out []string
	for _, key := range slices.SortedFunc(maps.Keys(claims), compareKeys) {
		got, ok := t[key]
		if !ok {
			got.State = missing
		}
		if got.State != claims[key].State {
			out = append(out, fmt.Sprintf("%s %s, %s: the page says %q, the run %q", key.Client, key.Version, key.Operation, claims[key].State, got.State))
		}
	}
	return out
}

// Unsaid lists what t shows and claims do not speak of, in order.
func (t Table) Unsaid(claims Table) []string {
	var out []string
	for _, key := range slices.SortedFunc(maps.Keys(t), compareKeys) {
		if _, ok := claims[key]; !ok {
			out = append(out, fmt.Sprintf("%s %s, %s: %s", key.Client, key.Version, key.Operation, t[key].State))
		}
	}
	return out
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Operation, b.Operation))
}
