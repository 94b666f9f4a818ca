package trails

import (
	"testing"

	"github.com/sluicelog/sluice/internal/trail"
)

func event(category trail.Category, service, name string, readOnly bool, resources ...trail.Resource) *trail.Event {
	return &trail.Event{Category: category, Type: trail.APICall, Service: service, Name: name, ReadOnly: readOnly, Resources: resources}
}

var (
	no     = false
	logs   = trail.Resource{Type: "ACS::SLS::Logstore", Name: "app", ARN: "acs:log:cn-hangzhou:1:project/web/logstore/app"}
	others = trail.Resource{Type: "ACS::SLS::Logstore", Name: "db", ARN: "acs:log:cn-hangzhou:1:project/web/logstore/db"}

	makes  = event(trail.Management, "sls", "CreateLogStore", false, logs)
	looks  = event(trail.Management, "sls", "GetLogStore", true, logs)
	puts   = event(trail.Data, "sls", "PostLogStoreLogs", false, logs)
	pulls  = event(trail.Data, "sls", "GetCursorOrData", true, others)
	anchor = &trail.Event{Category: trail.Management, Type: trail.ServiceEvent, Service: "sluice", Name: "Anchor", ReadOnly: true}
)

func TestSelection(t *testing.T) {
	all := map[string]*trail.Event{"makes": makes, "looks": looks, "puts": puts, "pulls": pulls, "anchor": anchor}
	for _, c := range []struct {
		name   string
		flavor Flavor
		s      Selection
		want   string // of the events above, those that are chosen
	}{
		{"cloudtrail without selectors: management", CloudTrail, Selection{}, "makes looks anchor"},
		{"basic: one that says nothing is all management", CloudTrail, Selection{Basic: []Basic{{}}}, "makes looks anchor"},
		{"basic: writes", CloudTrail, Selection{Basic: []Basic{{ReadWriteType: WriteOnly}}}, "makes"},
		{"basic: reads", CloudTrail, Selection{Basic: []Basic{{ReadWriteType: ReadOnly}}}, "looks anchor"},
		{"basic: any of two", CloudTrail, Selection{Basic: []Basic{{ReadWriteType: WriteOnly}, {ReadWriteType: ReadOnly}}}, "makes looks anchor"},
		{"basic: a source left out", CloudTrail, Selection{Basic: []Basic{{ExcludeManagementEventSources: []string{"sls"}}}}, "anchor"},
		{"basic: data of all logstores", CloudTrail, Selection{Basic: []Basic{{
			IncludeManagementEvents: &no, DataResources: []DataResource{{Type: "ACS::SLS::Logstore", Values: []string{"acs:log"}}},
		}}}, "puts pulls"},
		{"basic: data of one, written", CloudTrail, Selection{Basic: []Basic{{
			ReadWriteType: WriteOnly, DataResources: []DataResource{{Type: "ACS::SLS::Logstore", Values: []string{logs.ARN, others.ARN}}},
		}}}, "makes puts"},
		{"basic: no values, no data", CloudTrail, Selection{Basic: []Basic{{
			IncludeManagementEvents: &no, DataResources: []DataResource{{Type: "ACS::SLS::Logstore"}},
		}}}, ""},
		{"advanced: equals", CloudTrail, advanced(Field{Field: fieldCategory, Equals: []string{"Data"}}), "puts pulls"},
		{"advanced: AND between fields", CloudTrail, advanced(
			Field{Field: fieldCategory, Equals: []string{"Data"}}, Field{Field: fieldReadOnly, Equals: []string{"true"}}), "pulls"},
		{"advanced: OR between values", CloudTrail, advanced(
			Field{Field: fieldName, Equals: []string{"CreateLogStore"}, StartsWith: []string{"Get"}}), "makes looks pulls"},
		{"advanced: negative values are AND", CloudTrail, advanced(
			Field{Field: fieldName, NotStartsWith: []string{"Get", "Post"}, NotEndsWith: []string{"or"}}), "makes"},
		{"advanced: positive and negative", CloudTrail, advanced(
			Field{Field: fieldARN, StartsWith: []string{"acs:log"}, NotEndsWith: []string{"/db"}}), "makes looks puts"},
		{"advanced: without resources no name of one", CloudTrail, advanced(Field{Field: fieldARN, NotEquals: []string{"x"}}), "makes looks puts pulls anchor"},
		{"advanced: type", CloudTrail, advanced(Field{Field: fieldType, Equals: []string{"ACS::SLS::Logstore"}}), "makes looks puts pulls"},
		{"advanced: source", CloudTrail, advanced(Field{Field: fieldSource, NotEquals: []string{"sls"}}), "anchor"},
		{"actiontrail by default: writes", ActionTrail, Selection{}, "makes anchor"},
		{"actiontrail: reads", ActionTrail, Selection{RW: ReadOnly}, "looks anchor"},
		{"actiontrail: all", ActionTrail, Selection{RW: All}, "makes looks anchor"},
		{"actiontrail: data of a service", ActionTrail, Selection{Services: []Service{{ServiceName: "Sls"}}}, "makes anchor puts pulls"},
		{"actiontrail: some data of a service", ActionTrail, Selection{
			Services: []Service{{ServiceName: "sls", EventNames: []string{"PostLogStoreLogs"}}},
		}, "makes anchor puts"},
	} {
		want := map[string]bool{}
		for _, name := range words(c.want) {
			want[name] = true
		}
		for name, e := range all {
			if got := c.s.chooses(c.flavor, e, func(e *trail.Event) string { return e.Service }); got != want[name] {
				t.Errorf("%s: %s: chosen %v, want %v", c.name, name, got, want[name])
			}
		}
	}
}

