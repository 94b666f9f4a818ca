package sls

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/site"
)

// CreateProject: POST / on the project's host or, as the Node SDK does, on the bare one.
//
// Body: projectName, description, resourceGroupId, dataRedundancyType (LRS or ZRS), recycleBinEnabled.
// Behavior: the project exists when the answer leaves, and belongs to the signer's account. Names are unique over all accounts.
// Differs: dataRedundancyType and recycleBinEnabled are kept and shown, and change nothing. Projects named esa-… and sluice-assistant… hold the logs of edge sites
// and the records of machines: only the account whose they are makes one.
// Differs: an account has at most limits.projects_per_account projects, 10,000 by default; then ProjectQuotaExceed.

// GetProject: GET / on the project's host.
//
// Differs: region and location are the server's configured region; quota is not shown.

// UpdateProject: PUT / on the project's host.
//
// Body: description, recycleBinEnabled; what is absent stays.

// DeleteProject: DELETE / on the project's host.
//
// Behavior: the project goes with its logstores and their data, at once.
// Differs: there is no recycle bin.

// ListProject: GET / on the bare host.
//
// Behavior: the projects of the signer's account. projectName and description match parts, resourceGroupId matches whole.
// Differs: fetchQuota, type, regionId and searchText are ignored.

// ListProjectCrossRegion: GET /?crossRegion=true
//
// Behavior: as ListProject, with times that are numbers.
// Differs: there is one region; regionId and searchText are ignored.

var projectRoutes = []Route{
	{Method: "POST", Path: "/", Host: OnAny, Action: "CreateProject", Resource: "project", Mutating: true, Late: true, handle: (*API).createProject},
	{Method: "GET", Path: "/", Action: "GetProject", Resource: "project", handle: (*API).getProject},
	{Method: "PUT", Path: "/", Action: "UpdateProject", Resource: "project", Mutating: true, handle: (*API).updateProject},
	{Method: "DELETE", Path: "/", Action: "DeleteProject", Resource: "project", Mutating: true, handle: (*API).deleteProject},
	{Method: "GET", Path: "/", When: "crossRegion=|false|False", Host: OnBare, Action: "ListProject", Resource: "/project/*", handle: (*API).listProjects},
	{Method: "GET", Path: "/", When: "crossRegion=true|True", Host: OnBare, Action: "ListProjectCrossRegion", Permission: "log:ListProject", Resource: "/project/*", handle: (*API).listRegions},
}

type projectObject struct {
	Name              string `json:"projectName"`
	Status            string `json:"status"`
	Description       string `json:"description"`
	Owner             string `json:"owner"`
	Region            string `json:"region"`
	CreateTime        string `json:"createTime"` // text, unlike a logstore's
	LastModifyTime    string `json:"lastModifyTime"`
	ResourceGroupID   string `json:"resourceGroupId"`
	DataRedundancy    string `json:"dataRedundancyType"`
	RecycleBinEnabled bool   `json:"recycleBinEnabled"`
	Location          string `json:"location"`
	InternetEndpoint  string `json:"internetEndpoint"`
	InternalEndpoint  string `json:"internalEndpoint"`
}

func (a *API) projectObject(p meta.Project) projectObject {
	return projectObject{
		Name: p.Name, Status: "Normal", Description: p.Description, Owner: a.Keys.AccountID(p.Account), Region: a.o.Region,
		CreateTime: unixText(p.Created), LastModifyTime: unixText(p.Modified),
		ResourceGroupID: p.ResourceGroupID, DataRedundancy: cmp.Or(p.DataRedundancy, "LRS"), RecycleBinEnabled: p.RecycleBinEnabled,
		Location: a.o.Region, InternetEndpoint: a.o.Endpoint, InternalEndpoint: a.o.Endpoint,
	}
}

