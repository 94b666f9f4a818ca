package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/iam/policy"
	"github.com/sluicelog/sluice/internal/meta"
)

// A session is a role that somebody has assumed for a while. Nothing is stored of it: its token says all, sealed for the id of its key, so
// that assuming a role writes nothing and makes no cache stale.
//
// It ends when its time is over, when its role is deleted (another role of the name has another id), and, other than on the service followed
// here, when the key with which it was opened is disabled, deleted or expired: whoever takes a key away takes away all of it.

// sessionPrefix begins the ids of the keys of sessions, and of no others.
const sessionPrefix = "STS."

const sealSession = "session"

// token is what is sealed in a session's token.
type token struct {
	Secret  string `json:"s"`
	Account string `json:"a"`
	Role    string `json:"r"`
	RoleID  string `json:"i"`
	Name    string `json:"n"`
	Limit   string `json:"l,omitempty"` // the session's policy
	Origin  string `json:"o"`           // the key with which it was opened; that of the first, if a session opened it
	Expires int64  `json:"e"`
}

// Bounds of a session.
const (
	maxSessionPolicy = 2048
	maxChained       = time.Hour // of a session that a session opened
)

var sessionName = regexp.MustCompile(`^[A-Za-z0-9.@_-]{2,64}$`)

// Assume says which role to assume, and how.
type Assume struct {
	Role       string        // acs:ram::ACCOUNT:role/NAME
	Session    string        // name of the session, for those who read logs
	Life       time.Duration // 0 means an hour, or what the role allows if that is less
	Policy     string        // what the session may at most; "" is no limit
	ExternalID string        // for roles that somebody assumes for others
}

// Session is a session that was just opened.
type Session struct {
	Created
	Role iam.Role
	Name string
}

var roleARN = regexp.MustCompile(`^acs:ram::([0-9]{16}):role/([A-Za-z0-9._-]{1,64})$`)

// AssumeRole opens a session of a role that p may assume: its own policies have to allow sts:AssumeRole on the role, and the role's trust policy
// has to name it. Errors: Invalid "rolearn", "session", "document"; NotFound "role" in p's own account; Unauthorized "action".
func (k *Keys) AssumeRole(ctx context.Context, p *Principal, a Assume) (Session, error) {
	arn := roleARN.FindStringSubmatch(a.Role)
	switch {
	case arn == nil:
		return Session{}, sluice.Errorf(sluice.Invalid, "rolearn", "%.128q does not name a role: acs:ram::ACCOUNT:role/NAME", a.Role)
	case !sessionName.MatchString(a.Session):
		return Session{}, sluice.Errorf(sluice.Invalid, "sessionname", "the session's name, %.80q, does not match %v", a.Session, sessionName)
	case len(a.Policy) > maxSessionPolicy:
		return Session{}, sluice.Errorf(sluice.Invalid, "document", "the session's policy is longer than %d bytes", maxSessionPolicy)
	}
	if a.Policy != "" {
		if err := iam.CheckDocument(a.Policy, policy.Identity); err != nil {
			return Session{}, err
		}
	}
	role, err := k.assumable(ctx, p, arn[1], arn[2], a.ExternalID)
	if err != nil {
		return Session{}, err
	}
	life, err := sessionLife(p, role, a.Life)
	if err != nil {
		return Session{}, err
	}
	return k.openSession(p, role, a, life)
}

