package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ResourceKind is a sort of documents that the control plane keeps: what they are called on the wire. The members of such documents are
// between those who write and those who read them, so here they are JSON.
type ResourceKind struct {
	Name    string     // in words of this package and of the command line: "machine-group"
	NameKey string     // the member that names a document
	path    string     // of the list; {name} parts come from the places of calls
	listKey string     // the member of lists that holds the names, or the documents
	query   url.Values // of every call that lists
	account bool       // documents belong to the account, not to a project
}

// The kinds. Those of jobs are one namespace: a name is one job, whatever its type.
var (
	MachineGroups   = ResourceKind{Name: "machine-group", NameKey: "groupName", path: "/machinegroups", listKey: "machinegroups"}
	Configs         = ResourceKind{Name: "config", NameKey: "configName", path: "/configs", listKey: "configs"}
	PipelineConfigs = ResourceKind{Name: "pipeline-config", NameKey: "configName", path: "/pipelineconfigs", listKey: "configs"}
	SavedSearches   = ResourceKind{Name: "saved-search", NameKey: "savedsearchName", path: "/savedsearches", listKey: "savedsearches"}
	Dashboards      = ResourceKind{Name: "dashboard", NameKey: "dashboardName", path: "/dashboards", listKey: "dashboards"}
	ExternalStores  = ResourceKind{Name: "external-store", NameKey: "externalStoreName", path: "/externalstores", listKey: "externalstores"}
	StoreViews      = ResourceKind{Name: "store-view", NameKey: "name", path: "/storeviews", listKey: "storeviews"}
	MetricStores    = ResourceKind{Name: "metric-store", NameKey: "name", path: "/metricstores", listKey: "metricstores"}
	Jobs            = ResourceKind{Name: "job", NameKey: "name", path: "/jobs", listKey: "results"}
	Alerts          = jobKind("alert", "Alert")
	ScheduledSQLs   = jobKind("scheduled-sql", "ScheduledSQL")
	ETLs            = jobKind("etl", "ETL")
	Ingestions      = jobKind("ingestion", "Ingestion")
	Exports         = jobKind("export", "Export")
	Resources       = ResourceKind{Name: "resource", NameKey: "name", path: "/resources", listKey: "items", account: true}
	TopoStores      = ResourceKind{Name: "topostore", NameKey: "name", path: "/topostores", listKey: "items", account: true}
)

func jobKind(name, jobType string) ResourceKind {
	return ResourceKind{Name: name, NameKey: "name", path: "/jobs", listKey: "results", query: url.Values{"jobType": {jobType}}}
}

// ResourceKinds are all kinds.
func ResourceKinds() []ResourceKind {
	return []ResourceKind{
		MachineGroups, Configs, PipelineConfigs, SavedSearches, Dashboards, ExternalStores, StoreViews, MetricStores, Jobs, Alerts,
		ScheduledSQLs, ETLs, Ingestions, Exports, Resources, TopoStores,
	}
}

// SubStores are the kind of the sub-stores of a logstore.
func SubStores(logstore string) ResourceKind {
	return ResourceKind{Name: "sub-store", NameKey: "name", path: "/logstores/" + url.PathEscape(logstore) + "/substores", listKey: "substores"}
}

// Records are the kind of the records of a resource.
func Records(resource string) ResourceKind {
	return ResourceKind{Name: "record", NameKey: "id", path: "/resources/" + url.PathEscape(resource) + "/records", listKey: "items", account: true}
}

// InAccount reports whether documents of this kind belong to the account; the project of calls is ignored then.
func (k ResourceKind) InAccount() bool { return k.account }

func (k ResourceKind) host(project string) string {
	if k.account {
		return ""
	}
	return project
}

func (k ResourceKind) item(name string) string { return k.path + "/" + url.PathEscape(name) }

// ResourceNames lists the names of the documents of a kind, sorted.
func (c *Client) ResourceNames(ctx context.Context, k ResourceKind, project string) ([]string, error) {
	names := []string{}
	err := c.eachResource(ctx, k, project, func(raw json.RawMessage) error {
		name, err := k.nameIn(raw)
		names = append(names, name)
		return err
	})
	return names, err
}