func advanced(fields ...Field) Selection {
	return Selection{Advanced: []Advanced{{FieldSelectors: fields}}}
}

func TestSelectionRefuses(t *testing.T) {
	category := Field{Field: fieldCategory, Equals: []string{"Data"}}
	many := make([]string, maxAdvanced+1)
	for i := range many {
		many[i] = "x"
	}
	for name, s := range map[string]Selection{
		"both kinds":                {Basic: []Basic{{}}, Advanced: advanced(category).Advanced},
		"six basic ones":            {Basic: make([]Basic, 6)},
		"a read-write type":         {Basic: []Basic{{ReadWriteType: "Some"}}},
		"a type that is not here":   {Basic: []Basic{{DataResources: []DataResource{{Type: "AWS::S3::Object", Values: []string{"arn:aws:s3"}}}}}},
		"251 data resources":        {Basic: []Basic{{DataResources: []DataResource{{Type: "ACS::SLS::Logstore", Values: many[:251]}}}}},
		"an empty value":            {Basic: []Basic{{DataResources: []DataResource{{Type: "ACS::SLS::Logstore", Values: []string{""}}}}}},
		"no category":               advanced(Field{Field: fieldName, Equals: []string{"x"}}),
		"a category that is not":    advanced(Field{Field: fieldCategory, Equals: []string{"Insight"}}),
		"an unknown field":          advanced(category, Field{Field: "userIdentity.arn", Equals: []string{"x"}}),
		"an operator of a category": advanced(Field{Field: fieldCategory, NotEquals: []string{"Data"}}),
		"readOnly that is not":      advanced(category, Field{Field: fieldReadOnly, Equals: []string{"yes"}}),
		"a field without values":    advanced(category, Field{Field: fieldName}),
		"501 values":                advanced(category, Field{Field: fieldName, Equals: many}),
		"a type of advanced ones":   advanced(category, Field{Field: fieldType, Equals: []string{"AWS::S3::Object"}}),
		"EventRW":                   {RW: "Some"},
	} {
		if err := s.validate(CloudTrail); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
