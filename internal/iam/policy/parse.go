package policy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Parse reads a document. Every fault is an [*Error] with its place.
func Parse(raw []byte, k Kind) (*Policy, error) {
	p := parser{reader: reader{raw: raw}, kind: k}
	root, err := p.read()
	if err != nil {
		return nil, err
	}
	return p.policy(&root)
}

type parser struct {
	reader
	kind Kind
}

// elements are the names that a statement may have, by kind.
var elements = [...][]string{
	Identity: {"Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"},
	Resource: {"Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition"},
	Trust:    {"Effect", "Action", "Principal", "Condition"},
}

func (p *parser) policy(root *node) (*Policy, error) {
	if root.kind != isObject {
		return nil, p.wrong(root, "the policy is %v, not an object with Version and Statement", root.kind)
	}
	parts, err := p.members(root, []string{"Version", "Statement"})
	if err != nil {
		return nil, err
	}
	version, list := parts["Version"], parts["Statement"]
	switch {
	case version == nil:
		return nil, p.wrong(root, `the policy has no "Version": "1"`)
	case version.kind != isString || version.text != "1":
		return nil, p.wrong(version, `must be the string "1"`)
	case list == nil:
		return nil, p.wrong(root, "the policy has no Statement")
	}
	statements := list.items
	switch {
	case list.kind == isObject: // one without its brackets
		statements = []node{*list}
	case list.kind != isArray:
		return nil, p.wrong(list, "is %v, not an array of statements", list.kind)
	case len(statements) == 0:
		return nil, p.wrong(list, "is empty: a policy has at least one statement")
	}
	policy := &Policy{}
	for i := range statements {
		s, err := p.statement(&statements[i])
		if err != nil {
			return nil, err
		}
		policy.statements = append(policy.statements, s)
	}
	return policy, nil
}

// members are the members of an object by name, if their names are among those known.
func (p *parser) members(n *node, known []string) (map[string]*node, error) {
	all := map[string]*node{}
	for i := range n.members {
		m := &n.members[i]
		if !slices.Contains(known, m.name) {
			return nil, p.wrong(&m.value, "is not known here: there are %s", strings.Join(known, ", "))
		}
		all[m.name] = &m.value
	}
	return all, nil
}

func (p *parser) statement(n *node) (s statement, err error) {
	s.line, _ = p.place(n.offset)
	if n.kind != isObject {
		return s, p.wrong(n, "is %v, not a statement: an object with Effect and Action", n.kind)
	}
	parts, err := p.members(n, elements[p.kind])
	if err != nil {
		return s, err
	}
	if s.deny, err = p.effect(n, parts["Effect"]); err != nil {
		return s, err
	}
	if s.actions, err = p.actions(n, parts); err != nil {
		return s, err
	}
	if s.resources, err = p.resources(n, parts); err != nil {
		return s, err
	}
	if s.principals, err = p.principals(n, parts["Principal"], s.deny); err != nil {
		return s, err
	}
	s.conditions, err = p.conditions(parts["Condition"])
	return s, err
}

func (p *parser) effect(statement, n *node) (deny bool, err error) {
	switch {
	case n == nil:
		return false, p.wrong(statement, "has no Effect: Allow or Deny")
	case n.kind != isString || n.text != "Allow" && n.text != "Deny":
		return false, p.wrong(n, "must be Allow or Deny")
	}
	return n.text == "Deny", nil
}

// either is which of two elements a statement has; it must have one.
func (p *parser) either(statement *node, parts map[string]*node, name string) (n *node, not bool, err error) {
	plain, inverse := parts[name], parts["Not"+name]
	switch {
	case plain != nil && inverse != nil:
		return nil, false, p.wrong(inverse, "stands beside %s: a statement has one of the two", name)
	case plain != nil:
		return plain, false, nil
	case inverse != nil:
		return inverse, true, nil
	}
	return nil, false, p.wrong(statement, "has no %s", name)
}

// texts are the strings of a string or of an array of strings that is not empty.
func (p *parser) texts(n *node) ([]*node, error) {
	if n.kind == isString {
		return []*node{n}, nil
	}
	if n.kind != isArray {
		return nil, p.wrong(n, "is %v, not a string or an array of strings", n.kind)
	}
	if len(n.items) == 0 {
		return nil, p.wrong(n, "is empty")
	}
	var all []*node
	for i := range n.items {
		item := &n.items[i]
		if item.kind != isString {
			return nil, p.wrong(item, "is %v, not a string", item.kind)
		}
		all = append(all, item)
	}
	return all, nil
}

var actionShape = regexp.MustCompile(`^(\*|[A-Za-z0-9*?-]{1,64}:[A-Za-z0-9*?]{1,128})$`)

func (p *parser) actions(statement *node, parts map[string]*node) (a actions, err error) {
	n, not, err := p.either(statement, parts, "Action")
	if err != nil {
		return a, err
	}
	a.not = not
	texts, err := p.texts(n)
	for _, t := range texts {
		if !actionShape.MatchString(t.text) {
			return a, p.wrong(t, "%.80q is not an action such as log:GetLogStore, log:Get* or *", t.text)
		}
		if p.kind == Trust && t.text != "sts:AssumeRole" {
			return a, p.wrong(t, "%.80q is not sts:AssumeRole, all that may be trusted to somebody", t.text)
		}
		a.any = append(a.any, newPattern(strings.ToLower(t.text)))
	}
	return a, err
}

