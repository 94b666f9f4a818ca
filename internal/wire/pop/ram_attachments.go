package pop

import (
	"github.com/sluicelog/sluice/internal/iam"
)

// AttachPolicyToUser, AttachPolicyToGroup, AttachPolicyToRole, DetachPolicyFromUser, DetachPolicyFromGroup, DetachPolicyFromRole: in force when the answer
// leaves. One has to be allowed to do it to both, so that somebody can be trusted with attaching some policies to some users.

// ListPoliciesForUser, ListPoliciesForGroup, ListPoliciesForRole: those that are attached; a user's groups have their own.

var ramAttachments = []action{
	ram("AttachPolicyToUser", true, attach(iam.ToUser, paramUser), theUser, thePolicy),
	ram("AttachPolicyToGroup", true, attach(iam.ToGroup, paramGroup), theGroup, thePolicy),
	ram("AttachPolicyToRole", true, attach(iam.ToRole, paramRole), theRole, thePolicy),
	ram("DetachPolicyFromUser", true, detach(iam.ToUser, paramUser), theUser, thePolicy),
	ram("DetachPolicyFromGroup", true, detach(iam.ToGroup, paramGroup), theGroup, thePolicy),
	ram("DetachPolicyFromRole", true, detach(iam.ToRole, paramRole), theRole, thePolicy),
	ram("ListPoliciesForUser", false, listAttached(iam.ToUser, paramUser), theUser),
	ram("ListPoliciesForGroup", false, listAttached(iam.ToGroup, paramGroup), theGroup),
	ram("ListPoliciesForRole", false, listAttached(iam.ToRole, paramRole), theRole),
}

func attach(to iam.Holder, param string) func(*API, *request) (any, error) {
	return func(a *API, q *request) (any, error) {
		if _, err := q.text(paramType); err != nil {
			return nil, err
		}
		return nil, a.Identity.Attach(q.r.Context(), q.account(), to, q.params.Get(param), q.attached())
	}
}

func detach(to iam.Holder, param string) func(*API, *request) (any, error) {
	return func(a *API, q *request) (any, error) {
		if _, err := q.text(paramType); err != nil {
			return nil, err
		}
		return nil, a.Identity.Detach(q.r.Context(), q.account(), to, q.params.Get(param), q.attached())
	}
}

func listAttached(to iam.Holder, param string) func(*API, *request) (any, error) {
	return func(a *API, q *request) (any, error) {
		all, err := a.Identity.AttachedTo(q.r.Context(), q.account(), to, q.params.Get(param))
		var answer struct {
			Policies struct{ Policy []policyModel }
		}
		answer.Policies.Policy = each(all, newPolicyModel)
		return answer, err
	}
}