// assumable returns a role that p may assume. A role of another account that is not there, and one that does not trust p, look the same.
func (k *Keys) assumable(ctx context.Context, p *Principal, account, name, externalID string) (role iam.Role, err error) {
	arn := "acs:ram::" + account + ":role/" + name
	no := refuse("action", "denied by sts or ram, action: sts:AssumeRole, resource: %s (no policy allows it, or the role does not trust you)", arn)
	action := Action{Name: "sts:AssumeRole", Mutating: true}
	v, err := p.judge(action, Resource{Path: "role/" + name, account: account})
	if err != nil || !v.allowed {
		return role, orElse(err, no)
	}
	err = k.store.View(ctx, func(tx meta.Tx) error {
		role, _, err = k.directory.RoleGrants(tx, account, name)
		return err
	})
	if sluice.KindOf(err) == sluice.NotFound && account != p.Account {
		return role, no
	}
	if err != nil {
		return role, err
	}
	trust, err := k.directory.Compile(role.Trust, policy.Trust)
	if err != nil {
		return role, err
	}
	how := p.context
	how.ExternalID = externalID
	set := policy.Set{{Name: "trust", Policy: trust}}
	if set.Decide(&policy.Request{Action: []byte("sts:assumerole"), Account: []byte(account), Caller: p.Caller(), Context: &how}).Effect != policy.Allow {
		return role, no
	}
	return role, nil
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func sessionLife(p *Principal, role iam.Role, life time.Duration) (time.Duration, error) {
	most := time.Duration(role.MaxSeconds) * time.Second
	if p.Role != "" {
		most = min(most, maxChained)
	}
	if life == 0 {
		life = min(iam.DefaultSession, most)
	}
	if life < iam.MinSession || life > most {
		return 0, sluice.Errorf(sluice.Invalid, "session", "the session lasts from %v to %v, not %v", iam.MinSession, most, life)
	}
	return life, nil
}

func (k *Keys) openSession(p *Principal, role iam.Role, a Assume, life time.Duration) (Session, error) {
	s := Session{Created: newSecrets(), Role: role, Name: a.Session}
	s.ID = sessionPrefix + s.ID
	s.Expires = k.now().Add(life).Truncate(time.Second)
	origin := p.AccessKeyID
	if p.origin != "" {
		origin = p.origin
	}
	body, err := json.Marshal(token{s.Secret, role.Account, role.Name, role.ID, a.Session, a.Policy, origin, s.Expires.Unix()})
	if err != nil {
		return Session{}, err
	}
	s.Token = base64.RawURLEncoding.EncodeToString(k.ring.Seal(body, sealSession, s.ID))
	return s, nil
}

// session returns the session whose token this is.
func (k *Keys) session(ctx context.Context, id, text string) (*entry, error) {
	generation := k.store.Generation()
	if e := k.opened.get(generation, id); e != nil { // check compares the tokens
		return e, nil
	}
	bad := refuse("token", "the security token is not the access key's, or its role or its key is gone")
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, bad
	}
	var t token
	body, err := k.ring.Open(sealed, sealSession, id)
	if err != nil || json.Unmarshal(body, &t) != nil {
		return nil, bad
	}
	origin, err := k.find(ctx, t.Origin, "")
	if isRefusal(err) || strings.HasPrefix(t.Origin, sessionPrefix) {
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	if origin.check(origin.token, k.now()) != nil {
		return nil, bad
	}
	e, err := k.sessionOf(ctx, id, text, t)
	if sluice.KindOf(err) == sluice.NotFound {
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	if !origin.expires.IsZero() && origin.expires.Before(e.expires) {
		e.expires = origin.expires
	}
	k.opened.put(generation, id, e)
	return e, nil
}

// sessionOf makes the session of an opened token. Errors: NotFound "role".
func (k *Keys) sessionOf(ctx context.Context, id, text string, t token) (*entry, error) {
	e := &entry{
		principal: Principal{AccessKeyID: id, Account: t.Account, Role: t.Role, Session: t.Name, token: text, origin: t.Origin, keys: k},
		secret:    t.Secret, token: text, expires: time.Unix(t.Expires, 0),
	}
	err := k.store.View(ctx, func(tx meta.Tx) error {
		role, grants, err := k.directory.RoleGrants(tx, t.Account, t.Role)
		if err == nil && role.ID != t.RoleID {
			err = sluice.Errorf(sluice.NotFound, "role", "the role was made anew")
		}
		e.principal.grants = grants
		return err
	})
	if err != nil {
		return nil, err
	}
	if t.Limit != "" {
		limit, err := k.directory.Compile(t.Limit, policy.Identity)
		if err != nil {
			return nil, err
		}
		e.principal.limit = policy.Set{{Name: "policy of the session", Policy: limit}}
	}
	return e, nil
}
