package policy

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// oracle decides by a document as slowly and as plainly as can be: from the JSON, statement by statement, with regular expressions.
func oracle(document string, k Kind, q question) Effect {
	var doc struct {
		Statement many[map[string]json.RawMessage]
	}
	if err := json.Unmarshal([]byte(document), &doc); err != nil {
		panic(err)
	}
	effect := None
	for _, s := range doc.Statement {
		if !oracleApplies(s, k, q) {
			continue
		}
		if string(s["Effect"]) == `"Deny"` {
			return Deny
		}
		effect = Allow
	}
	return effect
}

// many is an array, or one without its brackets.
type many[T any] []T

func (m *many[T]) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]T)(m))
	}
	var one T
	err := json.Unmarshal(b, &one)
	*m = many[T]{one}
	return err
}

func list(raw json.RawMessage) []string {
	var values many[any]
	if err := json.Unmarshal(raw, &values); err != nil {
		panic(err)
	}
	var texts []string
	for _, v := range values {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case bool:
			texts = append(texts, strconv.FormatBool(v))
		case float64:
			texts = append(texts, strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
	return texts
}

func wild(pattern string) *regexp.Regexp {
	if known, ok := wilds.Load(pattern); ok {
		return known.(*regexp.Regexp)
	}
	re := regexp.MustCompile(`(?s)^` + strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern)) + `$`)
	wilds.Store(pattern, re)
	return re
}

var wilds sync.Map // by pattern: random documents have few

// question is a request in plain text.
type question struct {
	action, service, region, account, path string
	caller                                 Caller
	context                                Context
}

func (q question) request() *Request {
	return &Request{
		Action: []byte(strings.ToLower(q.action)), Service: []byte(q.service), Region: []byte(q.region), Account: []byte(q.account),
		Path: []byte(q.path), Caller: q.caller, Context: &q.context,
	}
}

func oracleApplies(s map[string]json.RawMessage, k Kind, q question) bool {
	any := func(raw json.RawMessage, matches func(string) bool) bool {
		for _, text := range list(raw) {
			if matches(text) {
				return true
			}
		}
		return false
	}
	isAction := func(p string) bool { return wild(strings.ToLower(p)).MatchString(strings.ToLower(q.action)) }
	isResource := func(p string) bool {
		if p == "*" {
			return true
		}
		parts := strings.SplitN(p, ":", 5)
		for i, got := range []string{"acs", q.service, q.region, q.account, q.path} {
			if (parts[i] != "" || i < 2) && !wild(parts[i]).MatchString(got) {
				return false
			}
		}
		return true
	}
	if s["Action"] != nil && !any(s["Action"], isAction) || s["NotAction"] != nil && any(s["NotAction"], isAction) {
		return false
	}
	if s["Resource"] != nil && !any(s["Resource"], isResource) || s["NotResource"] != nil && any(s["NotResource"], isResource) {
		return false
	}
	return (k == Identity || oraclePrincipal(s, q)) && oracleConditions(s["Condition"], q.context)
}

func oraclePrincipal(s map[string]json.RawMessage, q question) bool {
	raw := s["Principal"]
	if raw == nil {
		return string(s["Effect"]) == `"Deny"` && oraclePrincipal(map[string]json.RawMessage{"Principal": json.RawMessage(`"*"`), "Condition": s["Condition"]}, q) ||
			string(s["Effect"]) == `"Allow"` && q.caller.Account == q.account
	}
	if raw[0] == '{' {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil || object["RAM"] == nil {
			return false
		}
		raw = object["RAM"]
	}
	for _, p := range list(raw) {
		p = strings.TrimPrefix(p, "acs:ram::")
		id, name, _ := strings.Cut(p, ":")
		switch {
		case p == "*":
			owner := q.caller == Caller{Account: q.account}
			if !owner || s["Condition"] != nil && string(s["Condition"]) != "{}" {
				return true
			}
		case id != q.caller.Account:
		case name == "" || name == "root":
			return true
		case name == "user/"+q.caller.User && q.caller.User != "", name == "role/"+q.caller.Role && q.caller.Role != "":
			return true
		}
	}
	return false
}

func oracleConditions(raw json.RawMessage, ctx Context) bool {
	if raw == nil {
		return true
	}
	var operators map[string]map[string]json.RawMessage
	if err := json.Unmarshal(raw, &operators); err != nil {
		panic(err)
	}
	for operator, keys := range operators {
		for key, values := range keys {
			value, present := map[string]string{
				"acs:SourceIp": ctx.Source.String(), "acs:CurrentTime": ctx.Time.Format(time.RFC3339Nano),
				"acs:SecureTransport": strconv.FormatBool(ctx.Secure), "acs:MFAPresent": "false",
				"acs:PrincipalARN": ctx.Principal, "log:TLSVersion": ctx.TLSVersion, "sts:ExternalId": ctx.ExternalID,
			}[key]
			present = present && value != ""
			negated := strings.Contains(operator, "Not")
			found := false
			for _, want := range list(values) {
				found = found || present && oracleCompares(strings.Replace(operator, "Not", "", 1), value, want)
			}
			if found == negated {
				return false
			}
		}
	}
	return true
}

func oracleCompares(operator, value, want string) bool {
	sign := func(less, equal bool) bool {
		switch {
		case strings.HasSuffix(operator, "LessThan"):
			return less
		case strings.HasSuffix(operator, "LessThanEquals"):
			return less || equal
		case strings.HasSuffix(operator, "GreaterThan"):
			return !less && !equal
		case strings.HasSuffix(operator, "GreaterThanEquals"):
			return !less
		}
		return equal
	}
	switch {
	case operator == "StringLike":
		return wild(want).MatchString(value)
	case operator == "StringEqualsIgnoreCase":
		return strings.EqualFold(value, want)
	case operator == "IpAddress":
		if !strings.Contains(want, "/") {
			return netip.MustParseAddr(want).Unmap() == netip.MustParseAddr(value).Unmap()
		}
		return netip.MustParsePrefix(want).Contains(netip.MustParseAddr(value).Unmap())
	case strings.HasPrefix(operator, "Numeric"):
		x, err := strconv.ParseFloat(value, 64)
		y, _ := strconv.ParseFloat(want, 64)
		return err == nil && sign(x < y, x == y)
	case strings.HasPrefix(operator, "Date"):
		x, _ := time.Parse(time.RFC3339, value)
		y, _ := time.Parse(time.RFC3339, want)
		return sign(x.Before(y), x.Equal(y))
	}
	return value == want
}
