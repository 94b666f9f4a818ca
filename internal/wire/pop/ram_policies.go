package pop

import (
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
)

// CreatePolicy, GetPolicy, DeletePolicy, ListPolicies: custom policies of the account, and those of the server, which are in every account.
//
// Differs: faults in a document are refused with line and column; condition keys that this server does not know are faults. System policies are
// AdministratorAccess, ReadOnlyAccess, AliyunLogFullAccess, AliyunLogReadOnlyAccess, AliyunESAFullAccess, AliyunESAReadOnlyAccess,
// AWSCloudTrail_FullAccess, AWSCloudTrail_ReadOnlyAccess, AliyunActionTrailFullAccess, AliyunActionTrailReadOnlyAccess, AliyunRAMFullAccess, AliyunRAMReadOnlyAccess and AliyunSTSAssumeRoleAccess.

// CreatePolicyVersion, GetPolicyVersion, DeletePolicyVersion, ListPolicyVersions, SetDefaultPolicyVersion: five versions of a policy at most, of which the
// default one counts.

var ramPolicies = []action{
	ram("CreatePolicy", true, (*API).createPolicy, thePolicy),
	ram("GetPolicy", false, (*API).getPolicy, thePolicy),
	ram("DeletePolicy", true, (*API).deletePolicy, thePolicy),
	ram("ListPolicies", false, (*API).listPolicies, "policy/*"),
	ram("CreatePolicyVersion", true, (*API).createPolicyVersion, thePolicy),
	ram("GetPolicyVersion", false, (*API).getPolicyVersion, thePolicy),
	ram("DeletePolicyVersion", true, (*API).deletePolicyVersion, thePolicy),
	ram("ListPolicyVersions", false, (*API).listPolicyVersions, thePolicy),
	ram("SetDefaultPolicyVersion", true, (*API).setDefaultPolicyVersion, thePolicy),
}

type policyModel struct {
	PolicyName, PolicyType, Description, DefaultVersion, CreateDate, UpdateDate string

	AttachmentCount int
	PolicyDocument  string `json:",omitempty"`
}

func newPolicyModel(p iam.Policy) policyModel {
	return policyModel{
		PolicyName: p.Name, PolicyType: p.Type, Description: p.Description, DefaultVersion: p.Default, CreateDate: dated(p.Created),
		UpdateDate: dated(p.Modified),
	}
}

type versionModel struct {
	VersionId        string //nolint:revive // as clients spell it
	IsDefaultVersion bool
	PolicyDocument   string `json:",omitempty"`
	CreateDate       string
}

func newVersionModel(p iam.Policy, v iam.Version) versionModel {
	return versionModel{v.ID, v.ID == p.Default, v.Document, dated(v.Created)}
}

// attached is the policy that a request is about. Without a type it is a custom one, all that can be changed.
func (q *request) attached() iam.Attached {
	typ := q.params.Get(paramType)
	if typ == "" {
		typ = iam.Custom
	}
	return iam.Attached{Type: typ, Name: q.params.Get(paramPolicy)}
}

func (a *API) policy(q *request) (iam.Policy, error) {
	return a.Identity.Policy(q.r.Context(), q.account(), q.attached())
}

func (a *API) createPolicy(q *request) (any, error) {
	document, err := q.text("PolicyDocument")
	if err != nil {
		return nil, err
	}
	p, err := a.Identity.CreatePolicy(q.r.Context(), q.account(), q.params.Get(paramPolicy), q.params.Get("Description"), document)
	return struct{ Policy policyModel }{newPolicyModel(p)}, err
}

func (a *API) getPolicy(q *request) (any, error) {
	p, err := a.policy(q)
	if err != nil {
		return nil, err
	}
	all, attached, err := a.Identity.Policies(q.r.Context(), q.account(), p.Type)
	if err != nil {
		return nil, err
	}
	model := newPolicyModel(p)
	model.PolicyDocument = p.Document()
	for i, other := range all {
		if other.Name == p.Name {
			model.AttachmentCount = attached[i]
		}
	}
	v, _ := p.Version(p.Default)
	return struct {
		Policy               policyModel
		DefaultPolicyVersion versionModel
	}{model, newVersionModel(p, v)}, nil
}

func (a *API) deletePolicy(q *request) (any, error) {
	return nil, a.Identity.DeletePolicy(q.r.Context(), q.account(), q.params.Get(paramPolicy))
}

func (a *API) listPolicies(q *request) (any, error) {
	typ := q.params.Get(paramType)
	if typ != "" && typ != iam.System && typ != iam.Custom {
		return nil, sluice.Errorf(sluice.Invalid, "policytype", "the type of a policy is System or Custom, not %.40q", typ)
	}
	all, attached, err := a.Identity.Policies(q.r.Context(), q.account(), typ)
	if err != nil {
		return nil, err
	}
	models := each(all, newPolicyModel)
	for i := range models {
		models[i].AttachmentCount = attached[i]
	}
	var answer struct {
		part[policyModel]
		Policies struct{ Policy []policyModel }
	}
	answer.part, err = partOf(q, models, func(m policyModel) string { return m.PolicyName + " " + m.PolicyType })
	answer.Policies.Policy = answer.items
	return answer, err
}

func (a *API) createPolicyVersion(q *request) (any, error) {
	document, err := q.text("PolicyDocument")
	if err != nil {
		return nil, err
	}
	asDefault := false
	if text := q.params.Get("SetAsDefault"); text != "" {
		if asDefault, err = strconv.ParseBool(text); err != nil {
			return nil, invalid("SetAsDefault", "%.32q is neither true nor false", text)
		}
	}
	v, err := a.Identity.AddVersion(q.r.Context(), q.account(), q.params.Get(paramPolicy), document, asDefault)
	return struct{ PolicyVersion versionModel }{versionModel{v.ID, asDefault, v.Document, dated(v.Created)}}, err
}

func (a *API) getPolicyVersion(q *request) (any, error) {
	p, err := a.policy(q)
	if err != nil {
		return nil, err
	}
	v, ok := p.Version(q.params.Get(paramVersion))
	if !ok {
		return nil, sluice.Errorf(sluice.NotFound, "policyversion", "policy %s has no version %.40q", p.Name, q.params.Get(paramVersion))
	}
	return struct{ PolicyVersion versionModel }{newVersionModel(p, v)}, nil
}

func (a *API) listPolicyVersions(q *request) (any, error) {
	p, err := a.policy(q)
	if err != nil {
		return nil, err
	}
	var answer struct {
		PolicyVersions struct{ PolicyVersion []versionModel }
	}
	answer.PolicyVersions.PolicyVersion = each(p.Versions, func(v iam.Version) versionModel { return newVersionModel(p, v) })
	return answer, nil
}

func (a *API) setDefaultPolicyVersion(q *request) (any, error) {
	return nil, a.Identity.SetDefaultVersion(q.r.Context(), q.account(), q.params.Get(paramPolicy), q.params.Get(paramVersion))
}

func (a *API) deletePolicyVersion(q *request) (any, error) {
	return nil, a.Identity.DeleteVersion(q.r.Context(), q.account(), q.params.Get(paramPolicy), q.params.Get(paramVersion))
}
