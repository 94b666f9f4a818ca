package pop

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// PutDataEventSelector, GetDataEventSelector, DeleteDataEventSelector, ListDataEventSelectors: of which services, and which of their events, a trail has data events.
//
// Differs: a selector names a service and, with EventName.Equals, events of it; ReadWriteType other than All, NotEquals and ResourceArn are not served.
// Data events go to all destinations of the trail, in the one region that there is; TrailRegionIds is told back as that.

// ListDataEventServices: the services that have data events, and these.

var auditSelectors = []action{
	audit("PutDataEventSelector", true, (*API).putDataSelector, ofTheTrail),
	audit("GetDataEventSelector", false, (*API).getDataSelector, ofTheTrail),
	audit("DeleteDataEventSelector", true, (*API).deleteDataSelector, ofTheTrail),
	audit("ListDataEventSelectors", false, (*API).listDataSelectors, anyTrail),
	audit("ListDataEventServices", false, (*API).listDataServices, "*"),
}

// dataService is one element of the array of selectors.
type dataService struct {
	ServiceName   string
	ReadWriteType string      `json:",omitempty"`
	EventName     *dataEvents `json:",omitempty"`
}

type dataEvents struct {
	Equals []string
}

// parseDataServices reads an array of selectors. What is not served is an error, since a trail that has more or less than it was asked for would be found
// out late.
func parseDataServices(text string) ([]trails.Service, error) {
	var given []dataService
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&given); err != nil {
		return nil, invalid("EventSelectors", `it is not a JSON array such as [{"ServiceName":"Sls","EventName":{"Equals":["PostLogStoreLogs"]}}]: %v`, err)
	}
	services := make([]trails.Service, len(given))
	for i, g := range given {
		if _, ok := shape.ServiceNamed(g.ServiceName); !ok {
			return nil, invalid("EventSelectors", "this server has no service %.80q: see ListDataEventServices", g.ServiceName)
		}
		if g.ReadWriteType != "" && g.ReadWriteType != "All" {
			return nil, sluice.Errorf(sluice.Unsupported, "parameter", "ReadWriteType %.20q is not served here: name the events in EventName", g.ReadWriteType)
		}
		services[i].ServiceName = g.ServiceName
		if g.EventName != nil {
			services[i].EventNames = g.EventName.Equals
		}
	}
	return services, nil
}

func dataServicesText(services []trails.Service) string {
	list := make([]dataService, len(services))
	for i, s := range services {
		list[i].ServiceName = s.ServiceName
		if len(s.EventNames) > 0 {
			list[i].EventName = &dataEvents{s.EventNames}
		}
	}
	text, _ := json.Marshal(list) // of texts
	return string(text)
}

// slsDelivery is a region from which data events go to the logstore.
type slsDelivery struct{ TrailRegion string }

func (a *API) slsDeliveries(t *trails.Trail) []slsDelivery {
	if t.Project == "" {
		return []slsDelivery{}
	}
	return []slsDelivery{{t.Region}}
}

// dataSelector is what data events a trail has.
type dataSelector struct {
	DataEventSelectors string
	SlsDeliveryConfigs []slsDelivery
}

func (a *API) dataSelector(t *trails.Trail) dataSelector {
	return dataSelector{dataServicesText(t.Services), a.slsDeliveries(t)}
}

func (a *API) putDataSelector(q *request) (any, error) {
	text, err := q.text("EventSelectors")
	if err != nil {
		return nil, err
	}
	services, err := parseDataServices(text)
	if err != nil {
		return nil, err
	}
	return a.selectData(q, services)
}

func (a *API) deleteDataSelector(q *request) (any, error) {
	_, err := a.selectData(q, nil)
	return nil, err
}

func (a *API) selectData(q *request, services []trails.Service) (any, error) {
	key, err := q.trailKey(paramOfTrail)
	if err != nil {
		return nil, err
	}
	t, err := a.Trails.Update(q.r.Context(), key, func(t *trails.Trail) error {
		t.Services = services
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.dataSelector(&t), nil
}

func (a *API) getDataSelector(q *request) (any, error) {
	key, err := q.trailKey(paramOfTrail)
	if err != nil {
		return nil, err
	}
	t, err := a.Trails.Get(q.r.Context(), key)
	if err != nil {
		return nil, err
	}
	return a.dataSelector(&t), nil
}

func (a *API) listDataSelectors(q *request) (any, error) {
	all, err := a.Trails.List(q.r.Context(), q.account(), trails.ActionTrail)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t trails.Trail) bool { return len(t.Services) == 0 })
	type info struct {
		TrailName, EventSelectors string
		SlsDeliveryConfigs        []slsDelivery
	}
	return listed(q, each(all, func(t trails.Trail) info { return info{t.Name, dataServicesText(t.Services), a.slsDeliveries(&t)} }), func(page []info, size int, next string) any {
		return struct {
			MaxResults             int
			NextToken              string `json:",omitempty"`
			DataEventSelectorInfos []info
		}{size, next, page}
	})
}

// dataServiceInfo is what data events a service has.
type dataServiceInfo struct {
	ServiceName string
	EventNames  []string
}

func (a *API) listDataServices(q *request) (any, error) {
	var all []dataServiceInfo
	if a.DataEvents != nil {
		events := a.DataEvents()
		for _, service := range slices.Sorted(maps.Keys(events)) {
			all = append(all, dataServiceInfo{shape.ServiceName(service), events[service]})
		}
	}
	return listed(q, all, func(page []dataServiceInfo, size int, next string) any {
		return struct {
			MaxResults   int
			NextToken    string `json:",omitempty"`
			ServiceInfos []dataServiceInfo
		}{size, next, page}
	})
}

// listed is a page of a list, in the member Data.
func listed[T any](q *request, all []T, data func(page []T, size int, next string) any) (any, error) {
	page, size, next, err := cut(q, "MaxResults", all)
	if err != nil {
		return nil, err
	}
	return struct{ Data any }{data(page, size, next)}, nil
}
