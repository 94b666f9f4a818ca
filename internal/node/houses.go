package node

import (
	"context"
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// houses are the projects that trails deliver to; they are [courier.Houses] and [trails.Destinations].
type houses struct {
	cat       *catalog.Catalog
	door      sluice.Appender
	directory *iam.Directory
}

// daysOfTrails is how long the logstores of trails keep events: for ever (reference audit 2.4).
const daysOfTrails = 3650

// owns returns an error unless a project is the account's.
func (h *houses) owns(ctx context.Context, account, project string) error {
	p, err := h.cat.Project(ctx, project)
	if err == nil && p.Account != account && !(h.directory.IsRoot(p.Account) && h.directory.IsRoot(account)) {
		err = meta.Missing("project", project)
	}
	return err
}

// Prepare implements [courier.Houses].
func (h *houses) Prepare(ctx context.Context, account, project, logstore string, index json.RawMessage) error {
	if err := h.owns(ctx, account, project); err != nil {
		return err
	}
	err := h.cat.CreateLogstore(ctx, meta.Logstore{Project: project, Name: logstore, TTLDays: daysOfTrails}, 1)
	if err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
		return err
	}
	err = h.cat.CreateIndex(ctx, sluice.LogstoreRef{Project: project, Logstore: logstore}, index)
	if sluice.KindOf(err) == sluice.AlreadyExists {
		err = nil
	}
	return err
}

// Append implements [courier.Houses].
func (h *houses) Append(ctx context.Context, account string, ref sluice.LogstoreRef, group *sluice.LogGroup) error {
	if err := h.owns(ctx, account, ref.Project); err != nil {
		return err
	}
	_, _, err := h.door.Append(ctx, ref, group)
	return err
}

// Prove implements [trails.Destinations]: the project has to be the account's.
func (h *houses) Prove(ctx context.Context, t *trails.Trail) error {
	if t.Bucket != "" {
		return errNoBuckets
	}
	return h.owns(ctx, t.Account, t.Project)
}

var errNoBuckets = sluice.Errorf(sluice.Unsupported, "bucket", "this server delivers trails to logstores only: name a project")

// noBucket is where the buckets of trails are on a server that has none.
type noBucket struct{}

// Put implements [bucket.Bucket].
func (noBucket) Put(context.Context, string, bucket.Object) error { return errNoBuckets }
