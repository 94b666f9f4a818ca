package shape

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// Record is a CloudTrail record of whoever wrote it: all its members in their order, those that nobody knows yet among them.
type Record struct {
	Members Object
}

// ParseCloudTrail reads one record: of what is in the array Records of a file, one element. Members may be missing, as readers have to expect,
// and may be unknown. Errors: Invalid [record], TooLarge [record].
func ParseCloudTrail(text []byte) (*Record, error) {
	if len(text) > MaxRecord {
		return nil, sluice.Errorf(sluice.TooLarge, "record", "the record has %d bytes, and no more than %d are allowed", len(text), MaxRecord)
	}
	members, err := parseObject(text)
	if err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "record", "the record cannot be read: %w", err)
	}
	r := &Record{Members: members}
	if v := r.Text("eventVersion"); v != "" && v != "1" && !strings.HasPrefix(v, "1.") {
		return nil, sluice.Errorf(sluice.Invalid, "record", "the record is of version %.32q, and only versions 1.x are known", v)
	}
	return r, nil
}

// Append writes the record to dst, as JSON of one line.
func (r *Record) Append(dst []byte) []byte {
	text, _ := r.Members.MarshalJSON() // of values that were read
	return append(dst, text...)
}

// Text is the text of a member, of one in a member, and so on: Text("userIdentity", "accountId"). Without any, and of anything else than a
// text, it is empty.
func (r *Record) Text(path ...string) string {
	o := r.Members
	for i, name := range path {
		value := o.Get(name)
		if i == len(path)-1 {
			var s string
			if json.Unmarshal(value, &s) != nil {
				return ""
			}
			return s
		}
		var err error
		if o, err = parseObject(value); err != nil {
			return ""
		}
	}
	return ""
}

// Time is when the call was over; the zero time if the record does not say so.
func (r *Record) Time() time.Time {
	t, err := time.Parse(time.RFC3339, r.Text("eventTime"))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
