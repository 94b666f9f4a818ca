package trails

import (
	"strings"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

// ReadWrite is which of the calls that read and those that write.
type ReadWrite string

// The values of ReadWrite, in CloudTrail's words. ActionTrail calls them Read, Write and All.
const (
	All       ReadWrite = "All"
	ReadOnly  ReadWrite = "ReadOnly"
	WriteOnly ReadWrite = "WriteOnly"
)

func (rw ReadWrite) wants(readOnly bool) bool {
	return rw == All || (rw == ReadOnly) == readOnly
}

// Basic is a basic event selector of CloudTrail. An event is chosen if any selector of the trail chooses it.
type Basic struct {
	ReadWriteType                 ReadWrite      `json:",omitempty"` // [All]
	IncludeManagementEvents       *bool          `json:",omitempty"` // [true]
	DataResources                 []DataResource `json:",omitempty"`
	ExcludeManagementEventSources []string       `json:",omitempty"`
}

// DataResource is the data events of a type of resources whose names begin with one of Values. A type alone, as "acs:log", is all of it.
type DataResource struct {
	Type   string
	Values []string
}

// Advanced is an advanced event selector of CloudTrail: all of its fields have to agree.
type Advanced struct {
	Name           string `json:",omitempty"`
	FieldSelectors []Field
}

// Field is what one field of an event has to be: one of the values of each operator that is there, and none of those of each that says Not.
type Field struct {
	Field                                 string
	Equals, StartsWith, EndsWith          []string `json:",omitempty"`
	NotEquals, NotStartsWith, NotEndsWith []string `json:",omitempty"`
}

// Service is the data events of one service of ActionTrail: all, or those of these names.
type Service struct {
	ServiceName string
	EventNames  []string `json:",omitempty"`
}

// source is what selectors know as an event's source.
type source func(*trail.Event) string

// chooses reports whether an event of the trail's account is chosen. It is a pure function of both.
func (s *Selection) chooses(f Flavor, e *trail.Event, from source) bool {
	switch {
	case f == ActionTrail:
		return s.choosesAction(e)
	case len(s.Advanced) > 0:
		for i := range s.Advanced {
			if s.Advanced[i].chooses(e, from) {
				return true
			}
		}
		return false
	case len(s.Basic) > 0:
		for i := range s.Basic {
			if s.Basic[i].chooses(e, from) {
				return true
			}
		}
		return false
	}
	return e.Category == trail.Management
}

// choosesAction is for a trail of ActionTrail. What the server did by itself is neither asked for nor left out by anybody: it is always told.
func (s *Selection) choosesAction(e *trail.Event) bool {
	if e.Category == trail.Management {
		rw := s.RW
		if rw == "" {
			rw = WriteOnly
		}
		return e.Type == trail.ServiceEvent || rw.wants(e.ReadOnly)
	}
	for i := range s.Services {
		if s.Services[i].chooses(e) {
			return true
		}
	}
	return false
}

func (s *Service) chooses(e *trail.Event) bool {
	if !strings.EqualFold(s.ServiceName, shape.ServiceName(e.Service)) {
		return false
	}
	for _, name := range s.EventNames {
		if name == e.Name {
			return true
		}
	}
	return len(s.EventNames) == 0
}

func (b *Basic) chooses(e *trail.Event, from source) bool {
	if b.ReadWriteType != "" && !b.ReadWriteType.wants(e.ReadOnly) {
		return false
	}
	if e.Category == trail.Management {
		return (b.IncludeManagementEvents == nil || *b.IncludeManagementEvents) && !among(b.ExcludeManagementEventSources, from(e), equal)
	}
	for _, d := range b.DataResources {
		for _, r := range e.Resources {
			if r.Type == d.Type && among(d.Values, r.ARN, strings.HasPrefix) {
				return true
			}
		}
	}
	return false
}

func (a *Advanced) chooses(e *trail.Event, from source) bool {
	for i := range a.FieldSelectors {
		if !a.FieldSelectors[i].holds(e, from) {
			return false
		}
	}
	return true
}

// The fields of advanced selectors.
const (
	fieldCategory = "eventCategory"
	fieldReadOnly = "readOnly"
	fieldSource   = "eventSource"
	fieldName     = "eventName"
	fieldType     = "resources.type"
	fieldARN      = "resources.ARN"
)

// holds asks every value that the event has of the field. One with several resources is chosen where one of them is, and left out where one of
// them is to be.
func (f *Field) holds(e *trail.Event, from source) bool {
	switch f.Field {
	case fieldCategory:
		return f.agrees(string(e.Category))
	case fieldReadOnly:
		if e.ReadOnly {
			return f.agrees("true")
		}
		return f.agrees("false")
	case fieldSource:
		return f.agrees(from(e))
	case fieldName:
		return f.agrees(e.Name)
	case fieldType, fieldARN:
		values := make([]string, len(e.Resources))
		for i, r := range e.Resources {
			if values[i] = r.Type; f.Field == fieldARN {
				values[i] = r.ARN
			}
		}
		return f.agrees(values...)
	}
	return false
}

// agrees reports whether one of values is as the positive operators want it, and none as the negative ones do not.
func (f *Field) agrees(values ...string) bool {
	positive := len(f.Equals)+len(f.StartsWith)+len(f.EndsWith) > 0
	found := !positive
	for _, v := range values {
		if among(f.NotEquals, v, equal) || among(f.NotStartsWith, v, strings.HasPrefix) || among(f.NotEndsWith, v, strings.HasSuffix) {
			return false
		}
		if positive && f.wanted(v) {
			found = true
		}
	}
	return found
}

// wanted reports whether v is one of the values of a positive operator: there is an OR between all of them.
func (f *Field) wanted(v string) bool {
	return among(f.Equals, v, equal) || among(f.StartsWith, v, strings.HasPrefix) || among(f.EndsWith, v, strings.HasSuffix)
}

func equal(a, b string) bool { return a == b }

// among reports whether is(v, x) for one x of list.
func among(list []string, v string, is func(v, x string) bool) bool {
	for _, x := range list {
		if is(v, x) {
			return true
		}
	}
	return false
}
