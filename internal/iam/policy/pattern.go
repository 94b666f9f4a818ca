package policy

import "strings"

// pattern is a text with wildcards: * is any text, ? is any one byte.
type pattern struct {
	head string // what is before the first wildcard
	rest string // from the first wildcard on; "" if there is none
}

func newPattern(text string) pattern {
	if i := strings.IndexAny(text, "*?"); i >= 0 {
		return pattern{text[:i], text[i:]}
	}
	return pattern{head: text}
}

// match reports whether text is of the pattern. It goes back to the last * only, so the time is at most the product of the lengths.
func (p *pattern) match(text []byte) bool {
	if len(text) < len(p.head) || string(text[:len(p.head)]) != p.head {
		return false
	}
	text = text[len(p.head):]
	if p.rest == "*" {
		return true
	}
	return matchWild(p.rest, text)
}

func matchWild(wild string, text []byte) bool {
	w, t := 0, 0
	star, resume := -1, 0
	for t < len(text) {
		switch {
		case w < len(wild) && wild[w] == '*':
			star, resume = w, t
			w++
		case w < len(wild) && (wild[w] == '?' || wild[w] == text[t]):
			w++
			t++
		case star >= 0:
			resume++
			w, t = star+1, resume
		default:
			return false
		}
	}
	for w < len(wild) && wild[w] == '*' {
		w++
	}
	return w == len(wild)
}

// actions is Action, or NotAction.
type actions struct {
	not bool
	any []pattern // in lower case: names of actions are the same in any case
}

func (a *actions) match(lower []byte) bool {
	for i := range a.any {
		if a.any[i].match(lower) {
			return !a.not
		}
	}
	return a.not
}

// resources is Resource, or NotResource.
type resources struct {
	not bool
	any []resource
}

// resource is a pattern of resources' names, acs:service:region:account:path. Its parts are matched one by one, so that no * reaches from
// one into the next: in a path a client may have put what looks like another account.
type resource struct {
	all                            bool // the pattern is "*"
	service, region, account, path pattern
}

func (s *resources) match(r *Request) bool {
	for i := range s.any {
		if s.any[i].match(r) {
			return !s.not
		}
	}
	return s.not
}

func (p *resource) match(r *Request) bool {
	return p.all || p.path.match(r.Path) && p.service.match(r.Service) && p.account.match(r.Account) && p.region.match(r.Region)
}
