package sls

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/shipper"
)

// exportDocument reads the document of the export that the path names. What would write to this server is asked for.
func (a *API) exportDocument(q *request) ([]byte, error) {
	raw, err := q.document()
	if err == nil {
		raw, err = shipper.Named(raw, q.vars.get("name"))
	}
	if err != nil {
		return nil, err
	}
	return raw, a.checkExport(q, raw)
}

// checkExport returns an error if a document is not that of an export, or of one that the signer may not have.
func (a *API) checkExport(q *request, raw []byte) error {
	if ok, kind := shipper.IsExport(raw); !ok {
		return sluice.Errorf(sluice.Invalid, "shipper", "type %.40q is not Export, and the type of a job does not change", kind)
	}
	return a.mayExport(q, raw)
}

// mayExport asks whether the signer may write to the logstores of this server that an export would write to.
func (a *API) mayExport(q *request, raw []byte) error {
	targets, err := a.Shippers.LocalTargets(q.project, raw)
	if err != nil {
		return err
	}
	return q.mayWrite(targets)
}

func (a *API) createExport(q *request) error {
	raw, err := q.document()
	if err != nil {
		return err
	}
	return a.makeExport(q, raw)
}

// makeExport makes an export, unless another job has its name.
func (a *API) makeExport(q *request, raw []byte) error {
	if err := a.checkExport(q, raw); err != nil {
		return err
	}
	err := a.Control.ReserveJob(q.ctx(), q.project, jobName(raw), func() error { return a.Shippers.CreateExport(q.ctx(), q.project, raw) })
	if err != nil {
		return err
	}
	return q.ok()
}

// jobName is the name of a job's document, "" if it has none: whoever reads it next says so.
func jobName(raw []byte) string {
	var d control.Document
	_ = json.Unmarshal(raw, &d)
	return d.Text("name")
}

func (a *API) updateExport(q *request) error {
	name := q.vars.get("name")
	var err error
	switch action := q.query.Get("action"); action {
	case "START":
		if _, err = a.Shippers.Export(q.ctx(), q.project, name); err == nil {
			err = a.mayRun(q, name)
		}
		if err != nil {
			return err
		}
		err = a.Shippers.StartExport(q.ctx(), q.project, name)
	case "STOP":
		err = a.Shippers.StopExport(q.ctx(), q.project, name)
	case "", "RESTART":
		var raw []byte
		if raw, err = a.exportDocument(q); err != nil {
			return err
		}
		if action == "" {
			err = a.Shippers.UpdateExport(q.ctx(), q.project, name, raw)
		} else {
			err = a.Shippers.RestartExport(q.ctx(), q.project, name, raw)
		}
	default:
		return badParameter("action", action, "none of START, STOP, RESTART")
	}
	if err != nil {
		return err
	}
	return q.ok()
}

func (a *API) getExport(q *request) error {
	d, err := a.Shippers.Export(q.ctx(), q.project, q.vars.get("name"))
	if err != nil {
		return err
	}
	return q.json(d)
}

func (a *API) deleteExport(q *request) error {
	if err := a.Shippers.DeleteExport(q.ctx(), q.project, q.vars.get("name")); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) listExports(q *request) error {
	offset, size, err := q.page()
	if err != nil {
		return err
	}
	all, err := a.exports(q)
	if err != nil {
		return err
	}
	page := array(slice(all, offset, size))
	return q.json(struct {
		Count   int               `json:"count"`
		Total   int               `json:"total"`
		Results []json.RawMessage `json:"results"`
	}{len(page), len(all), page})
}

// exports are the exports that the parameters of a list choose. None is of a dashboard.
func (a *API) exports(q *request) ([]json.RawMessage, error) {
	if _, err := a.Catalog.Project(q.ctx(), q.project); err != nil || q.query.Get("resourceProvider") != "" {
		return nil, err
	}
	f := shipper.ExportFilter{Logstore: q.query.Get("logstore"), Name: q.query.Get("jobName"), DisplayName: q.query.Get("displayName")}
	return a.Shippers.Exports(q.ctx(), q.project, f)
}

// exportDocuments are the same, for a list of all jobs.
func (a *API) exportDocuments(q *request) ([]control.Document, error) {
	all, err := a.exports(q)
	if err != nil {
		return nil, err
	}
	documents := make([]control.Document, len(all))
	for i, raw := range all {
		if err := json.Unmarshal(raw, &documents[i]); err != nil {
			return nil, err
		}
	}
	return documents, nil
}
