package policy

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Context is how a request came: what conditions ask for.
type Context struct {
	Source     netip.Addr // acs:SourceIp
	Time       time.Time  // acs:CurrentTime
	Secure     bool       // acs:SecureTransport: it came over TLS
	TLSVersion string     // log:TLSVersion, "1.3"; "" without TLS
	Principal  string     // acs:PrincipalARN
	ExternalID string     // sts:ExternalId, of who assumes a role for somebody else
}

// typ is what kind of value a key has, and an operator compares.
type typ uint8

const (
	text typ = iota
	number
	date
	boolean
	address
)

func (t typ) String() string {
	return [...]string{"String", "Numeric", "Date", "Bool", "IpAddress"}[t]
}

// key is what a condition asks about.
type key uint8

const (
	sourceIP key = iota
	currentTime
	secureTransport
	mfaPresent
	sourceVPC
	principalName
	tlsVersion
	externalID
)

// keys are the keys that are known. Others are refused: a condition on them would hold or fail without a reason.
var keys = map[string]struct {
	key   key
	types []typ
}{
	"acs:SourceIp":        {sourceIP, []typ{address}},
	"acs:CurrentTime":     {currentTime, []typ{date}},
	"acs:SecureTransport": {secureTransport, []typ{boolean}},
	"acs:MFAPresent":      {mfaPresent, []typ{boolean}}, // false: no key is used with a second factor
	"acs:SourceVpc":       {sourceVPC, []typ{text}},     // absent: no request comes out of a VPC
	"acs:PrincipalARN":    {principalName, []typ{text}},
	"log:TLSVersion":      {tlsVersion, []typ{text, number}},
	"sts:ExternalId":      {externalID, []typ{text}},
}

// comparison is how an operator compares a request's value with one of the condition's.
type comparison uint8

const (
	equal comparison = iota
	equalFold
	like
	less
	lessEqual
	greater
	greaterEqual
)

type operator struct {
	typ typ
	how comparison
	not bool // holds if no value compares, and if the request has no value
}

// operators are the operators that are known.
var operators = map[string]operator{
	"StringEquals": {text, equal, false}, "StringNotEquals": {text, equal, true},
	"StringEqualsIgnoreCase": {text, equalFold, false}, "StringNotEqualsIgnoreCase": {text, equalFold, true},
	"StringLike": {text, like, false}, "StringNotLike": {text, like, true},
	"NumericEquals": {number, equal, false}, "NumericNotEquals": {number, equal, true},
	"NumericLessThan": {number, less, false}, "NumericLessThanEquals": {number, lessEqual, false},
	"NumericGreaterThan": {number, greater, false}, "NumericGreaterThanEquals": {number, greaterEqual, false},
	"DateEquals": {date, equal, false}, "DateNotEquals": {date, equal, true},
	"DateLessThan": {date, less, false}, "DateLessThanEquals": {date, lessEqual, false},
	"DateGreaterThan": {date, greater, false}, "DateGreaterThanEquals": {date, greaterEqual, false},
	"Bool":      {boolean, equal, false},
	"IpAddress": {address, equal, false}, "NotIpAddress": {address, equal, true},
}

// condition is one key under one operator: any of its values may compare.
type condition struct {
	key key
	operator

	// By the type of the operator, one of:
	texts    []string
	patterns []pattern // for like
	numbers  []float64
	dates    []time.Time
	bools    []bool
	networks []netip.Prefix
}

// add reads one value of the condition. It returns what is wrong with it, "" for nothing.
func (c *condition) add(value string) string {
	switch c.typ {
	case text:
		if c.how == like {
			c.patterns = append(c.patterns, newPattern(value))
		}
		c.texts = append(c.texts, value)
	case number:
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || x != x {
			return "is not a number"
		}
		c.numbers = append(c.numbers, x)
	case date:
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return "is not a time such as 2026-11-26T12:00:00+08:00"
		}
		c.dates = append(c.dates, at)
	case boolean:
		if value != "true" && value != "false" {
			return "is neither true nor false"
		}
		c.bools = append(c.bools, value == "true")
	case address:
		network, ok := parseNetwork(value)
		if !ok {
			return "is not an address or a network such as 192.0.2.0/24"
		}
		c.networks = append(c.networks, network)
	}
	return ""
}

func parseNetwork(value string) (netip.Prefix, bool) {
	if !strings.Contains(value, "/") {
		addr, err := netip.ParseAddr(value)
		addr = addr.Unmap()
		return netip.PrefixFrom(addr.WithZone(""), addr.BitLen()), err == nil && addr.Zone() == ""
	}
	network, err := netip.ParsePrefix(value)
	return network.Masked(), err == nil && !network.Addr().Is4In6()
}

func (c *condition) holds(ctx *Context) bool {
	switch c.typ {
	case number:
		return c.holdsNumber(ctx)
	case date:
		for _, at := range c.dates {
			if compares(c.how, ctx.Time.Compare(at)) {
				return !c.not
			}
		}
	case boolean:
		value := c.key == secureTransport && ctx.Secure
		for _, want := range c.bools {
			if value == want {
				return !c.not
			}
		}
	case address:
		source := ctx.Source.Unmap().WithZone("")
		for _, network := range c.networks {
			if network.Contains(source) {
				return !c.not
			}
		}
	default:
		return c.holdsText(ctx)
	}
	return c.not
}

func (c *condition) holdsNumber(ctx *Context) bool {
	text := c.text(ctx)
	if text == "" {
		return c.not
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return c.not
	}
	for _, want := range c.numbers {
		order := 0
		if value < want {
			order = -1
		} else if value > want {
			order = 1
		}
		if compares(c.how, order) {
			return !c.not
		}
	}
	return c.not
}

func (c *condition) holdsText(ctx *Context) bool {
	value := c.text(ctx)
	if value == "" {
		return c.not
	}
	for i, want := range c.texts {
		var same bool
		switch c.how {
		case like:
			var buf [256]byte
			same = c.patterns[i].match(append(buf[:0], value...))
		case equalFold:
			same = strings.EqualFold(value, want)
		default:
			same = value == want
		}
		if same {
			return !c.not
		}
	}
	return c.not
}

// text is the request's value; "" if it has none.
func (c *condition) text(ctx *Context) string {
	switch c.key {
	case principalName:
		return ctx.Principal
	case tlsVersion:
		return ctx.TLSVersion
	case externalID:
		return ctx.ExternalID
	}
	return ""
}

func compares(how comparison, order int) bool {
	switch how {
	case less:
		return order < 0
	case lessEqual:
		return order <= 0
	case greater:
		return order > 0
	case greaterEqual:
		return order >= 0
	}
	return order == 0
}
