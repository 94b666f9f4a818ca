package trails

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// Flavor is the API that a trail was made by, and so the shape and the layout of what it delivers.
type Flavor string

// The flavors.
const (
	CloudTrail  Flavor = "cloudtrail"
	ActionTrail Flavor = "actiontrail"
)

// Key names a trail.
type Key struct {
	Account string `json:"account"` // number of the account whose it is, also of the root's
	Flavor  Flavor `json:"flavor"`
	Name    string `json:"name"`
}

// Trail is what an account wants delivered.
type Trail struct {
	Key
	ID     string `json:"id"`     // given once: a later trail of the same name has another
	Region string `json:"region"` // its home

	Target
	Regions      string `json:"regions,omitempty"`      // that it is for: "All", or names with commas between them. This server has one region
	GlobalEvents bool   `json:"globalEvents,omitempty"` // told back: every event is of this server's region
	Validation   bool   `json:"validation,omitempty"`   // with digest files

	Selection
	Tags map[string]string `json:"tags,omitempty"`

	Logging  bool      `json:"logging,omitempty"`
	Since    time.Time `json:"since,omitzero"`    // when logging was last started; the zero time: never
	Until    time.Time `json:"until,omitzero"`    // when it was last stopped; the zero time: it was not since
	Selected time.Time `json:"selected,omitzero"` // while it logs: since when Selection is in force, if that is later than Since
	Past     []Span    `json:"past,omitempty"`    // oldest first
	Deleted  time.Time `json:"deleted,omitzero"`  // it is only there for the last of its deliveries

	Created  time.Time `json:"created"`
	Modified time.Time `json:"modified"`
}

// Target is where a trail delivers to. A bucket is of S3 for trails of CloudTrail, and of OSS for those of ActionTrail.
type Target struct {
	Bucket string `json:"bucket,omitempty"`
	Prefix string `json:"prefix,omitempty"` // of the objects, without a slash at its end
	Role   string `json:"role,omitempty"`   // that the client named for writing there; told back, the server writes as its operator says

	Project     string `json:"project,omitempty"`     // in which the logstore is
	ProjectARN  string `json:"projectArn,omitempty"`  // as the client named it
	ProjectRole string `json:"projectRole,omitempty"` // like Role
}

// Logstore is where a trail delivers to in its project.
func (t *Trail) Logstore() string { return logstorePrefix + t.Name }

const logstorePrefix = "actiontrail_"

// Selection is which events of its account a trail wants.
type Selection struct {
	RW       ReadWrite  `json:"rw,omitempty"`       // of ActionTrail: which management events [WriteOnly]
	Services []Service  `json:"services,omitempty"` // of ActionTrail: of which services it wants data events
	Basic    []Basic    `json:"basic,omitempty"`    // of CloudTrail [all management events]
	Advanced []Advanced `json:"advanced,omitempty"` // of CloudTrail, instead
}

// Span is a time in which a trail logged by selectors that are no longer in force: [From, To).
type Span struct {
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Selection Selection `json:"selection"`
}

// begin is since when the selection in force is.
func (t *Trail) begin() time.Time {
	if t.Selected.After(t.Since) {
		return t.Selected
	}
	return t.Since
}

// clone is a copy that shares nothing which a change would reach into.
func (t *Trail) clone() Trail {
	c := *t
	c.Basic, c.Advanced, c.Services = slices.Clone(t.Basic), slices.Clone(t.Advanced), slices.Clone(t.Services)
	c.Past, c.Tags = slices.Clone(t.Past), maps.Clone(t.Tags)
	return c
}

// newID is 16 hexadecimal digits.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
