// Package record turns lines of text into records and records into lines of text.
//
//	raw line  ──Parse──> {content: line}
//	JSON line ──Parse──> fields in their order, every value as text ──Print(JSON)──> the same fields
//
// The keys with two underscores around them are the dialect's own (reference sls-api 4.2) and keep their meaning both ways:
// __time__, __time_ns_part__, __topic__, __source__ and __tag__:name. So what was printed as JSON can be parsed again and
// gives the same records in the same groups. __rowid__, which names a log where it is, is no content of it.
package record

import (
	"fmt"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/logline"
)

// Format is how a record is written as a line.
type Format string

// The formats.
const (
	JSON  Format = "json"  // one object a line
	Raw   Format = "raw"   // the text of one field
	Table Format = "table" // for people; only printed
)

// Entry is a record with what its log group would say about it.
type Entry struct {
	Topic, Source string
	Tags          []sluice.Field
	Record        sluice.Record
	Timed         bool   // Record.Time came from the line
	RowID         string // that the log had where it came from; a log that is written gets one of its own
}

// Of makes an entry of fields under the dialect's names.
func Of(fields []sluice.Field) Entry {
	var e Entry
	for _, f := range fields {
		e.add(f.Key, f.Value)
	}
	return e
}

const (
	keyTime   = logline.KeyTime
	keyNanos  = logline.KeyNanos
	keyTopic  = logline.KeyTopic
	keySource = logline.KeySource
	keyRowID  = client.RowIDField
	prefixTag = logline.PrefixTag
)

// DefaultField holds the text of a raw line.
const DefaultField = "content"

// ParseFormat reads the name of a format.
func ParseFormat(s string, allowed ...Format) (Format, error) {
	for _, f := range allowed {
		if s == string(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("format %q is not one of %v", s, allowed)
}
