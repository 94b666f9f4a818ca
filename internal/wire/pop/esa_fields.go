package pop

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/category"
	"github.com/sluicelog/sluice/internal/site"
)

// GetRealtimeDeliveryField: the fields of the logs of a category, by group.

// CreateSiteCustomLog, UpdateSiteCustomLog: which headers and cookies access logs carry in CustomFields; both set all three lists.

// GetSiteCustomLog: IsExist is false until somebody set them.

// CreateSlrRoleForRealtimeLog: success without effect: this server needs no role to write to its own logstores.

var esaFields = []action{
	esa("GetRealtimeDeliveryField", false, (*API).getRealtimeDeliveryField),
	esa("CreateSiteCustomLog", true, (*API).setSiteCustomLog),
	esa("UpdateSiteCustomLog", true, (*API).setSiteCustomLog),
	esa("GetSiteCustomLog", false, (*API).getSiteCustomLog),
	esa("CreateSlrRoleForRealtimeLog", true, (*API).createSlrRole),
}

type fieldModel struct {
	FieldName, Description, DescriptionCn, Category, DataType string

	SortOrder int
	IsDefault bool
}

type fieldGroup struct {
	SortOrder int
	FieldList []fieldModel
}

func (a *API) getRealtimeDeliveryField(q *request) (any, error) {
	id, err := q.text("BusinessType")
	if err != nil {
		return nil, err
	}
	c, ok := category.Find(id)
	if !ok {
		return nil, invalid("BusinessType", "%.64q is none of %v", id, categoryNames())
	}
	groups := map[string]*fieldGroup{}
	for i, f := range c.Fields {
		g := groups[f.Group]
		if g == nil {
			g = &fieldGroup{SortOrder: len(groups) + 1}
			groups[f.Group] = g
		}
		g.FieldList = append(g.FieldList, fieldModel{f.Name, f.Description, f.Chinese, f.Group, string(f.Type), i + 1, f.Default})
	}
	return struct{ FieldContent map[string]*fieldGroup }{groups}, nil
}

func (a *API) setSiteCustomLog(q *request) (any, error) {
	id, err := a.siteID(q)
	if err != nil {
		return nil, err
	}
	var c site.CustomLog
	for name, list := range map[string]*[]string{
		"RequestHeaders": &c.RequestHeaders, "ResponseHeaders": &c.ResponseHeaders, "Cookies": &c.Cookies,
	} {
		if _, err := q.object(name, list); err != nil {
			return nil, err
		}
	}
	return nil, a.Sites.SetCustomLog(q.r.Context(), id, c)
}

func (a *API) getSiteCustomLog(q *request) (any, error) {
	id, err := a.siteID(q)
	if err != nil {
		return nil, err
	}
	c, set, err := a.Sites.CustomLog(q.r.Context(), id)
	if err != nil {
		return nil, err
	}
	return struct {
		SiteID         int64 `json:"SiteId"`
		ConfigID       int64 `json:"ConfigId"`
		IsExist        bool
		LogCustomField site.CustomLog
	}{id, id, set, c}, nil
}

func (a *API) createSlrRole(q *request) (any, error) { return nil, q.permit("") }

// The logs of edge containers are written to logstore ec of the account by whoever runs the containers; there is nothing here that collects them.

var esaContainers = []action{
	esa("GetEdgeContainerAppLogRiver", false, noContainers),
	esa("UpdateEdgeContainerAppLogRiver", true, noContainers),
	esa("GetEdgeContainerLogs", false, noContainers),
	esa("DescribeSiteLogs", false, noContainers),
}

func noContainers(_ *API, q *request) (any, error) {
	return nil, sluice.Errorf(sluice.Unsupported, "action",
		"%s is not supported by this server: it runs no containers and keeps no offline files; write logs to project %s", q.action.name, site.AccountProject(q.principal.Tenant()))
}
