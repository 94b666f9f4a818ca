package sls

// ListConfig: GET /configs
//
// Behavior: there are no Logtail configurations, since none can be created yet, and that is what the list says. The tools of the
// Python SDK that copy logstores ask for it.

var configRoutes = []Route{
	{Method: "GET", Path: "/configs", Action: "ListConfig", Resource: "logtailconfig/*", handle: (*API).listConfigs},
}

func (a *API) listConfigs(q *request) error {
	if _, _, err := q.page(); err != nil {
		return err
	}
	if _, err := a.Catalog.Project(q.ctx(), q.project); err != nil {
		return err
	}
	return q.json(struct {
		Count   int      `json:"count"`
		Total   int      `json:"total"`
		Configs []string `json:"configs"`
	}{0, 0, []string{}})
}
