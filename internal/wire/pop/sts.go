package pop

import (
	"time"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/iam"
)

// AssumeRole: credentials of a role for a while. The signer's policies have to allow sts:AssumeRole on the role, and the role has to trust the signer; a role
// of another account that is not there looks like one that does not.
//
// Differs: the credentials end with the key that asked for them, too. Those of a session that a session opened last an hour at most. An account itself may
// assume a role.

// GetCallerIdentity: who signs. Everybody may ask.

const stsVersion = "2015-04-01"

var stsActions = []action{
	{version: stsVersion, name: "AssumeRole", permission: "sts:AssumeRole", mutating: true, handle: (*API).assumeRole},
	{version: stsVersion, name: "GetCallerIdentity", permission: "sts:GetCallerIdentity", handle: (*API).getCallerIdentity},
}

func (a *API) assumeRole(q *request) (any, error) {
	role, err := q.text("RoleArn")
	if err != nil {
		return nil, err
	}
	name, err := q.text("RoleSessionName")
	if err != nil {
		return nil, err
	}
	seconds, err := q.number("DurationSeconds", 0, 0, int64(iam.MaxSession/time.Second))
	if err != nil {
		return nil, err
	}
	s, err := a.Keys.AssumeRole(q.r.Context(), q.principal, auth.Assume{
		Role: role, Session: name, Life: time.Duration(seconds) * time.Second, Policy: q.params.Get("Policy"), ExternalID: q.params.Get("ExternalId"),
	})
	if err != nil {
		return nil, err
	}
	type credentials struct{ AccessKeyId, AccessKeySecret, SecurityToken, Expiration string } //nolint:revive // as clients spell it
	type assumed struct{ Arn, AssumedRoleId string }                                          //nolint:revive // as clients spell it
	return struct {
		Credentials     credentials
		AssumedRoleUser assumed
	}{
		credentials{s.ID, s.Secret, s.Token, dated(s.Expires)},
		assumed{"acs:ram::" + s.Role.Account + ":role/" + s.Role.Name + "/" + s.Name, s.Role.ID + ":" + s.Name},
	}, nil
}

// identityModel is who signs.
type identityModel struct {
	IdentityType, AccountId, PrincipalId, UserId, RoleId, Arn string //nolint:revive // as clients spell it
}

func (a *API) getCallerIdentity(q *request) (any, error) {
	p, ctx := q.principal, q.r.Context()
	m := identityModel{IdentityType: "Account", AccountId: p.Account, PrincipalId: p.Account, UserId: p.Account, Arn: p.Caller().ARN()}
	switch {
	case p.User != "":
		u, err := a.Identity.User(ctx, p.Account, p.User)
		if err != nil {
			return nil, err
		}
		m.IdentityType, m.PrincipalId, m.UserId = "RAMUser", u.ID, u.ID
	case p.Role != "":
		r, err := a.Identity.Role(ctx, p.Account, p.Role)
		if err != nil {
			return nil, err
		}
		m.IdentityType, m.UserId, m.RoleId, m.PrincipalId = "AssumedRoleUser", "", r.ID, r.ID+":"+p.Session
		m.Arn += "/" + p.Session
	}
	return m, nil
}
