package pipeline

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
)

// condition is a Condition that was understood.
type condition struct {
	field  place
	negate bool
	test   func(value string) bool // of a field that is there; nil: being there is enough
}

// holds says whether l fulfils c. A field that is not there fulfils what begins with not, and nothing else.
func (c *condition) holds(l *view) bool {
	value, ok := l.value(&c.field)
	return (ok && (c.test == nil || c.test(value))) != c.negate
}

// Bounds of a condition.
const (
	maxValues = 1000
	maxValue  = 4096
	maxName   = 128
)

// operator makes the test of an operator of its values.
type operator struct {
	negate bool
	values int // how many it takes; -1: one or more
	test   func(path string, values []string) (func(string) bool, error)
}

// operators are all there are. Texts are compared as they are, case included; several values are alternatives.
var operators = map[string]operator{
	"equals":        {false, -1, isOneOf},
	"notEquals":     {true, -1, isOneOf},
	"in":            {false, -1, isOneOf},
	"notIn":         {true, -1, isOneOf},
	"contains":      {false, -1, anyOf(strings.Contains)},
	"notContains":   {true, -1, anyOf(strings.Contains)},
	"startsWith":    {false, -1, anyOf(strings.HasPrefix)},
	"notStartsWith": {true, -1, anyOf(strings.HasPrefix)},
	"endsWith":      {false, -1, anyOf(strings.HasSuffix)},
	"notEndsWith":   {true, -1, anyOf(strings.HasSuffix)},
	"matches":       {false, -1, matches},
	"exists":        {false, 0, nil},
	"notExists":     {true, 0, nil},
	"lt":            {false, 1, compares(func(x, y float64) bool { return x < y })},
	"lte":           {false, 1, compares(func(x, y float64) bool { return x <= y })},
	"gt":            {false, 1, compares(func(x, y float64) bool { return x > y })},
	"gte":           {false, 1, compares(func(x, y float64) bool { return x >= y })},
	"cidr":          {false, -1, within},
}

// operatorNames lists operators in the order of the table above, for errors.
const operatorNames = "equals, notEquals, in, notIn, contains, notContains, startsWith, notStartsWith, endsWith, notEndsWith, matches, exists, " +
	"notExists, lt, lte, gt, gte and cidr"

func (c *Condition) compile(path string) (condition, error) {
	if c.Field == "" || len(c.Field) > maxName {
		return condition{}, invalid("%s.field: must be the name of a field, of 1 to %d bytes", path, maxName)
	}
	op, ok := operators[c.Op]
	if !ok {
		return condition{}, invalid("%s.op: %.40q is none of %s", path, c.Op, operatorNames)
	}
	switch n := len(c.Values); {
	case op.values >= 0 && n != op.values:
		return condition{}, invalid("%s.values: %s takes %d, not %d", path, c.Op, op.values, n)
	case op.values < 0 && (n == 0 || n > maxValues):
		return condition{}, invalid("%s.values: %s takes 1 to %d, not %d", path, c.Op, maxValues, n)
	}
	for _, v := range c.Values {
		if len(v) > maxValue {
			return condition{}, invalid("%s.values: a value of %d bytes is over the limit of %d", path, len(v), maxValue)
		}
	}
	compiled := condition{field: place{name: c.Field}, negate: op.negate}
	if op.test == nil {
		return compiled, nil
	}
	var err error
	compiled.test, err = op.test(path+".values", c.Values)
	return compiled, err
}

func isOneOf(_ string, values []string) (func(string) bool, error) {
	switch {
	case len(values) == 1:
		only := values[0]
		return func(s string) bool { return s == only }, nil
	case len(values) <= 8:
		return func(s string) bool { return slices.Contains(values, s) }, nil
	}
	set := make(map[string]bool, len(values))
	for _, v := range values {
		set[v] = true
	}
	return func(s string) bool { return set[s] }, nil
}

func anyOf(has func(s, part string) bool) func(string, []string) (func(string) bool, error) {
	return func(_ string, values []string) (func(string) bool, error) {
		return func(s string) bool {
			for _, v := range values {
				if has(s, v) {
					return true
				}
			}
			return false
		}, nil
	}
}

func matches(path string, values []string) (func(string) bool, error) {
	var all []*regexp.Regexp
	for _, v := range values {
		re, err := regexp.Compile(v)
		if err != nil {
			return nil, invalid("%s: %.80q is no regular expression of RE2: %w", path, v, err)
		}
		all = append(all, re)
	}
	return func(s string) bool {
		return slices.ContainsFunc(all, func(re *regexp.Regexp) bool { return re.MatchString(s) })
	}, nil
}

// compares makes tests of numbers; a value that is none passes no such test.
func compares(order func(x, y float64) bool) func(string, []string) (func(string) bool, error) {
	return func(path string, values []string) (func(string) bool, error) {
		y, ok := index.ParseDouble(values[0])
		if !ok {
			return nil, invalid("%s: %.80q is no number", path, values[0])
		}
		return func(s string) bool {
			x, ok := index.ParseDouble(s)
			return ok && order(x, y)
		}, nil
	}
}

func within(path string, values []string) (func(string) bool, error) {
	var all []netip.Prefix
	for _, v := range values {
		prefix, err := netip.ParsePrefix(v)
		if err != nil {
			addr, err := netip.ParseAddr(v)
			if err != nil || addr.Zone() != "" {
				return nil, invalid("%s: %.80q is neither a range of addresses like 192.0.2.0/24 nor an address", path, v)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		all = append(all, prefix)
	}
	return func(s string) bool {
		addr, err := netip.ParseAddr(s)
		addr = addr.Unmap()
		return err == nil && slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(addr) })
	}, nil
}
