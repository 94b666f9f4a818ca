package pop

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
)

// The actions of Cloud Assistant, of ECS version 2014-05-26 (reference cloud-assistant 1). Lists are wrapped twice, as in Commands.Command, but for
// those of activations and managed instances.

const ecsVersion = "2014-05-26"

// ecs makes a row of the table of ECS's actions.
func ecs(name string, mutating bool, handle func(*API, *request) (any, error)) action {
	return action{version: ecsVersion, name: name, permission: "ecs:" + name, mutating: mutating, handle: func(a *API, q *request) (any, error) {
		if err := q.permit(""); err != nil {
			return nil, err
		}
		if _, err := q.text("RegionId"); err != nil {
			return nil, err
		}
		return handle(a, q)
	}}
}

// done is the answer of an action that says nothing.
func done(err error) (any, error) { return nil, err }

// fleet is what the signer's account has of machines, and of what runs on them: there is no way from here to anybody else's.
func (a *API) fleet(q *request) *assistant.Fleet { return a.Assistant.Fleet(q.principal.Tenant()) }

// caller is who signed, as records name him: numbers of 16 digits, which a float keeps. That of a user or a role is made of its name.
func (a *API) caller(q *request) assistant.Caller {
	p := q.principal
	c := assistant.Caller{Account: a.Assistant.Account(), Key: p.AccessKeyID}
	if id, err := strconv.ParseInt(p.Account, 10, 64); err == nil && id > 0 {
		c.Account = id
	}
	c.User = c.Account
	if !p.Owner {
		const least, room = 2_000_000_000_000_000, 1_000_000_000_000_000
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%s\x00%s\x00%s", p.Account, p.User, p.Role)
		c.User = least + int64(h.Sum64()%room)
	}
	return c
}

// unsignedParams are parameters that differ from call to call, or do not matter.
var unsignedParams = []string{
	"Signature", "SignatureNonce", "SignatureMethod", "SignatureVersion", "SignatureType", "Timestamp", "AccessKeyId", "SecurityToken", "Format",
}

// token is the parameter ClientToken, with a digest of what it stands for.
func (q *request) token() assistant.Token {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(q.params)) {
		if !slices.Contains(unsignedParams, name) {
			part, _ := json.Marshal([]any{name, q.params[name]}) // of strings
			h.Write(part)
		}
	}
	return assistant.Token{Caller: q.principal.AccessKeyID, Action: q.action.name, Text: q.params.Get("ClientToken"), Params: hex.EncodeToString(h.Sum(nil))}
}

// list is a list parameter: Name.1, Name.2 …, in the order of its numbers, which may have gaps.
func (q *request) list(name string) []string {
	type item struct {
		n int
		v string
	}
	var items []item
	for key, values := range q.params {
		rest, ok := strings.CutPrefix(key, name+".")
		if n, err := strconv.Atoi(rest); ok && err == nil && values[0] != "" {
			items = append(items, item{n, values[0]})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.n, b.n) })
	var out []string
	if v := q.params.Get(name); v != "" {
		out = append(out, v)
	}
	for _, i := range items {
		out = append(out, i.v)
	}
	return out
}

// tags are a list parameter of keys and values: Name.1.Key, Name.1.Value.
func (q *request) tags(name string) []assistant.Tag {
	numbers := map[int]bool{}
	for key := range q.params {
		if rest, ok := strings.CutPrefix(key, name+"."); ok {
			number, _, _ := strings.Cut(rest, ".")
			if n, err := strconv.Atoi(number); err == nil {
				numbers[n] = true
			}
		}
	}
	var out []assistant.Tag
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		at := name + "." + strconv.Itoa(n) + "."
		out = append(out, assistant.Tag{
			Key:   cmp.Or(q.params.Get(at+"Key"), q.params.Get(at+"key")),
			Value: cmp.Or(q.params.Get(at+"Value"), q.params.Get(at+"value")),
		})
	}
	return out
}

// flag is a parameter that is true or false; nil if it is not given.
func (q *request) flag(name string) (*bool, error) {
	v := q.params.Get(name)
	if v == "" {
		return nil, nil
	}
	b, err := strconv.ParseBool(strings.ToLower(v))
	if err != nil {
		return nil, invalid(name, "%.20q is neither true nor false", v)
	}
	return &b, nil
}

// isSet is a parameter that is true or false, and false if it is not given.
func (q *request) isSet(name string) (bool, error) {
	b, err := q.flag(name)
	return b != nil && *b, err
}

// given is a parameter that may be set to nothing; nil if it is not given.
func (q *request) given(name string) *string {
	if !q.params.Has(name) {
		return nil
	}
	v := q.params.Get(name)
	return &v
}

