package trail

import (
	"encoding/json"
	"time"

	"github.com/sluicelog/sluice"
)

// Expiry is what retention takes away: an event of its own, on disk and signed before anything goes. So whoever finds the record to begin somewhere
// can tell whether it begins where the server let it.
type Expiry struct {
	First    uint64          `json:"first"`    // number of the first event that goes
	Floor    Head            `json:"floor"`    // the last one that goes, and the chain there, which the record goes on from
	From     time.Time       `json:"from"`     // when the first was over
	To       time.Time       `json:"to"`       // when the last was
	Before   time.Time       `json:"before"`   // all of them were received before
	Position sluice.Position `json:"position"` // where the logstore begins from then on
}

// Details is x as the Additional of its event.
func (x *Expiry) Details() (map[string]any, error) { return details(x) }

// expiryOf reads the expiry that an event is.
func expiryOf(e *Event) (x Expiry, err error) {
	body, err := json.Marshal(e.Additional)
	if err == nil {
		err = json.Unmarshal(body, &x)
	}
	return x, err
}
