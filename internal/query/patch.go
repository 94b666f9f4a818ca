package query

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/amend"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/segment"
)

// Patch says what becomes of logs that are updated.
type Patch struct {
	full   bool
	fields []patched
}

// patched is a field and what becomes of it.
type patched struct {
	sluice.Field
	remove bool
}

// Bounds of a patch.
const (
	maxPatchKey   = 1 << 10 // bytes, as the write door has it
	maxPatchBytes = 1 << 20 // of all keys and values
)

// ParsePatch reads a JSON object of fields. Full says that logs have these contents and no others from now on; otherwise the other fields stay, and null removes
// one. __source__, __topic__ and names that begin with __tag__: are those of the log, and stay in both ways if they are not named; its times
// and its row id may be named if they say what they said before. Values that are no text become what they are in JSON. Errors: Invalid [patch].
func ParsePatch(data []byte, full bool) (*Patch, error) {
	if len(data) > maxPatchBytes {
		return nil, badPatch("has more than %d bytes", maxPatchBytes)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, badPatch("is not a JSON object of fields")
	}
	p := &Patch{full: full}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, badPatch("is not JSON: %v", err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, badPatch("is not JSON: %v", err)
		}
		f := patched{Field: sluice.Field{Key: name.(string)}}
		if f.Value, f.remove, err = textOf(raw); err != nil {
			return nil, badPatch("is not JSON: %v", err)
		}
		switch {
		case f.Key == "" || len(f.Key) > maxPatchKey:
			return nil, badPatch("has the key %.64q; keys have 1 to %d bytes", f.Key, maxPatchKey)
		case seen[f.Key]:
			return nil, badPatch("has the key %.64q twice", f.Key)
		case f.remove && (full || f.Key == index.SourceField || f.Key == index.TopicField):
			return nil, badPatch("has null for %.64q; say what it is from now on", f.Key)
		}
		seen[f.Key] = true
		p.fields = append(p.fields, f)
	}
	if _, err := d.Token(); err != nil {
		return nil, badPatch("is not JSON: %v", err)
	}
	if _, err := d.Token(); err == nil {
		return nil, badPatch("is more than one JSON object")
	}
	if len(p.fields) == 0 {
		return nil, badPatch("names no field")
	}
	return p, nil
}

func badPatch(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "patch", "data "+format, args...)
}

// textOf is the text of a value.
func textOf(raw json.RawMessage) (text string, null bool, err error) {
	switch raw[0] {
	case '"':
		err = json.Unmarshal(raw, &text)
		return text, false, err
	case 'n':
		return "", true, nil
	}
	var short bytes.Buffer
	err = json.Compact(&short, raw)
	return short.String(), false, err
}

// apply changes what r says, and none of what r had its fields and tags from.
func (p *Patch) apply(r *amend.Row) error {
	record := r.Record()
	if p.full {
		record.Fields = nil
	}
	for _, f := range p.fields {
		if f.Key == packMetaField {
			continue // a query added it; it is no field of the log
		}
		if fixed, is := fixedField(r, f.Key); is {
			if f.remove || f.Value != fixed {
				return badPatch("changes %s from %s; it stays as it is", f.Key, fixed)
			}
			continue
		}
		switch {
		case f.Key == index.SourceField:
			r.Log.Source = f.Value
		case f.Key == index.TopicField:
			r.Log.Topic = f.Value
		case strings.HasPrefix(f.Key, index.TagPrefix):
			r.Log.Tags = f.in(r.Log.Tags, strings.TrimPrefix(f.Key, index.TagPrefix))
		default:
			record.Fields = f.in(record.Fields, f.Key)
		}
	}
	return nil
}

// fixedField is what a field says that no update changes.
func fixedField(r *amend.Row, name string) (value string, is bool) {
	switch name {
	case index.TimeField:
		return strconv.FormatUint(uint64(r.Record().Time), 10), true
	case segment.ColumnNanos:
		return strconv.FormatUint(uint64(r.Record().Nanos), 10), true
	case RowIDField:
		return r.RowID(), true
	}
	return "", false
}

// in returns fields with the patched one under a name, in the place of the last that had it: the others of the name, which nobody sees, go.
func (f patched) in(fields []sluice.Field, name string) []sluice.Field {
	at := -1
	for i := range fields {
		if fields[i].Key == name {
			at = i
		}
	}
	kept := make([]sluice.Field, 0, len(fields)+1)
	for i, old := range fields {
		switch {
		case old.Key != name:
			kept = append(kept, old)
		case i == at && !f.remove:
			kept = append(kept, sluice.Field{Key: name, Value: f.Value})
		}
	}
	if at < 0 && !f.remove {
		kept = append(kept, sluice.Field{Key: name, Value: f.Value})
	}
	return slices.Clip(kept)
}