// seconds is a timeout; 0 if it is not given.
func (q *request) seconds(name string) (int64, error) {
	v := q.params.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		return 0, sluice.Errorf(sluice.OutOfRange, assistant.NounCode+"InvalidTimeout.ExceedLimit", "%s %.20q is not a number of seconds", name, v)
	}
	return n, nil
}

// dotted decodes a parameter that is a JSON object, or that comes as Name.Member and Name.Member.1, into v. given says whether it is there.
func (q *request) dotted(name string, v any) (given bool, err error) {
	if given, err = q.object(name, v); given || err != nil {
		return given, err
	}
	members := map[string]any{}
	for key, values := range q.params {
		rest, ok := strings.CutPrefix(key, name+".")
		if !ok {
			continue
		}
		if member, number, ok := strings.Cut(rest, "."); ok && number != "" {
			members[member] = q.list(name + "." + member)
		} else {
			members[rest] = values[0]
		}
	}
	if len(members) == 0 {
		return false, nil
	}
	raw, _ := json.Marshal(members) // of strings
	if err := json.Unmarshal(raw, v); err != nil {
		return true, invalid(name, "it is not what is expected: %v", err)
	}
	return true, nil
}

// Pages of lists (reference 1.3).
const (
	defaultPage = 10
	maxPage     = 50
)

// paging is the page that is asked for.
func (q *request) paging() (assistant.Page, error) {
	refuse := func(name string) error {
		return sluice.Errorf(sluice.OutOfRange, assistant.NounCode+"InvalidParam."+name, "%s %.20q is not a number that it may be", name, q.params.Get(name))
	}
	number := func(name string, def, most int) (int, error) {
		v := q.params.Get(name)
		if v == "" {
			return def, nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return 0, refuse(name)
		}
		return n, nil
	}
	if q.params.Get("MaxResults") != "" || q.params.Get("NextToken") != "" {
		size, err := number("MaxResults", defaultPage, maxPage)
		if err != nil {
			return assistant.Page{}, sluice.Errorf(sluice.Invalid, assistant.NounCode+"InvalidParameter.MaxResults", "MaxResults is from 1 to %d", maxPage)
		}
		after, err := base64.RawURLEncoding.DecodeString(q.params.Get("NextToken"))
		if err != nil || len(after) > 200 {
			return assistant.Page{}, sluice.Errorf(sluice.Invalid, assistant.NounCode+"InvalidParameter.NextToken", "NextToken is none that this server gave")
		}
		return assistant.Page{Size: size, After: string(after), Token: true}, nil
	}
	page, err := number("PageNumber", 1, 1<<30/maxPage)
	if err != nil {
		return assistant.Page{}, err
	}
	size, err := number("PageSize", defaultPage, maxPage)
	return assistant.Page{Size: size, Number: page}, err
}

// pageAnswer is what each list says beside its rows.
type pageAnswer struct {
	NextToken  string `json:",omitempty"`
	PageNumber int
	PageSize   int
	TotalCount int
}

func paged[T any](p assistant.Page, l assistant.Listed[T]) pageAnswer {
	out := pageAnswer{PageNumber: max(p.Number, 1), PageSize: p.Size, TotalCount: l.Total}
	if l.Next != "" {
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(l.Next))
	}
	return out
}

// tagModel is a tag in an answer.
type tagModel struct{ TagKey, TagValue string }

func flatTags(tags []assistant.Tag) []tagModel {
	out := []tagModel{}
	for _, t := range tags {
		out = append(out, tagModel{t.Key, t.Value})
	}
	return out
}

type tagList struct{ Tag []tagModel }

func wrapTags(tags []assistant.Tag) tagList { return tagList{flatTags(tags)} }

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// content decodes a parameter that is text or base64, as ContentEncoding says; what that says else is the default of the action.
func (q *request) content(name, def, code string) (string, error) {
	text := q.params.Get(name)
	encoding := def
	for _, known := range []string{"PlainText", "Base64"} {
		if strings.EqualFold(q.params.Get("ContentEncoding"), known) {
			encoding = known
		}
	}
	if encoding == "PlainText" {
		return text, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return "", sluice.Errorf(sluice.Invalid, assistant.NounCode+code, "%s is not base64", name)
	}
	return string(raw), nil
}

// shownAs encodes text for an answer, as ContentEncoding says: base64 unless it says PlainText.
func (q *request) shownAs() func(string) string {
	if strings.EqualFold(q.params.Get("ContentEncoding"), "PlainText") {
		return func(s string) string { return s }
	}
	return func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
}
