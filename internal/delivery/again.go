package delivery

import (
	"errors"

	"github.com/sluicelog/sluice"
)

// Again does what looks at a task and changes it, once more when the task changed in between: the engine itself pauses and ends tasks, and
// whoever names no revision means the task as it is by then.
func Again(do func() error) error {
	const times = 5
	var err error
	for range times {
		var e *sluice.Error
		if err = do(); sluice.KindOf(err) != sluice.Conflict || !errors.As(err, &e) || e.Noun != "deliverytask" {
			break
		}
	}
	return err
}
