package aws

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// PutEventSelectors, GetEventSelectors: which events a trail delivers. Events are chosen by the selectors of the time at which they happened.
//
// Differs: data resources are of types such as ACS::SLS::Logstore, and have names such as acs:log:…; types of AWS, which could never choose anything
// here, are refused. Data events are recorded at all where a trail asks for them.

// PutInsightSelectors, GetInsightSelectors: this server makes no insight events. To ask for none is fine.

const argTrailName = "TrailName"

var selectorOperations = []operation{
	{name: "PutEventSelectors", mutating: true, trail: argTrailName, handle: (*API).putEventSelectors},
	{name: "GetEventSelectors", trail: argTrailName, handle: (*API).getEventSelectors},
	{name: "PutInsightSelectors", mutating: true, trail: argTrailName, handle: (*API).putInsightSelectors},
	{name: "GetInsightSelectors", trail: argTrailName, handle: (*API).getInsightSelectors},
}

type selectorModel struct {
	TrailARN               string
	EventSelectors         []trails.Basic    `json:",omitempty"`
	AdvancedEventSelectors []trails.Advanced `json:",omitempty"`
}

func (a *API) selectorsOf(t *trails.Trail) selectorModel {
	m := selectorModel{TrailARN: a.Trails.ARN(t), AdvancedEventSelectors: t.Advanced}
	if len(t.Advanced) > 0 {
		return m
	}
	yes := true
	m.EventSelectors = []trails.Basic{{ReadWriteType: trails.All, IncludeManagementEvents: &yes}} // what a trail without any does
	if len(t.Basic) > 0 {
		m.EventSelectors = t.Basic
	}
	for i := range m.EventSelectors { // whoever reads them iterates
		if m.EventSelectors[i].DataResources == nil {
			m.EventSelectors[i].DataResources = []trails.DataResource{}
		}
		if m.EventSelectors[i].ExcludeManagementEventSources == nil {
			m.EventSelectors[i].ExcludeManagementEventSources = []string{}
		}
	}
	return m
}

func (a *API) putEventSelectors(q *request) (any, error) {
	var in selectorModel
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	if len(in.EventSelectors)+len(in.AdvancedEventSelectors) == 0 {
		return nil, sluice.Errorf(sluice.Invalid, "eventselectors", "name event selectors or advanced event selectors")
	}
	yes := true
	for i := range in.EventSelectors { // what is not said, said
		s := &in.EventSelectors[i]
		if s.ReadWriteType == "" {
			s.ReadWriteType = trails.All
		}
		if s.IncludeManagementEvents == nil {
			s.IncludeManagementEvents = &yes
		}
	}
	t, err := a.Trails.Update(q.r.Context(), q.trail, func(t *trails.Trail) error {
		t.Basic, t.Advanced = in.EventSelectors, in.AdvancedEventSelectors
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.selectorsOf(&t), nil
}

func (a *API) getEventSelectors(q *request) (any, error) {
	t, err := a.Trails.Get(q.r.Context(), q.trail)
	if err != nil {
		return nil, err
	}
	return a.selectorsOf(&t), nil
}

func (a *API) putInsightSelectors(q *request) (any, error) {
	var in struct {
		InsightSelectors []struct{ InsightType string }
	}
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	t, err := a.Trails.Get(q.r.Context(), q.trail)
	if err != nil {
		return nil, err
	}
	for _, s := range in.InsightSelectors {
		if s.InsightType != "ApiCallRateInsight" && s.InsightType != "ApiErrorRateInsight" {
			return nil, sluice.Errorf(sluice.Invalid, "insightselectors", "insight type %.80q is neither ApiCallRateInsight nor ApiErrorRateInsight", s.InsightType)
		}
	}
	if len(in.InsightSelectors) > 0 {
		return nil, sluice.Errorf(sluice.Unsupported, "", "this server makes no insight events: search the event history, or set an alert on its logstore")
	}
	return struct {
		TrailARN         string
		InsightSelectors []string
	}{a.Trails.ARN(&t), []string{}}, nil
}

func (a *API) getInsightSelectors(q *request) (any, error) {
	if _, err := a.Trails.Get(q.r.Context(), q.trail); err != nil {
		return nil, err
	}
	return nil, sluice.Errorf(sluice.NotFound, "insight", "trail %s has no insight selectors", q.trail.Name)
}
