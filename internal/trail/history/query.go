package history

import (
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/trail"
)

// Query says which events of an account are asked for. With a token all but Max has to be as it was in the query that gave it.
type Query struct {
	Start, End  time.Time     // seconds, both inclusive; zero: Span before End, and now
	Span        time.Duration // [90 days]
	Attributes  []Attribute   // all of them have to hold
	Data        bool          // data events too, and not management events alone
	OldestFirst bool
	Max         int // events of a page, 1 to MaxPage
	Token       string
}

// Attribute is what a field of the log of events has to be, as a whole. Of types and names of resources it is one of them, or all as
// they are joined.
type Attribute struct {
	Field string // one of trail's Field constants
	Value string
}

// maxValue is the largest value of an attribute in bytes (reference audit 1.7), and maxAttributes how many there are at most.
const (
	maxValue      = 2000
	maxAttributes = 16
)

// values are the fields that events are looked up by, and their values.
var values = map[string]func(*trail.Event) string{
	trail.FieldID:        func(e *trail.Event) string { return e.ID },
	trail.FieldName:      func(e *trail.Event) string { return e.Name },
	trail.FieldService:   func(e *trail.Event) string { return e.Service },
	trail.FieldRW:        func(e *trail.Event) string { return e.RW() },
	trail.FieldUser:      func(e *trail.Event) string { return e.Identity.UserName() },
	trail.FieldAccessKey: func(e *trail.Event) string { return e.Identity.AccessKey },
	trail.FieldSource:    source,
	trail.FieldError:     func(e *trail.Event) string { return e.ErrorCode },
	trail.FieldRequest:   func(e *trail.Event) string { return e.RequestID },
}

func source(e *trail.Event) string {
	if !e.Source.IsValid() {
		return ""
	}
	return e.Source.String()
}

// check refuses what cannot be asked, such as pages of more than most events.
func (q *Query) check(most int) error {
	if q.Max < 1 || q.Max > most {
		return sluice.Errorf(sluice.Invalid, "lookupmax", "a page has 1 to %d events, not %d", most, q.Max)
	}
	if !q.Start.IsZero() && !q.End.IsZero() && q.Start.After(q.End) {
		return sluice.Errorf(sluice.Invalid, "lookuprange", "the start %s is after the end %s", stamp(q.Start), stamp(q.End))
	}
	if len(q.Attributes) > maxAttributes {
		return sluice.Errorf(sluice.Invalid, "lookupattribute", "there are %d attributes, and at most %d", len(q.Attributes), maxAttributes)
	}
	for _, a := range q.Attributes {
		if values[a.Field] == nil && a.Field != trail.FieldResourceType && a.Field != trail.FieldResourceName {
			return sluice.Errorf(sluice.Invalid, "lookupattribute", "events are not looked up by %.80q", a.Field)
		}
		if a.Value == "" || len(a.Value) > maxValue {
			return sluice.Errorf(sluice.Invalid, "lookupattribute", "the value of %s has to have 1 to %d bytes", a.Field, maxValue)
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (q *Query) span() time.Duration {
	if q.Span <= 0 || q.Span > span {
		return span
	}
	return q.Span
}

// search is the query as a search of the log: what is rare first, since each condition is asked only about what those before it leave.
func (q *Query) search(account string) string {
	conditions := make([]string, 0, len(q.Attributes)+2)
	for _, a := range q.Attributes {
		conditions = append(conditions, a.Field+":"+search.Quote(a.Value))
	}
	slices.SortStableFunc(conditions, func(a, b string) int { return isCommon(a) - isCommon(b) })
	conditions = append(conditions, trail.FieldAccount+":"+search.Quote(account))
	if !q.Data {
		conditions = append(conditions, trail.FieldCategory+":"+search.Quote(string(trail.Management)))
	}
	return strings.Join(conditions, " and ")
}

// isCommon is 1 for a condition that half of the events may meet.
func isCommon(condition string) int {
	if strings.HasPrefix(condition, trail.FieldRW+":") {
		return 1
	}
	return 0
}

// matches reports whether e is what is asked for, to the letter.
func (q *Query) matches(account string, e *trail.Event) bool {
	if e.Account != account || !q.Data && e.Category != trail.Management {
		return false
	}
	for _, a := range q.Attributes {
		if !a.holds(e) {
			return false
		}
	}
	return true
}

func (a *Attribute) holds(e *trail.Event) bool {
	if value := values[a.Field]; value != nil {
		return value(e) == a.Value
	}
	of := func(r trail.Resource) string { return r.Name }
	if a.Field == trail.FieldResourceType {
		of = func(r trail.Resource) string { return r.Type }
	}
	all := make([]string, len(e.Resources))
	for i, r := range e.Resources {
		all[i] = of(r)
	}
	return slices.Contains(all, a.Value) || strings.Join(all, ";") == a.Value
}
