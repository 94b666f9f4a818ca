package aws

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
)

// decode reads arguments. No body is no arguments; members that are not known are newer than this server.
func decode(body []byte, v any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	if err := json.Unmarshal(body, v); err != nil {
		return sluice.Errorf(sluice.Invalid, "json", "the arguments are not JSON as the operation takes it: %v", err)
	}
	return nil
}

// encode writes an answer; nil is one without members.
func encode(answer any) ([]byte, error) {
	if answer == nil {
		return []byte("{}"), nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(answer)
	return bytes.TrimSpace(b.Bytes()), err
}

// epoch is a time as a number of seconds since 1970. The zero time is none.
type epoch struct{ time.Time }

// IsZero makes omitzero leave it out.
func (t epoch) IsZero() bool { return t.Time.IsZero() }

// MarshalJSON implements [json.Marshaler].
func (t epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t.UnixMilli())/1000, 'f', -1, 64), nil
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// UnmarshalJSON implements [json.Unmarshaler].
func (t *epoch) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxSeconds {
		return sluice.Errorf(sluice.Invalid, "json", "%.40s is not a time in seconds since 1970", text)
	}
	t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	return nil
}

// legacy is a time as a text, as some old members have it; "" for none.
func legacy(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
