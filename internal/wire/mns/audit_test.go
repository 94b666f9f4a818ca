package mns

import (
	"testing"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/operation"
)

// Every action has a line in the table of operations, those that are told from the body too.
func TestEveryActionHasAnOperation(t *testing.T) {
	names := []string{"BatchSendMessage", "BatchReceiveMessage", "BatchPeekMessage"}
	for _, a := range actions {
		names = append(names, a.name)
	}
	for _, name := range names {
		if !operation.Find(trail.ServiceQueue, name).Known {
			t.Errorf("%s has no line in the table of operations", name)
		}
	}
}
