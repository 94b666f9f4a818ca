package sls

import (
	"bytes"
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/importer"
)

// CreateImport: POST /sluice/v1/imports
//
// Body: the import as JSON (docs/howto/import-cloudtrail.md).
// Behavior: the bucket is listed once before the answer; then its CloudTrail files are read into the logstore, each record once.
// Differs: an action of this server, not of Simple Log Service.

// ListImports: GET /sluice/v1/imports
//
// Behavior: all imports of the project, by name, each with how it does.
// Differs: an action of this server, not of Simple Log Service.

// GetImport: GET /sluice/v1/imports/{import}
//
// Behavior: the import without secrets, how it does, and the last things that it left out.
// Differs: an action of this server, not of Simple Log Service.

// DeleteImport: DELETE /sluice/v1/imports/{import}
//
// Behavior: its logs stay.
// Differs: an action of this server, not of Simple Log Service.

var importRoutes = []Route{
	{Method: "POST", Path: "/sluice/v1/imports", Action: "CreateImport", Permission: "sluice:CreateImport", Resource: "import/*", Mutating: true, handle: (*API).createImport},
	{Method: "GET", Path: "/sluice/v1/imports", Action: "ListImports", Permission: "sluice:ListImports", Resource: "import/*", handle: (*API).listImports},
	{Method: "GET", Path: "/sluice/v1/imports/{import}", Action: "GetImport", Permission: "sluice:GetImport", Resource: "import/{import}", handle: (*API).getImport},
	{Method: "DELETE", Path: "/sluice/v1/imports/{import}", Action: "DeleteImport", Permission: "sluice:DeleteImport", Resource: "import/{import}", Mutating: true, handle: (*API).deleteImport},
}

// maxImport is the largest document of an import in bytes.
const maxImport = 64 << 10

func (a *API) createImport(q *request) error {
	buf, err := q.body(maxImport)
	if err != nil {
		return err
	}
	defer buf.release()
	var spec importer.Spec
	dec := json.NewDecoder(bytes.NewReader(buf.b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&spec); err != nil {
		return sluice.Errorf(sluice.Invalid, "import", "the body is no import: %w", err)
	}
	if err := q.mayWrite([]sluice.LogstoreRef{{Project: q.project, Logstore: spec.Logstore}}); err != nil {
		return err
	}
	if err := a.Imports.Create(q.ctx(), q.project, spec); err != nil {
		return err
	}
	i, err := a.Imports.Get(q.ctx(), q.project, spec.Name)
	if err != nil {
		return err
	}
	return q.json(i)
}

func (a *API) listImports(q *request) error {
	list, err := a.Imports.List(q.ctx(), q.project)
	if err != nil {
		return err
	}
	return q.json(struct {
		Imports []importer.Import `json:"imports"`
	}{list})
}

func (a *API) getImport(q *request) error {
	i, err := a.Imports.Get(q.ctx(), q.project, q.vars.get("import"))
	if err != nil {
		return err
	}
	return q.json(i)
}

func (a *API) deleteImport(q *request) error {
	if err := a.Imports.Delete(q.ctx(), q.project, q.vars.get("import")); err != nil {
		return err
	}
	return q.ok()
}
