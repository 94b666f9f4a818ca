package sls

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/reindex"
)

// Jobs of type RebuildIndex are documents, like those of package control, that package reindex runs.

// shown is a job that is a document, with the state of what runs it.
func (a *API) shown(q *request, d control.Document) (control.Document, error) {
	if !reindex.Is(d) {
		return d, nil
	}
	return d, a.Reindex.Show(q.ctx(), q.project, d)
}

// rebuildJob is the job that the path names if it is of type RebuildIndex, else nil.
func (a *API) rebuildJob(q *request) (control.Document, error) {
	d, err := a.Control.Get(q.ctx(), control.Place{Scope: q.project}, control.Jobs, q.vars.get("name"))
	if err != nil || !reindex.Is(d) {
		return nil, err
	}
	return d, nil
}

// switchRebuildJob serves what can be done to a job of type RebuildIndex once it is there.
func (a *API) switchRebuildJob(q *request, d control.Document) error {
	if action := q.query.Get("action"); action != "STOP" {
		return sluice.Errorf(sluice.Invalid, control.Jobs.Noun, "a job of type %s can be stopped and deleted, not changed; make another one", reindex.Type)
	}
	if err := a.Reindex.Stop(q.ctx(), q.project, d); err != nil {
		return err
	}
	return q.ok()
}
