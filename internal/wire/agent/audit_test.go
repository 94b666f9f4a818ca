package agent

import (
	"testing"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
)

// Every action has a line in the table of operations.
func TestEveryActionHasAnOperation(t *testing.T) {
	for path, a := range actions {
		if !operation.Find(trail.ServiceAgent, a.name).Known {
			t.Errorf("%s has no line in the table of operations", path)
		}
	}
}
