package sls

import "github.com/sluicelog/sluice/internal/control"

// CreateSavedSearch: POST /savedsearches
//
// Body: savedsearchName, searchQuery, logstore, topic, displayName; other members are kept.
// Differs: kept for those who read it; the server itself runs none.

// ListSavedSearch: GET /savedsearches
//
// Behavior: names, sorted, and names with displayName; savedsearchName matches parts.

// GetSavedSearch: GET /savedsearches/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateSavedSearch: PUT /savedsearches/{name}
//
// Behavior: the whole document is replaced.

// DeleteSavedSearch: DELETE /savedsearches/{name}
//
// Behavior: it is gone at once.

// CreateDashboard: POST /dashboards
//
// Body: dashboardName, displayName, description, attribute, charts; other members are kept.
// Differs: kept for those who draw it; the server itself draws none yet.

// ListDashboard: GET /dashboards
//
// Behavior: names, sorted, and names with displayName; dashboardName matches parts.

// GetDashboard: GET /dashboards/{name}
//
// Behavior: what was sent, with createTime and lastModifyTime.

// UpdateDashboard: PUT /dashboards/{name}
//
// Behavior: the whole dashboard is replaced, with its charts.

// DeleteDashboard: DELETE /dashboards/{name}
//
// Behavior: it goes with its charts.

// CreateChart: POST /dashboards/{name}/charts
//
// Body: a chart, which is known by its title.

// GetChart: GET /dashboards/{name}/charts/{chart}
//
// Behavior: what was sent.

// UpdateChart: PUT /dashboards/{name}/charts/{chart}
//
// Also: PUT /dashboards/{name}/charts takes the title of the body.

// DeleteChart: DELETE /dashboards/{name}/charts/{chart}
//
// Behavior: it is gone at once.

var dashboardRoutes = []Route{
	{Method: "GET", Path: "/savedsearches", Action: "ListSavedSearch", Resource: "savedsearch/*", handle: list(listing{
		kind: control.SavedSearches, key: "savedsearches", part: "savedsearchName", items: "savedsearchItems",
	})},
	{Method: "POST", Path: "/savedsearches", Action: "CreateSavedSearch", Resource: "savedsearch/*", Mutating: true, handle: createDocument(control.SavedSearches)},
	{Method: "GET", Path: "/savedsearches/{name}", Action: "GetSavedSearch", Resource: "savedsearch/{name}", handle: getDocument(control.SavedSearches)},
	{Method: "PUT", Path: "/savedsearches/{name}", Action: "UpdateSavedSearch", Resource: "savedsearch/{name}", Mutating: true, handle: updateDocument(control.SavedSearches)},
	{Method: "DELETE", Path: "/savedsearches/{name}", Action: "DeleteSavedSearch", Resource: "savedsearch/{name}", Mutating: true, handle: deleteDocument(control.SavedSearches)},

	{Method: "GET", Path: "/dashboards", Action: "ListDashboard", Resource: "dashboard/*", handle: list(listing{
		kind: control.Dashboards, key: "dashboards", part: "dashboardName", items: "dashboardItems",
	})},
	{Method: "POST", Path: "/dashboards", Action: "CreateDashboard", Resource: "dashboard/*", Mutating: true, handle: createDocument(control.Dashboards)},
	{Method: "GET", Path: "/dashboards/{name}", Action: "GetDashboard", Resource: "dashboard/{name}", handle: getDocument(control.Dashboards)},
	{Method: "PUT", Path: "/dashboards/{name}", Action: "UpdateDashboard", Resource: "dashboard/{name}", Mutating: true, handle: updateDocument(control.Dashboards)},
	{Method: "DELETE", Path: "/dashboards/{name}", Action: "DeleteDashboard", Resource: "dashboard/{name}", Mutating: true, handle: deleteDocument(control.Dashboards)},

	{Method: "POST", Path: "/dashboards/{name}/charts", Action: "CreateChart", Resource: "dashboard/{name}", Mutating: true, handle: (*API).createChart},
	{Method: "PUT", Path: "/dashboards/{name}/charts", Action: "UpdateChart", Resource: "dashboard/{name}", Mutating: true, handle: (*API).updateChart},
	{Method: "GET", Path: "/dashboards/{name}/charts/{chart}", Action: "GetChart", Resource: "dashboard/{name}", handle: (*API).getChart},
	{Method: "PUT", Path: "/dashboards/{name}/charts/{chart}", Action: "UpdateChart", Resource: "dashboard/{name}", Mutating: true, handle: (*API).updateChart},
	{Method: "DELETE", Path: "/dashboards/{name}/charts/{chart}", Action: "DeleteChart", Resource: "dashboard/{name}", Mutating: true, handle: (*API).deleteChart},
}

func (a *API) createChart(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	if err := a.Control.CreateChart(q.ctx(), q.project, q.vars.get("name"), raw); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) updateChart(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	if err := a.Control.UpdateChart(q.ctx(), q.project, q.vars.get("name"), q.vars.get("chart"), raw); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getChart(q *request) error {
	chart, err := a.Control.Chart(q.ctx(), q.project, q.vars.get("name"), q.vars.get("chart"))
	if err != nil {
		return err
	}
	return q.json(chart)
}

func (a *API) deleteChart(q *request) error {
	if err := a.Control.DeleteChart(q.ctx(), q.project, q.vars.get("name"), q.vars.get("chart")); err != nil {
		return err
	}
	return q.ok()
}