// nameIn is the name of an entry of a list, which is a name or a document.
func (k ResourceKind) nameIn(raw json.RawMessage) (name string, err error) {
	if strings.HasPrefix(string(raw), `"`) {
		return name, json.Unmarshal(raw, &name)
	}
	var d map[string]json.RawMessage
	if err := json.Unmarshal(raw, &d); err != nil {
		return "", err
	}
	return name, json.Unmarshal(d[k.NameKey], &name)
}

// eachResource gives the entries of all pages of a list to fn.
func (c *Client) eachResource(ctx context.Context, k ResourceKind, project string, fn func(json.RawMessage) error) error {
	for read := 0; ; {
		query := pageQuery(read)
		for name, values := range k.query {
			query[name] = values
		}
		var page map[string]json.RawMessage
		if err := c.get(ctx, k.host(project), k.path, query, &page); err != nil {
			return err
		}
		var total int
		var entries []json.RawMessage
		if err := json.Unmarshal(page[k.listKey], &entries); err != nil {
			return fmt.Errorf("the list of %s has no array %s: %w", k.path, k.listKey, err)
		}
		if page["total"] == nil { // lists that have no pages
			total = len(entries)
		} else if err := json.Unmarshal(page["total"], &total); err != nil {
			return fmt.Errorf("the total of the list of %s: %w", k.path, err)
		}
		for _, raw := range entries {
			if err := fn(raw); err != nil {
				return err
			}
		}
		if read += len(entries); len(entries) == 0 || read >= total {
			return nil
		}
	}
}

// Resource returns a document. Error codes are of the kind: DashboardNotExist, JobNotExist and so on.
func (c *Client) Resource(ctx context.Context, k ResourceKind, project, name string) (json.RawMessage, error) {
	var d json.RawMessage
	err := c.get(ctx, k.host(project), k.item(name), nil, &d)
	return d, err
}

// CreateResource stores a new document.
func (c *Client) CreateResource(ctx context.Context, k ResourceKind, project string, document json.RawMessage) error {
	return c.sendJSON(ctx, http.MethodPost, k.host(project), k.path, nil, document, nil)
}

// UpdateResource replaces a document.
func (c *Client) UpdateResource(ctx context.Context, k ResourceKind, project, name string, document json.RawMessage) error {
	return c.sendJSON(ctx, http.MethodPut, k.host(project), k.item(name), nil, document, nil)
}

// SwitchJob sends an action to a job: enable or disable to an alert or a scheduled SQL, START or STOP to the others.
func (c *Client) SwitchJob(ctx context.Context, project, name, action string) error {
	return c.send(ctx, call{method: http.MethodPut, project: project, path: Jobs.item(name), query: url.Values{"action": {action}}}, nil)
}

// DeleteResource removes a document.
func (c *Client) DeleteResource(ctx context.Context, k ResourceKind, project, name string) error {
	if strings.HasPrefix(k.path, "/resources/") { // records are deleted by a list of ids
		return c.send(ctx, call{method: http.MethodDelete, path: k.path, query: url.Values{"ids": {name}}}, nil)
	}
	return c.send(ctx, call{method: http.MethodDelete, project: k.host(project), path: k.item(name)}, nil)
}

// ApplyConfig has a Logtail configuration apply to a machine group; RemoveConfig has it apply no more.
func (c *Client) ApplyConfig(ctx context.Context, project, group, config string) error {
	return c.send(ctx, call{method: http.MethodPut, project: project, path: MachineGroups.item(group) + "/configs/" + url.PathEscape(config)}, nil)
}

// RemoveConfig is the opposite of [Client.ApplyConfig].
func (c *Client) RemoveConfig(ctx context.Context, project, group, config string) error {
	return c.send(ctx, call{method: http.MethodDelete, project: project, path: MachineGroups.item(group) + "/configs/" + url.PathEscape(config)}, nil)
}

// AppliedConfigs are the names of the configurations that apply to a machine group.
func (c *Client) AppliedConfigs(ctx context.Context, project, group string) ([]string, error) {
	var answer struct {
		Configs []string `json:"configs"`
	}
	err := c.get(ctx, project, MachineGroups.item(group)+"/configs", nil, &answer)
	return answer.Configs, err
}

// AppliedGroups are the names of the machine groups that a configuration applies to.
func (c *Client) AppliedGroups(ctx context.Context, project, config string) ([]string, error) {
	var answer struct {
		Groups []string `json:"machinegroups"`
	}
	err := c.get(ctx, project, Configs.item(config)+"/machinegroups", nil, &answer)
	return answer.Groups, err
}
