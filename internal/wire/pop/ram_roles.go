package pop

import (
	"github.com/sluicelog/sluice/internal/iam"
)

// CreateRole, GetRole, UpdateRole, DeleteRole, ListRoles: roles of the account, and whom they trust.
//
// Differs: a role trusts accounts, users and roles of this server; services that a document names are nobody here. Sessions of a role that is deleted end
// at once.

var ramRoles = []action{
	ram("CreateRole", true, (*API).createRole, theRole),
	ram("GetRole", false, (*API).getRole, theRole),
	ram("UpdateRole", true, (*API).updateRole, theRole),
	ram("DeleteRole", true, (*API).deleteRole, theRole),
	ram("ListRoles", false, (*API).listRoles, "role/*"),
}

type roleModel struct {
	RoleId, RoleName, Arn, Description, AssumeRolePolicyDocument, CreateDate, UpdateDate string //nolint:revive // as clients spell it

	MaxSessionDuration int64
}

func newRoleModel(r iam.Role) roleModel {
	return roleModel{
		r.ID, r.Name, "acs:ram::" + r.Account + ":role/" + r.Name, r.Description, r.Trust, dated(r.Created), dated(r.Modified), r.MaxSeconds,
	}
}

type roleAnswer struct{ Role roleModel }

func (a *API) createRole(q *request) (any, error) {
	trust, err := q.text("AssumeRolePolicyDocument")
	if err != nil {
		return nil, err
	}
	seconds, err := q.number("MaxSessionDuration", 0, 0, 1<<31)
	if err != nil {
		return nil, err
	}
	r, err := a.Identity.CreateRole(q.r.Context(), iam.Role{
		Entry: iam.Entry{Account: q.account(), Name: q.params.Get(paramRole)}, Description: q.params.Get("Description"), Trust: trust, MaxSeconds: seconds,
	})
	return roleAnswer{newRoleModel(r)}, err
}

func (a *API) getRole(q *request) (any, error) {
	r, err := a.Identity.Role(q.r.Context(), q.account(), q.params.Get(paramRole))
	return roleAnswer{newRoleModel(r)}, err
}

func (a *API) updateRole(q *request) (any, error) {
	seconds, err := q.number("NewMaxSessionDuration", 0, 0, 1<<31)
	if err != nil {
		return nil, err
	}
	r, err := a.Identity.UpdateRole(q.r.Context(), q.account(), q.params.Get(paramRole), func(r *iam.Role) {
		if q.params.Has("NewAssumeRolePolicyDocument") {
			r.Trust = q.params.Get("NewAssumeRolePolicyDocument")
		}
		if q.params.Has("NewDescription") {
			r.Description = q.params.Get("NewDescription")
		}
		if seconds != 0 {
			r.MaxSeconds = seconds
		}
	})
	return roleAnswer{newRoleModel(r)}, err
}

func (a *API) deleteRole(q *request) (any, error) {
	return nil, a.Identity.DeleteRole(q.r.Context(), q.account(), q.params.Get(paramRole))
}

func (a *API) listRoles(q *request) (any, error) {
	all, err := a.Identity.Roles(q.r.Context(), q.account())
	if err != nil {
		return nil, err
	}
	var answer struct {
		part[iam.Role]
		Roles struct{ Role []roleModel }
	}
	answer.part, err = partOf(q, all, func(r iam.Role) string { return r.Name })
	answer.Roles.Role = each(answer.items, newRoleModel)
	return answer, err
}
