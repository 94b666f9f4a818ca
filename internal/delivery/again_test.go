package delivery_test

import (
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery"
)

// TestAgain: a task that changed in between is looked at again, and nothing else is tried twice.
func TestAgain(t *testing.T) {
	stale := sluice.Errorf(sluice.Conflict, "deliverytask", "is at revision 3, not 2")
	other := sluice.Errorf(sluice.Conflict, "bucket", "is not proved")
	for _, c := range []struct {
		answers []error
		tries   int
		want    error
	}{
		{[]error{nil}, 1, nil},
		{[]error{stale, stale, nil}, 3, nil},
		{[]error{stale, other, nil}, 2, other},
		{[]error{stale, stale, stale, stale, stale, nil}, 5, stale},
	} {
		tries := 0
		err := delivery.Again(func() error {
			tries++
			return c.answers[tries-1]
		})
		if err != c.want || tries != c.tries { //nolint:errorlint // the very error
			t.Errorf("%v: %v after %d tries, want %v after %d", c.answers, err, tries, c.want, c.tries)
		}
	}
}
