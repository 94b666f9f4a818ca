package pop

// GetSlsService, OpenSlsService: that the service is open to the account, as it is to every account here.

var logService = []action{
	{version: logVersion, name: "GetSlsService", permission: "log:GetSlsService", resources: []string{"*"}, handle: (*API).slsService},
	{version: logVersion, name: "OpenSlsService", permission: "log:OpenSlsService", mutating: true, resources: []string{"*"}, handle: (*API).slsService},
}

func (a *API) slsService(*request) (any, error) {
	return struct {
		outcome
		Enabled bool
		Status  string
	}{succeeded(""), true, "Opened"}, nil
}
