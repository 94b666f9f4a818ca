package queue

import (
	"regexp"

	"github.com/sluicelog/sluice"
)

// Attributes of a queue, in seconds and bytes (reference audit-and-collectors 4.6).
type Attributes struct {
	DelaySeconds           int64 `json:"delay"`      // [0] until a message that says nothing of it can be received, to 7 days
	MaximumMessageSize     int64 `json:"size"`       // [64 KiB] of a body, from 1 KiB
	MessageRetentionPeriod int64 `json:"retention"`  // [4 days] that a message is kept, from a minute to 15 days
	VisibilityTimeout      int64 `json:"visibility"` // [30] that a received message is hidden, to 12 hours
	PollingWaitSeconds     int64 `json:"polling"`    // [0] that a reception waits which says nothing of it, to 30
	LoggingEnabled         bool  `json:"logging"`    // kept, without effect: all bodies are logs
}

// DefaultAttributes are those of a queue whose maker said nothing.
func DefaultAttributes() Attributes {
	return Attributes{MaximumMessageSize: MaxBody, MessageRetentionPeriod: 4 * 24 * 3600, VisibilityTimeout: 30}
}

// Limits of what queues take.
const (
	MaxBody       = 64 << 10      // bytes of a message
	MaxBatch      = 16            // messages or handles of one call
	MaxWait       = 30            // seconds that a reception waits
	maxDelay      = 7 * 24 * 3600 // seconds
	maxRetention  = 15 * 24 * 3600
	maxVisibility = 12 * 3600
	maxPriority   = 16

	DefaultPriority = 8
	maxName         = 120
)

func (a Attributes) check() error {
	for _, f := range []struct {
		name            string
		value, from, to int64
	}{
		{"DelaySeconds", a.DelaySeconds, 0, maxDelay},
		{"MaximumMessageSize", a.MaximumMessageSize, 1 << 10, MaxBody},
		{"MessageRetentionPeriod", a.MessageRetentionPeriod, 60, maxRetention},
		{"VisibilityTimeout", a.VisibilityTimeout, 1, maxVisibility},
		{"PollingWaitSeconds", a.PollingWaitSeconds, 0, MaxWait},
	} {
		if err := within(f.name, f.value, f.from, f.to); err != nil {
			return err
		}
	}
	return nil
}

func within(name string, value, from, to int64) error {
	if value < from || value > to {
		return sluice.Errorf(sluice.Invalid, "argument", "%s is %d, and has to be from %d to %d", name, value, from, to)
	}
	return nil
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// CheckName says what is wrong with the name of a queue. Errors: Invalid "queuename" and "queuename-length".
func CheckName(name string) error {
	if len(name) > maxName {
		return sluice.Errorf(sluice.Invalid, "queuename-length", "the name of the queue has %d characters, and may have %d", len(name), maxName)
	}
	if !nameForm.MatchString(name) {
		return sluice.Errorf(sluice.Invalid, "queuename", "queue name %.120q: a name has letters, digits and '-', and does not begin with '-'", name)
	}
	return nil
}
