package pop

import (
	"encoding/json"
	"strconv"

	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/meta"
)

// AnalyzeAppLog: makes the account's log audit, or replaces what it is to collect: AppType (audit), DisplayName, and VariableMap, texts as JSON.
//
// Differs: what is to be collected is kept and told, and nothing acts on it: there are none of the cloud's products here, so none of their logs are
// collected, and no project is made. Message of the answer says so. Variables are told by what their names end in (`_enabled`, `_ttl`,
// `_collection_policy`, `_policy_setting`), and switches, days and accounts are checked. What is done on this server goes where its
// trails say, see CreateTrail.

// DescribeApp: AppName (audit). Config of its AppModel is JSON: the variables, as they were sent, are its initParam.

// DeleteApp: AppName (audit). What it was to collect is forgotten.

const logVersion = "2019-10-23" // of the actions that Simple Log Service has in this dialect

// Parameters that name the app.
const (
	paramApp     = "AppName"
	paramAppType = "AppType" // says the same as a name
)

// logApps have the permissions that policies for users of the log audit name.
var logApps = []action{
	{version: logVersion, name: "AnalyzeAppLog", permission: "log:CreateApp", mutating: true, resources: []string{"app/{" + paramAppType + "}"}, handle: (*API).analyzeAppLog},
	{version: logVersion, name: "DescribeApp", permission: "log:GetApp", resources: []string{"app/{" + paramApp + "}"}, handle: (*API).describeApp},
	{version: logVersion, name: "DeleteApp", permission: "log:DeleteApp", mutating: true, resources: []string{"app/{" + paramApp + "}"}, handle: (*API).deleteApp},
}

// nothingCollected is what answers about the log audit say. That they succeed must not look as if it collected anything.
const nothingCollected = "the configuration is kept, and nothing is collected: this server has none of the products whose logs it asks for"

// outcome is what all answers of Simple Log Service say.
type outcome struct {
	Success bool
	Message string
}

func succeeded(message string) outcome { return outcome{Success: true, Message: message} }

//nolint:revive // as clients spell it
type appModel struct {
	AppName, DisplayName, Config string
	Uid                          int64 `json:",omitempty"` // none of an account whose number is none
}

func (q *request) appPlace() control.Place {
	return control.Place{Scope: meta.AccountScope(q.principal.Tenant())}
}

func (a *API) analyzeAppLog(q *request) (any, error) {
	title, err := q.text("DisplayName")
	if err != nil {
		return nil, err
	}
	variables, err := q.text("VariableMap")
	if err != nil {
		return nil, err
	}
	if !json.Valid([]byte(variables)) {
		return nil, invalid("VariableMap", "it is not JSON")
	}
	d := control.Document{}
	d.Set(control.Apps.NameKey, q.params.Get(paramAppType))
	d.Set("displayName", title)
	d.Set("config", map[string]json.RawMessage{"initParam": json.RawMessage(variables)})
	raw, err := d.MarshalJSON()
	if err != nil {
		return nil, err
	}
	if err := a.Control.Upsert(q.r.Context(), q.appPlace(), control.Apps, []json.RawMessage{raw}); err != nil {
		return nil, err
	}
	return succeeded(nothingCollected), nil
}

func (a *API) describeApp(q *request) (any, error) {
	d, err := a.Control.Get(q.r.Context(), q.appPlace(), control.Apps, q.params.Get(paramApp))
	if err != nil {
		return nil, err
	}
	m := appModel{AppName: d.Text(control.Apps.NameKey), DisplayName: d.Text("displayName"), Config: string(d["config"])}
	if m.Uid, err = strconv.ParseInt(q.account(), 10, 64); err != nil {
		m.Uid = 0
	}
	return struct {
		outcome
		AppModel appModel
	}{succeeded(nothingCollected), m}, nil
}

func (a *API) deleteApp(q *request) (any, error) {
	if err := a.Control.Delete(q.r.Context(), q.appPlace(), control.Apps, q.params.Get(paramApp)); err != nil {
		return nil, err
	}
	return succeeded(""), nil
}
