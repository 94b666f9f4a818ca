package testenv

import (
	"testing"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
)

// Events restarts the server, so that all is written that it was to write, and returns its audit events, whose chain it verifies.
func (e *Env) Events(t testing.TB) []trail.Event {
	t.Helper()
	if err := e.Restart(); err != nil {
		t.Fatal(err)
	}
	l := e.Node.Trail.Log()
	begin, _ := l.Bounds()
	const all = 1 << 30
	events, _, err := l.Read(t.Context(), begin, all)
	if err != nil {
		t.Fatal(err)
	}
	keys, newest, err := e.Node.Trail.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report, err := ledger.Verify(t.Context(), l, trail.NewVerifier(keys, nil, newest), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Good() {
		t.Fatalf("the chain of the audit events is not good: %v", report.Problems)
	}
	return events
}
