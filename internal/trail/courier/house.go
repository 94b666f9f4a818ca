package courier

import (
	"context"
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// keptDays is the retention of the logstores of trails: for ever.
const keptDays = 3650

// NewHouses are the projects of a server. owns reports whether a project that belongs to owner, as metadata has it, is that of the account.
func NewHouses(cat *catalog.Catalog, door sluice.Appender, owns func(account, owner string) bool) Houses {
	return &houses{cat, door, owns}
}

type houses struct {
	cat  *catalog.Catalog
	door sluice.Appender
	owns func(account, owner string) bool
}

// check returns an error unless the project is the account's; somebody else's is as one that is not there.
func (h *houses) check(ctx context.Context, account, project string) error {
	p, err := h.cat.Project(ctx, project)
	if err == nil && !h.owns(account, p.Account) {
		err = meta.Missing("project", project)
	}
	return err
}

// Prepare implements [Houses].
func (h *houses) Prepare(ctx context.Context, account, project, logstore string, index json.RawMessage) error {
	if err := h.check(ctx, account, project); err != nil {
		return err
	}
	err := h.cat.CreateLogstore(ctx, meta.Logstore{Project: project, Name: logstore, TTLDays: keptDays}, 1)
	if err == nil {
		err = h.cat.CreateIndex(ctx, sluice.LogstoreRef{Project: project, Logstore: logstore}, index)
	}
	if sluice.KindOf(err) == sluice.AlreadyExists { // of an earlier trail of the name
		err = nil
	}
	return err
}

// Append implements [Houses].
func (h *houses) Append(ctx context.Context, account string, ref sluice.LogstoreRef, group *sluice.LogGroup) error {
	if err := h.check(ctx, account, ref.Project); err != nil {
		return err
	}
	_, _, err := h.door.Append(ctx, ref, group)
	return err
}
