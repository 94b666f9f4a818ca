package trail

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// UserName is what i is called in [FieldUser]: "root" for an account itself, "role:session" for a session of a role, "" for who is not known.
func (i Identity) UserName() string {
	switch i.Kind {
	case Root:
		return "root"
	case Role:
		return i.Role + ":" + i.Session
	case User, Machine:
		return i.User
	}
	return ""
}

// RW is the value of [FieldRW].
func (e *Event) RW() string {
	if e.ReadOnly {
		return "Read"
	}
	return "Write"
}

// ToRecord is the log that holds e: text is e as JSON, chain that of e. What is empty is left out.
func ToRecord(e *Event, text []byte, chain Hash) sluice.Record {
	r := sluice.Record{
		Time: uint32(e.Time.Unix()), Nanos: uint32(e.Time.Nanosecond()),
		Fields: append(make([]sluice.Field, 0, 16), sluice.Field{Key: FieldEvent, Value: string(text)}, sluice.Field{Key: FieldChain, Value: chain.String()}),
	}
	types, names := resourceNames(e.Resources)
	source := ""
	if e.Source.IsValid() {
		source = e.Source.String()
	}
	for _, f := range []sluice.Field{
		{Key: FieldSeq, Value: strconv.FormatUint(e.Seq, 10)},
		{Key: FieldID, Value: e.ID},
		{Key: FieldTime, Value: strconv.FormatInt(e.Time.UnixMilli(), 10)},
		{Key: FieldName, Value: e.Name},
		{Key: FieldService, Value: e.Service},
		{Key: FieldRW, Value: e.RW()},
		{Key: FieldCategory, Value: string(e.Category)},
		{Key: FieldAccount, Value: e.Account},
		{Key: FieldUser, Value: e.Identity.UserName()},
		{Key: FieldAccessKey, Value: e.Identity.AccessKey},
		{Key: FieldResourceType, Value: types},
		{Key: FieldResourceName, Value: names},
		{Key: FieldSource, Value: source},
		{Key: FieldError, Value: e.ErrorCode},
		{Key: FieldRequest, Value: e.RequestID},
	} {
		if f.Value != "" {
			r.Fields = append(r.Fields, f)
		}
	}
	return r
}

// resourceNames are the types and the names of resources, as ActionTrail joins them.
func resourceNames(list []Resource) (types, names string) {
	var t, n []string
	for _, r := range list {
		t, n = append(t, r.Type), append(n, r.Name)
	}
	return strings.Join(t, ";"), strings.Join(n, ";")
}

// FromRecord reads the event of a log, its bytes and its chain. It does not ask whether they fit together; see [Verifier].
func FromRecord(r *sluice.Record) (e Event, text []byte, chain Hash, err error) {
	for _, f := range r.Fields {
		switch f.Key {
		case FieldEvent:
			text = []byte(f.Value)
		case FieldChain:
			if chain, err = parseHash(f.Value); err != nil {
				return e, text, chain, err
			}
		}
	}
	if text == nil {
		return e, nil, chain, fmt.Errorf("the log has no field %s", FieldEvent)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, text, chain, fmt.Errorf("field %s: %w", FieldEvent, err)
	}
	return e, text, chain, nil
}

// sameRecord reports whether two logs are the same to the byte.
func sameRecord(a, b *sluice.Record) bool {
	return a.Time == b.Time && a.Nanos == b.Nanos && slices.Equal(a.Fields, b.Fields)
}
