package pop

import "github.com/sluicelog/sluice"

// AnalyzeProductLog, InitUserAlertResource, InitProjectAlertResource: places for what the cloud's products, and alerts that run, write.
//
// Differs: UnsupportedOperation. None of those products are here, and no alerts run. Terraform does not ask for the logstore of a project's alerts,
// internal-alert-history, where it is there already.

// GetSlsService, OpenSlsService: that the service is open to the account, as it is to every account here.

var logService = []action{
	{version: logVersion, name: "GetSlsService", permission: "log:GetSlsService", resources: []string{"*"}, handle: (*API).slsService},
	{version: logVersion, name: "OpenSlsService", permission: "log:OpenSlsService", mutating: true, resources: []string{"*"}, handle: (*API).slsService},
}

var logUnserved = []action{
	{version: logVersion, name: "AnalyzeProductLog", permission: "log:AnalyzeProductLog", mutating: true, resources: []string{"*"}, handle: notOfProducts},
	{version: logVersion, name: "InitUserAlertResource", permission: "log:InitUserAlertResource", mutating: true, resources: []string{"*"}, handle: notOfProducts},
	{version: logVersion, name: "InitProjectAlertResource", permission: "log:InitProjectAlertResource", mutating: true, resources: []string{"*"}, handle: notOfProducts},
}

func notOfProducts(_ *API, q *request) (any, error) {
	return nil, sluice.Errorf(sluice.Unsupported, "action", "%s is not served here: there are no cloud products, and no alerts run; make a logstore that has to be there by itself", q.action.name)
}

func (a *API) slsService(*request) (any, error) {
	return struct {
		outcome
		Enabled bool
		Status  string
	}{succeeded(""), true, "Opened"}, nil
}
