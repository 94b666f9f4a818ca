package sls

import (
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
)

// GetSQLInstance: GET /sqlinstance
//
// Behavior: an array of one object, with cu and useAsDefault, or of none.

// CreateSQLInstance: POST /sqlinstance
//
// Body: cu (1 to 1000), useAsDefault.
// Behavior: also replaces the one that there is.
// Differs: kept; statements have the room that the server gives them (docs/config.md), whatever it says.

// UpdateSQLInstance: PUT /sqlinstance
//
// Behavior: replaces the one that there is; SqlInstanceNotExist if there is none.

var sqlInstanceRoutes = []Route{
	{Method: "GET", Path: "/sqlinstance", Action: "GetSQLInstance", Resource: "project", handle: (*API).getSQLInstance},
	{Method: "POST", Path: "/sqlinstance", Action: "CreateSQLInstance", Resource: "project", Mutating: true, handle: putSetting(control.SQLInstance, true, true)},
	{Method: "PUT", Path: "/sqlinstance", Action: "UpdateSQLInstance", Resource: "project", Mutating: true, handle: putSetting(control.SQLInstance, false, true)},
}

func (a *API) getSQLInstance(q *request) error {
	d, err := a.Control.Setting(q.ctx(), q.settingPlace(), control.SQLInstance)
	var e *sluice.Error
	switch {
	case errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == control.SQLInstance.Noun:
		return q.json([]control.Document{})
	case err != nil:
		return err
	}
	return q.json([]control.Document{d})
}
