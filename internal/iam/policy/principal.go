package policy

import (
	"regexp"
	"strings"
)

// principals are whom a statement of a project's or a role's policy is about.
type principals struct {
	all   bool // everybody; the owner of the resource only if the statement has a condition
	home  bool // everybody of the account that the resource is of
	none  bool // the policy is of a kind that has no principals
	named []Caller
}

func (p *principals) match(r *Request, conditional bool) bool {
	if p.none {
		return true
	}
	if p.all {
		isOwner := r.Caller.User == "" && r.Caller.Role == "" && r.Caller.Account == string(r.Account)
		if conditional || !isOwner {
			return true
		}
	}
	if p.home && r.Caller.Account != "" && r.Caller.Account == string(r.Account) {
		return true
	}
	for i := range p.named {
		if p.named[i].covers(r.Caller) {
			return true
		}
	}
	return false
}

// covers reports whether c is who is named: an account is all that are in it.
func (named *Caller) covers(c Caller) bool {
	return named.Account == c.Account && (named.User == "" && named.Role == "" || *named == c)
}

var (
	accountID    = regexp.MustCompile(`^[0-9]{16}$`)
	principalARN = regexp.MustCompile(`^acs:ram::([0-9]{16}):(root|user/([A-Za-z0-9._-]{1,64})|role/([A-Za-z0-9._-]{1,64}))$`)
)

// parsePrincipal reads 1234567890123456, acs:ram::1234567890123456:root, …:user/alice or …:role/reader.
func parsePrincipal(text string) (c Caller, ok bool) {
	if accountID.MatchString(text) {
		return Caller{Account: text}, true
	}
	m := principalARN.FindStringSubmatch(text)
	if m == nil {
		return Caller{}, false
	}
	return Caller{Account: m[1], User: m[3], Role: m[4]}, true
}

// ARN is the caller's name: acs:ram::1234567890123456:user/alice.
func (c Caller) ARN() string {
	name := "root"
	switch {
	case c.User != "":
		name = "user/" + c.User
	case c.Role != "":
		name = "role/" + c.Role
	}
	return strings.Join([]string{"acs", "ram", "", c.Account, name}, ":")
}