func unixText(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func (a *API) createProject(q *request) error {
	var body struct {
		Name              string    `json:"projectName"`
		Description       string    `json:"description"`
		ResourceGroupID   string    `json:"resourceGroupId"`
		DataRedundancy    string    `json:"dataRedundancyType"`
		RecycleBinEnabled looseBool `json:"recycleBinEnabled"`
	}
	if err := q.decode("project", &body); err != nil {
		return err
	}
	name := cmp.Or(body.Name, q.project)
	if q.project != "" && name != q.project {
		return sluice.Errorf(sluice.Invalid, "project", "projectName %.64q is not the project of the host, %.64q", name, q.project)
	}
	q.call.Project = name
	if err := q.permit(name, ""); err != nil {
		return err
	}
	if strings.HasPrefix(name, site.Prefix) && !q.principal.Owns("") { // or one account could take the names of another's sites
		return sluice.Errorf(sluice.Invalid, "project", "projects named %s… belong to edge sites: make a site", site.Prefix)
	}
	if assistant.Reserved(name) && name != assistant.Project(q.principal.Tenant()) { // likewise the records of another's machines
		return sluice.Errorf(sluice.Invalid, "project", "projects named like this belong to records of commands: that of your account is %s", assistant.Project(q.principal.Tenant()))
	}
	err := a.Catalog.CreateProject(q.ctx(), meta.Project{
		Name: name, Account: q.principal.Tenant(), Description: body.Description, ResourceGroupID: body.ResourceGroupID,
		DataRedundancy: body.DataRedundancy, RecycleBinEnabled: bool(body.RecycleBinEnabled),
	})
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getProject(q *request) error {
	p, err := a.Catalog.Project(q.ctx(), q.project)
	if err != nil {
		return err
	}
	return q.json(a.projectObject(p))
}

func (a *API) updateProject(q *request) error {
	var body struct {
		Description       *string    `json:"description"`
		RecycleBinEnabled *looseBool `json:"recycleBinEnabled"`
	}
	if err := q.decode("project", &body); err != nil {
		return err
	}
	err := a.Catalog.UpdateProject(q.ctx(), q.project, func(p *meta.Project) {
		set(&p.Description, body.Description)
		set(&p.RecycleBinEnabled, (*bool)(body.RecycleBinEnabled))
	})
	if err != nil {
		return err
	}
	return q.ok()
}

// set changes a field to what a body said about it, if anything.
func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

func (a *API) deleteProject(q *request) error {
	if err := a.Catalog.DeleteProject(q.ctx(), q.project); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) listProjects(q *request) error {
	page, total, err := a.projectPage(q)
	if err != nil {
		return err
	}
	projects := make([]projectObject, len(page))
	for i, p := range page {
		projects[i] = a.projectObject(p)
	}
	return q.json(struct {
		Count    int             `json:"count"`
		Total    int             `json:"total"`
		Projects []projectObject `json:"projects"`
	}{len(projects), total, projects})
}

// projectPage is the page of projects that a list is asked for.
func (a *API) projectPage(q *request) ([]meta.Project, int, error) {
	offset, size, err := q.page()
	if err != nil {
		return nil, 0, err
	}
	return a.Catalog.Projects(q.ctx(), catalog.ProjectFilter{
		Name: q.query.Get("projectName"), Description: q.query.Get("description"), ResourceGroupID: q.query.Get("resourceGroupId"),
		Owner: q.principal.Owns, Hidden: a.Keys.Guarded(), Offset: offset, Size: size,
	})
}

// regionProject is a project as the list of all regions has it: with times that are numbers.
type regionProject struct {
	projectObject
	CreateTime     int64 `json:"createTime"`
	LastModifyTime int64 `json:"lastModifyTime"`
}

func (a *API) listRegions(q *request) error {
	page, total, err := a.projectPage(q)
	if err != nil {
		return err
	}
	projects := make([]regionProject, len(page))
	for i, p := range page {
		projects[i] = regionProject{a.projectObject(p), p.Created.Unix(), p.Modified.Unix()}
	}
	return q.json(map[string]any{"count": len(projects), "total": total, "projects": projects})
}