func (p *parser) resources(statement *node, parts map[string]*node) (r resources, err error) {
	if p.kind == Trust {
		return resources{any: []resource{{all: true}}}, nil // the role that the policy hangs on
	}
	n, not, err := p.either(statement, parts, "Resource")
	if err != nil {
		return r, err
	}
	r.not = not
	texts, err := p.texts(n)
	for _, t := range texts {
		one, ok := parseResource(t.text)
		if !ok {
			return r, p.wrong(t, "%.200q is not a resource such as acs:log:*:*:project/web/* or *", t.text)
		}
		r.any = append(r.any, one)
	}
	return r, err
}

const maxResource = 1024

func parseResource(name string) (resource, bool) {
	if name == "*" {
		return resource{all: true}, true
	}
	parts := strings.SplitN(name, ":", 5)
	if len(parts) < 5 || parts[0] != "acs" || parts[1] == "" || parts[4] == "" || len(name) > maxResource || strings.Contains(name, "${") ||
		strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return resource{}, false
	}
	for _, i := range []int{2, 3} { // left out, as RAM's own names have it: acs:ram::1234567890123456:user/alice, acs:oss:*:*:bucket
		if parts[i] == "" {
			parts[i] = "*"
		}
	}
	return resource{false, newPattern(parts[1]), newPattern(parts[2]), newPattern(parts[3]), newPattern(parts[4])}, true
}

func (p *parser) principals(statement, n *node, deny bool) (who principals, err error) {
	switch {
	case p.kind == Identity:
		return principals{none: true}, nil
	case n == nil && p.kind == Resource: // whoever is meant by an Allow, nobody is let in from another account who was not named
		return principals{all: deny, home: !deny}, nil
	case n == nil:
		return who, p.wrong(statement, "has no Principal: say who is allowed")
	}
	if n.kind == isObject {
		if n, err = p.principalObject(n); n == nil || err != nil {
			return who, err
		}
	}
	texts, err := p.texts(n)
	for _, t := range texts {
		if t.text == "*" && p.kind == Resource {
			who.all = true
			continue
		}
		c, ok := parsePrincipal(t.text)
		if !ok {
			return who, p.wrong(t, "%.200q is not an account's id, acs:ram::ID:root, acs:ram::ID:user/NAME or acs:ram::ID:role/NAME", t.text)
		}
		who.named = append(who.named, c)
	}
	return who, err
}

var serviceName = regexp.MustCompile(`^[a-z0-9.-]{1,128}$`)

// principalObject returns the identities of {"RAM": …, "Service": …}; nil if there are none. Services are nobody here: policies that are
// brought along may name some.
func (p *parser) principalObject(n *node) (*node, error) {
	parts, err := p.members(n, []string{"RAM", "Service"})
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, p.wrong(n, "is empty")
	}
	if services := parts["Service"]; services != nil {
		texts, err := p.texts(services)
		if err != nil {
			return nil, err
		}
		for _, t := range texts {
			if !serviceName.MatchString(t.text) {
				return nil, p.wrong(t, "%.80q is not the name of a service", t.text)
			}
		}
	}
	return parts["RAM"], nil
}

func (p *parser) conditions(n *node) ([]condition, error) {
	if n == nil {
		return nil, nil
	}
	if n.kind != isObject {
		return nil, p.wrong(n, "is %v, not an object of operators", n.kind)
	}
	var all []condition
	for i := range n.members {
		m := &n.members[i]
		op, ok := operators[m.name]
		if !ok {
			return nil, p.wrong(&m.value, "is not an operator: there are %s", strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
		}
		if m.value.kind != isObject || len(m.value.members) == 0 {
			return nil, p.wrong(&m.value, `is not an object of keys such as {"acs:SourceIp": "192.0.2.0/24"}`)
		}
		for j := range m.value.members {
			c, err := p.condition(op, &m.value.members[j])
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (p *parser) condition(op operator, m *member) (c condition, err error) {
	known, ok := keys[m.name]
	switch {
	case !ok:
		return c, p.wrong(&m.value, "is not a key that this server knows: there are %s", strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
	case known.key == externalID && p.kind != Trust:
		return c, p.wrong(&m.value, "is a key of the trust policies of roles alone")
	case !slices.Contains(known.types, op.typ):
		return c, p.wrong(&m.value, "takes an operator of type %v, not %v", known.types[0], op.typ)
	}
	c.key, c.operator = known.key, op
	values := m.value.items
	if m.value.kind != isArray {
		values = []node{m.value}
	} else if len(values) == 0 {
		return c, p.wrong(&m.value, "is empty")
	}
	for i := range values {
		v := &values[i]
		if v.kind != isString && v.kind != isNumber && v.kind != isBool {
			return c, p.wrong(v, "is %v, not a value", v.kind)
		}
		if fault := c.add(v.text); fault != "" {
			return c, p.wrong(v, "%.80q %s", v.text, fault)
		}
	}
	return c, nil
}
