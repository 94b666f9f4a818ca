package shape_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/shape"
)

// fields makes n fields of a text each.
func fields(n int, text string) map[string]any {
	m := map[string]any{}
	for i := range n {
		m[fmt.Sprintf("field%06d", i)] = text
	}
	return m
}

// TestSizes: what goes when an event is too large, in which order, and that it is said (reference audit 3.2).
func TestSizes(t *testing.T) {
	long, short := strings.Repeat("x", 5000), strings.Repeat("x", 1000)
	quoted := strings.Repeat("\"", 990) // which takes twice the space in JSON, and twice again as text in it
	type want struct {
		request, response, additional string // "whole", "short", "none"
		truncated                     []string
	}
	for name, c := range map[string]struct {
		event  trail.Event
		action bool
		want   want
	}{
		"small":                                      {trail.Event{Request: fields(3, long)}, false, want{"whole", "none", "whole", nil}},
		"a long request":                             {trail.Event{Request: fields(30, long)}, false, want{"short", "none", "whole", []string{"requestParameters"}}},
		"a request of many fields":                   {trail.Event{Request: fields(200, short)}, false, want{"none", "none", "whole", []string{"requestParameters"}}},
		"a long answer":                              {trail.Event{Response: fields(30, long)}, false, want{"none", "short", "whole", []string{"responseElements"}}},
		"an answer of many fields":                   {trail.Event{Response: fields(200, short)}, false, want{"none", "none", "whole", []string{"responseElements"}}},
		"much besides":                               {trail.Event{Additional: fields(100, short)}, false, want{"none", "none", "none", []string{"additionalEventData"}}},
		"as much as each may, as a record":           {trail.Event{Request: fields(90, short), Response: fields(90, short), Additional: fields(20, short)}, false, want{"whole", "whole", "whole", nil}},
		"as much as each may, as ActionTrail has it": {trail.Event{Request: fields(90, short), Response: fields(90, short)}, true, want{"whole", "none", "whole", []string{"responseElements"}}},
		"an answer that goes before long texts":      {trail.Event{Request: fields(18, long+"\""), Response: fields(95, short)}, true, want{"whole", "none", "whole", []string{"responseElements"}}},
		"texts that are longer as JSON in JSON":      {trail.Event{Request: fields(49, quoted), Response: fields(90, short)}, true, want{"none", "none", "whole", []string{"responseElements", "requestParameters"}}},
		"what was cut before":                        {trail.Event{Response: fields(200, short), Additional: map[string]any{"truncated": []any{"userAgent"}}}, false, want{"none", "none", "whole", []string{"userAgent", "responseElements"}}},
		"details of an event of the server":          {trail.Event{Type: trail.ServiceEvent, Request: fields(200, short)}, false, want{"none", "none", "whole", []string{"serviceEventDetails"}}},
		"long texts deep in a request":               {trail.Event{Request: map[string]any{"a": []any{fields(30, long)}}}, false, want{"short", "none", "whole", []string{"requestParameters"}}},
		"many resources":                             {trail.Event{Resources: slices.Repeat([]trail.Resource{{Type: "ACS::ECS::Instance", Name: short, ARN: short}}, 1000)}, false, want{"none", "none", "whole", []string{"resources"}}},
		"many resources, as ActionTrail has them":    {trail.Event{Resources: slices.Repeat([]trail.Resource{{Type: "ACS::ECS::Instance", Name: short}}, 1000)}, true, want{"none", "none", "whole", []string{"resources"}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := c.event
			e.ID, e.Identity.Kind, e.Agent, e.ErrorMessage = "0b7a2c52", trail.Root, strings.Repeat("é", 2000), strings.Repeat("e", 2000)
			out := cloud(t, &e, shape.Options{})
			if c.action {
				out = action(t, &e)
			}
			if len(out) > shape.MaxRecord {
				t.Errorf("the shape has %d bytes", len(out))
			}
			var r struct {
				RequestParameters, ResponseElements, ServiceEventDetails map[string]any
				AdditionalEventData                                      map[string]any
				UserAgent, ErrorMessage                                  string
			}
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatal(err)
			}
			if len(r.UserAgent) > 1024 || !utf8.ValidString(r.UserAgent) || len(r.ErrorMessage) != 1024 {
				t.Errorf("the agent has %d bytes, the message %d", len(r.UserAgent), len(r.ErrorMessage))
			}
			request := r.RequestParameters
			if e.Type == trail.ServiceEvent {
				request = r.ServiceEventDetails
			}
			got := want{whole(e.Request, request), whole(e.Response, r.ResponseElements), "whole", nil}
			if list, ok := r.AdditionalEventData["truncated"].([]any); ok {
				for _, name := range list {
					got.truncated = append(got.truncated, name.(string))
				}
			}
			delete(r.AdditionalEventData, "truncated")
			if len(e.Additional) > 1 {
				got.additional = whole(e.Additional, r.AdditionalEventData)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// whole says how much of an object is there.
func whole(all, got map[string]any) string {
	switch {
	case len(got) == 0:
		return "none"
	case cmp.Equal(all, got):
		return "whole"
	}
	return "short"
}

// TestShortened: what stands for a long text.
func TestShortened(t *testing.T) {
	e := &trail.Event{Request: map[string]any{"a": strings.Repeat("x", 110<<10), "b": 1}}
	const want = `"requestParameters":{"a":{"length":112640,"sha256":"6e8d757a2fac850a71c9d299fd6889a06d52447fd8b676189d77e27ae719fe90"},"b":1}`
	if got := string(cloud(t, e, shape.Options{})); !strings.Contains(got, want) {
		t.Errorf("it is %.400s", got)
	}
}

// TestNoJSON: an event that cannot be written is an error, not half a record.
func TestNoJSON(t *testing.T) {
	e := &trail.Event{ID: "x", Request: map[string]any{"f": func() {}}}
	if out, err := shape.CloudTrail(e, shape.Options{}); err == nil || !strings.Contains(err.Error(), "event x") {
		t.Errorf("it is %s, %v", out, err)
	}
	if out, err := shape.ActionTrail(e); err == nil {
		t.Errorf("it is %s", out)
	}
}
