package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const (
	home   = "1000000000000001"
	abroad = "2000000000000002"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// ask is a question about project web of account home, by its user alice, over plain HTTP.
func ask(action, path string) question {
	return question{
		action: action, service: "log", region: "local", account: home, path: path, caller: Caller{Account: home, User: "alice"},
		context: Context{Source: netip.MustParseAddr("192.0.2.7"), Time: noon, Principal: "acs:ram::" + home + ":user/alice"},
	}
}

func parse(t testing.TB, document string, k Kind) *Policy {
	t.Helper()
	p, err := Parse([]byte(document), k)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return p
}

// check asks a document and the oracle.
func check(t *testing.T, document string, k Kind, q question, want Effect) {
	t.Helper()
	p := parse(t, document, k)
	if got := (Set{{"p", p}}).Decide(q.request()).Effect; got != want {
		t.Errorf("%s\n%+v: got %v, want %v", document, q, got, want)
	}
	if got := oracle(document, k, q); got != want {
		t.Errorf("%s\n%+v: the oracle says %v, want %v", document, q, got, want)
	}
}

func one(statement string) string { return `{"Version":"1","Statement":[{` + statement + `}]}` }

func TestActionsAndResources(t *testing.T) {
	f := func(statement, action, path string, want Effect) {
		t.Helper()
		check(t, one(`"Effect":"Allow",`+statement), Identity, ask(action, path), want)
	}
	f(`"Action":"*","Resource":"*"`, "log:GetLogStore", "project/web/logstore/a", Allow)
	f(`"Action":"log:*","Resource":"*"`, "ram:CreateUser", "user/bob", None)
	f(`"Action":["log:Get*","log:List*"],"Resource":"*"`, "log:ListProject", "project/*", Allow)
	f(`"Action":"LOG:GETLOGSTORE","Resource":"*"`, "log:GetLogStore", "project/web", Allow)
}

func TestActionNamesHaveNoCase(t *testing.T) {
	check(t, one(`"Effect":"Deny","Action":"log:deletePROJECT","Resource":"*"`), Identity, ask("log:DeleteProject", "project/web"), Deny)
}

func TestResources(t *testing.T) {
	f := func(resource, path string, want Effect) {
		t.Helper()
		check(t, one(`"Effect":"Allow","Action":"log:*","Resource":"`+resource+`"`), Identity, ask("log:GetLogStore", path), want)
		inverse := map[Effect]Effect{Allow: None, None: Allow}[want]
		check(t, one(`"Effect":"Allow","Action":"log:*","NotResource":"`+resource+`"`), Identity, ask("log:GetLogStore", path), inverse)
	}
	f("acs:log:*:*:project/web/logstore/a", "project/web/logstore/a", Allow)
	f("acs:log:*:*:project/web/logstore/a", "project/web/logstore/ab", None)
	f("acs:log:*:*:project/web/*", "project/web/logstore/a", Allow)
	f("acs:log:*:*:project/web/*", "project/web", None)
	f("acs:log:*:*:project/web*", "project/web", Allow)
	f("acs:log:*:*:project/web*", "project/web2/logstore/a", Allow)
	f("acs:log:*:*:project/*/logstore/a?", "project/web/logstore/ab", Allow)
	f("acs:log:*:*:project/*/logstore/a?", "project/web/logstore/a", None)
	f("acs:log:local:"+home+":project/web", "project/web", Allow)
	f("acs:log:cn-hangzhou:"+home+":project/web", "project/web", None)
	f("acs:log:*:"+abroad+":project/web", "project/web", None)
	f("acs:esa:*:*:*", "project/web", None)
	f("acs:log:::project/web", "project/web", Allow)
	// No wildcard reaches from one part into another.
	f("acs:log:*:"+abroad+":*", "project/web/dashboard/x:"+abroad+":y", None)
}

func TestNotAction(t *testing.T) {
	document := one(`"Effect":"Allow","NotAction":["ram:*","sts:*"],"Resource":"*"`)
	check(t, document, Identity, ask("log:DeleteProject", "project/web"), Allow)
	check(t, document, Identity, ask("ram:CreateUser", "user/x"), None)
}

func TestDenyWins(t *testing.T) {
	allow, deny := `{"Effect":"Allow","Action":"log:*","Resource":"*"}`, `{"Effect":"Deny","Action":"log:Delete*","Resource":"acs:log:*:*:project/web*"}`
	for _, order := range []string{allow + "," + deny, deny + "," + allow} {
		document := `{"Version":"1","Statement":[` + order + `]}`
		check(t, document, Identity, ask("log:DeleteLogStore", "project/web/logstore/a"), Deny)
		check(t, document, Identity, ask("log:DeleteLogStore", "project/other/logstore/a"), Allow)
	}
	set := Set{{"first", parse(t, `{"Version":"1","Statement":[`+allow+`]}`, Identity)}, {"second", parse(t, "{\"Version\":\"1\",\"Statement\":[\n"+allow+",\n"+deny+"]}", Identity)}}
	got := set.Decide(ask("log:DeleteLogStore", "project/web").request())
	if want := (Decision{Deny, "second", 1, 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got = set.Decide(ask("log:GetLogStore", "project/web").request())
	if want := (Decision{Allow, "first", 0, 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestConditions(t *testing.T) {
	f := func(condition string, change func(*Context), want bool) {
		t.Helper()
		q := ask("log:GetLogStore", "project/web")
		if change != nil {
			change(&q.context)
		}
		check(t, one(`"Effect":"Allow","Action":"log:*","Resource":"*","Condition":{`+condition+`}`), Identity, q, map[bool]Effect{true: Allow, false: None}[want])
	}
	from := func(addr string) func(*Context) { return func(c *Context) { c.Source = netip.MustParseAddr(addr) } }
	f(`"IpAddress":{"acs:SourceIp":"192.0.2.0/24"}`, nil, true)
	f(`"IpAddress":{"acs:SourceIp":["198.51.100.1","192.0.2.7"]}`, nil, true)
	f(`"IpAddress":{"acs:SourceIp":"192.0.2.8"}`, nil, false)
	f(`"IpAddress":{"acs:SourceIp":"192.0.2.0/24"}`, from("::ffff:192.0.2.9"), true)
	f(`"IpAddress":{"acs:SourceIp":"2001:db8::/32"}`, from("2001:db8::1"), true)
	f(`"NotIpAddress":{"acs:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}`, nil, false)
	f(`"NotIpAddress":{"acs:SourceIp":["10.0.0.0/8"]}`, nil, true)
	f(`"DateLessThan":{"acs:CurrentTime":"2026-11-26T13:00:00Z"}`, nil, true)
	f(`"DateLessThan":{"acs:CurrentTime":"2026-11-26T13:00:00+08:00"}`, nil, false)
	f(`"DateLessThan":{"acs:CurrentTime":"2026-11-26T12:00:00Z"}`, nil, false)
	f(`"DateLessThanEquals":{"acs:CurrentTime":"2026-11-26T12:00:00Z"}`, nil, true)
	f(`"DateGreaterThan":{"acs:CurrentTime":"2026-11-26T11:00:00Z"},"DateLessThan":{"acs:CurrentTime":"2026-11-26T12:00:01Z"}`, nil, true)
	f(`"Bool":{"acs:SecureTransport":"true"}`, nil, false)
	f(`"Bool":{"acs:SecureTransport":true}`, func(c *Context) { c.Secure = true }, true)
	f(`"Bool":{"acs:MFAPresent":"false"}`, nil, true)
	f(`"StringEquals":{"log:TLSVersion":["1.2","1.3"]}`, func(c *Context) { c.TLSVersion = "1.3" }, true)
	f(`"StringEquals":{"log:TLSVersion":["1.2","1.3"]}`, nil, false)
	f(`"NumericGreaterThanEquals":{"log:TLSVersion":1.2}`, func(c *Context) { c.TLSVersion = "1.2" }, true)
	f(`"NumericGreaterThanEquals":{"log:TLSVersion":"1.3"}`, func(c *Context) { c.TLSVersion = "1.2" }, false)
	f(`"NumericLessThan":{"log:TLSVersion":"1.3"}`, nil, false)
	f(`"NumericNotEquals":{"log:TLSVersion":"1.3"}`, nil, true)
	f(`"StringLike":{"acs:PrincipalARN":"acs:ram::*:user/a*"}`, nil, true)
	f(`"StringNotLike":{"acs:PrincipalARN":["*:user/b*","*:user/a?ice"]}`, nil, false)
	f(`"StringEqualsIgnoreCase":{"acs:PrincipalARN":"ACS:RAM::`+home+`:user/Alice"}`, nil, true)
	// No request comes out of a VPC.
	f(`"StringEquals":{"acs:SourceVpc":"vpc-1"}`, nil, false)
	f(`"StringNotLike":{"acs:SourceVpc":"vpc-*"}`, nil, true)
}

func TestPrincipals(t *testing.T) {
	owner, alice, stranger := Caller{Account: home}, Caller{Account: home, User: "alice"}, Caller{Account: abroad}
	reader, bob := Caller{Account: abroad, Role: "reader"}, Caller{Account: abroad, User: "bob"}
	f := func(principal, condition string, allowed ...Caller) {
		t.Helper()
		for _, c := range []Caller{owner, alice, stranger, reader, bob, {}} {
			want := None
			for _, a := range allowed {
				if a == c {
					want = Allow
				}
			}
			q := ask("log:GetLogStore", "project/web")
			q.caller = c
			check(t, one(`"Effect":"Allow","Action":"log:*","Resource":"*","Principal":`+principal+condition), Resource, q, want)
		}
	}
	always := `,"Condition":{"IpAddress":{"acs:SourceIp":"0.0.0.0/0"}}`
	f(`"*"`, "", alice, stranger, reader, bob, Caller{})
	f(`["*"]`, always, owner, alice, stranger, reader, bob, Caller{})
	f(`["`+abroad+`"]`, "", stranger, reader, bob)
	f(`{"RAM":["acs:ram::`+abroad+`:root"]}`, "", stranger, reader, bob)
	f(`{"RAM":"acs:ram::`+abroad+`:user/bob"}`, "", bob)
	f(`{"RAM":["acs:ram::`+abroad+`:role/reader","acs:ram::`+home+`:user/alice"]}`, "", reader, alice)
	f(`{"Service":["log.aliyuncs.com"]}`, "")
}

func TestDenyWithoutPrincipalIsAboutEverybody(t *testing.T) {
	document := one(`"Effect":"Deny","Action":"log:Post*","Resource":"acs:log:*:*:project/web/*","Condition":{"StringNotLike":{"acs:SourceVpc":["vpc-*"]}}`)
	q := ask("log:PostLogStoreLogs", "project/web/logstore/a")
	q.caller = Caller{Account: home}
	check(t, document, Resource, q, Deny)
}

// Whoever writes an Allow and names nobody opens nothing to other accounts.
func TestAllowWithoutPrincipalIsAboutTheAccount(t *testing.T) {
	document := one(`"Effect":"Allow","Action":"log:Post*","Resource":"acs:log:*:*:project/web/*"`)
	for caller, want := range map[Caller]Effect{
		{Account: home}: Allow, {Account: home, User: "alice"}: Allow, {Account: home, Role: "r"}: Allow,
		{Account: abroad}: None, {Account: abroad, User: "alice"}: None, {}: None,
	} {
		q := ask("log:PostLogStoreLogs", "project/web/logstore/a")
		q.caller = caller
		check(t, document, Resource, q, want)
	}
}

func TestTrust(t *testing.T) {
	document := one(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + abroad + `:root"]},"Condition":{"StringEquals":{"sts:ExternalId":"x1"}}`)
	q := question{action: "sts:AssumeRole", service: "ram", account: home, path: "role/r", caller: Caller{Account: abroad}, context: Context{ExternalID: "x1"}}
	check(t, document, Trust, q, Allow)
	q.context.ExternalID = "x2"
	check(t, document, Trust, q, None)
	q.context.ExternalID = "x1"
	q.caller.Account = home
	check(t, document, Trust, q, None)
}

// Every malformed shape is refused with its place, which » marks.
func TestFaultsHavePlaces(t *testing.T) {
	f := func(document string, k Kind, path, words string) {
		t.Helper()
		before, after, _ := strings.Cut(document, "»")
		line, column := 1+strings.Count(before, "\n"), 1+len(before[strings.LastIndex(before, "\n")+1:])
		_, err := Parse([]byte(before+after), k)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got error %v, want a fault", document, err)
			return
		}
		if e.Line != line || e.Column != column || e.Path != path || !strings.Contains(e.Msg, words) {
			t.Errorf("%.200s:\ngot %d:%d %s: %s\nwant %d:%d %s: …%s…", document, e.Line, e.Column, e.Path, e.Msg, line, column, path, words)
		}
	}
	at := func(statement, path, words string) {
		t.Helper()
		f("{\"Version\":\"1\",\n \"Statement\":[\n"+statement+"]}", Identity, "Statement[0]"+path, words)
	}
	allow := `"Effect":"Allow","Action":"log:*","Resource":"*"`
	f(`»`, Identity, "", "not JSON")
	f(`»{`, Identity, "", "not JSON")
	f("{\n\"Version\":\"1\",»}", Identity, "", "not JSON")
	f(`{} »{}`, Identity, "", "not JSON")
	f(`»[]`, Identity, "", "not an object")
	f(`»null`, Identity, "", "not an object")
	f("\"»\xff\"", Identity, "", "UTF-8")
	f(`»{}`, Identity, "", `"Version": "1"`)
	f(`{»"Version":1,"Statement":[]}`, Identity, "Version", `the string "1"`)
	f(`{»"Version":"2","Statement":[]}`, Identity, "Version", `the string "1"`)
	f(`»{"Version":"1"}`, Identity, "", "no Statement")
	f(`{"Version":"1",»"Statement":[]}`, Identity, "Statement", "empty")
	f(`{"Version":"1",»"Statement":"x"}`, Identity, "Statement", "not an array")
	f(`{"Version":"1","Statement":[»1]}`, Identity, "Statement[0]", "not a statement")
	f(`{"Version":"1",»"version":"1","Statement":[]}`, Identity, "version", "not known")
	f(`{"Version":"1",»"Version":"1"}`, Identity, "Version", "twice")
	f(`{"Version":"1","Statement":[{`+allow+`}],»"Id":"x"}`, Identity, "Id", "not known")
	f(strings.Repeat("[", 11)+"»"+strings.Repeat("[", 5000)+strings.Repeat("]", 5011), Identity, strings.Repeat("[0]", 11), "nested deeper")
	f("»"+strings.Repeat("[", 100_000), Identity, "", "larger than")

	at(`»{"Action":"log:*","Resource":"*"}`, "", "no Effect")
	at(`{»"Effect":"allow","Action":"log:*","Resource":"*"}`, ".Effect", "Allow or Deny")
	at(`{»"Effect":true,"Action":"log:*","Resource":"*"}`, ".Effect", "Allow or Deny")
	at(`»{"Effect":"Allow","Resource":"*"}`, "", "no Action")
	at(`»{"Effect":"Allow","Action":"log:*"}`, "", "no Resource")
	at(`{"Effect":"Allow","Action":"log:*",»"NotAction":"log:*","Resource":"*"}`, ".NotAction", "beside Action")
	at(`{"Effect":"Allow",»"Action":[],"Resource":"*"}`, ".Action", "empty")
	at(`{"Effect":"Allow",»"Action":{},"Resource":"*"}`, ".Action", "an object")
	at(`{"Effect":"Allow","Action":["log:*",»1],"Resource":"*"}`, ".Action[1]", "a number, not a string")
	at(`{"Effect":"Allow","Action":["log:*",»"log"],"Resource":"*"}`, ".Action[1]", "not an action")
	at(`{"Effect":"Allow",»"Action":"log:Get LogStore","Resource":"*"}`, ".Action", "not an action")
	at(`{"Effect":"Allow","Action":"log:*",»"Resource":"project/web"}`, ".Resource", "not a resource")
	at(`{"Effect":"Allow","Action":"log:*",»"Resource":"acs:log:*:*"}`, ".Resource", "not a resource")
	at(`{"Effect":"Allow","Action":"log:*",»"Resource":"acs:log:*:*:"}`, ".Resource", "not a resource")
	at(`{"Effect":"Allow","Action":"log:*",»"Resource":"arn:log:*:*:x"}`, ".Resource", "not a resource")
	at(`{"Effect":"Allow","Action":"log:*",»"Resource":"acs:log:*:*:${x}"}`, ".Resource", "not a resource")
	at(`{`+allow+`,»"Sid":"x"}`, ".Sid", "not known")
	at(`{`+allow+`,»"Principal":"*"}`, ".Principal", "not known")
	at(`{`+allow+`,»"Condition":[]}`, ".Condition", "an array")
	at(`{`+allow+`,"Condition":{»"IpAddresses":{}}}`, ".Condition.IpAddresses", "not an operator")
	at(`{`+allow+`,"Condition":{»"IpAddress":{}}}`, ".Condition.IpAddress", "not an object of keys")
	at(`{`+allow+`,"Condition":{"IpAddress":{»"acs:SourceIP":"1.2.3.4"}}}`, ".Condition.IpAddress.acs:SourceIP", "not a key")
	at(`{`+allow+`,"Condition":{"IpAddress":{»"acs:SourceIp":"1.2.3.4/33"}}}`, ".Condition.IpAddress.acs:SourceIp", "not an address")
	at(`{`+allow+`,"Condition":{"IpAddress":{»"acs:SourceIp":[]}}}`, ".Condition.IpAddress.acs:SourceIp", "empty")
	at(`{`+allow+`,"Condition":{"IpAddress":{"acs:SourceIp":[»null]}}}`, ".Condition.IpAddress.acs:SourceIp[0]", "null")
	at(`{`+allow+`,"Condition":{"StringEquals":{»"acs:SourceIp":"1.2.3.4"}}}`, ".Condition.StringEquals.acs:SourceIp", "type IpAddress")
	at(`{`+allow+`,"Condition":{"Bool":{»"acs:SecureTransport":"yes"}}}`, ".Condition.Bool.acs:SecureTransport", "neither true nor false")
	at(`{`+allow+`,"Condition":{"DateLessThan":{»"acs:CurrentTime":"tomorrow"}}}`, ".Condition.DateLessThan.acs:CurrentTime", "not a time")
	at(`{`+allow+`,"Condition":{"NumericEquals":{»"log:TLSVersion":"NaN"}}}`, ".Condition.NumericEquals.log:TLSVersion", "not a number")
	at(`{`+allow+`,"Condition":{"StringEquals":{»"sts:ExternalId":"x"}}}`, ".Condition.StringEquals.sts:ExternalId", "trust policies")

	in := func(k Kind, statement, path, words string) {
		t.Helper()
		f(`{"Version":"1","Statement":[`+statement+`]}`, k, "Statement[0]"+path, words)
	}
	in(Resource, `{`+allow+`,»"Principal":"alice"}`, ".Principal", "not an account's id")
	in(Resource, `{`+allow+`,"Principal":{»"AWS":"x"}}`, ".Principal.AWS", "not known")
	in(Resource, `{`+allow+`,»"Principal":{}}`, ".Principal", "empty")
	in(Trust, `»{"Effect":"Allow","Action":"sts:AssumeRole"}`, "", "no Principal")
	in(Trust, `{"Effect":"Allow","Action":"sts:AssumeRole",»"Principal":"*"}`, ".Principal", "not an account's id")
	in(Trust, `{"Effect":"Allow","Action":"sts:AssumeRole",»"Resource":"*"}`, ".Resource", "not known")
	in(Trust, `{"Effect":"Allow",»"Action":"sts:*","Principal":"`+home+`"}`, ".Action", "not sts:AssumeRole")
}

// Random documents out of a few parts, against random requests: the compiled policy and the oracle agree.
func TestAgreesWithTheOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	some := func(from ...string) string {
		var texts []string
		for range 1 + r.IntN(3) {
			texts = append(texts, pick(from...))
		}
		raw, _ := json.Marshal(texts)
		return string(raw)
	}
	statement := func(k Kind) string {
		s := `{"Effect":"` + pick("Allow", "Allow", "Deny") + `","` + pick("Action", "Action", "NotAction") + `":` +
			some("*", "log:*", "log:Get*", "log:?etLogStore", "log:*Log*s", "ram:*", "log:GetLogStore") +
			`,"` + pick("Resource", "Resource", "NotResource") + `":` +
			some("*", "acs:log:*:*:*", "acs:log:*:*:project/web*", "acs:log:*:*:project/w?b/*/a*b", "acs:log:local:"+home+":project/*", "acs:*:*:"+abroad+":*", "acs:log:*:*:*a*b*c*")
		if k == Resource && r.IntN(4) > 0 {
			s += `,"Principal":` + some("*", home, abroad, "acs:ram::"+home+":user/alice", "acs:ram::"+abroad+":role/r")
		}
		if r.IntN(2) == 0 {
			s += `,"Condition":{` + pick(
				`"IpAddress":{"acs:SourceIp":["10.0.0.0/8","192.0.2.7"]}`, `"NotIpAddress":{"acs:SourceIp":"192.0.2.0/25"}`,
				`"Bool":{"acs:SecureTransport":true}`, `"DateGreaterThan":{"acs:CurrentTime":"2026-11-26T12:00:00Z"}`,
				`"StringLike":{"acs:PrincipalARN":"*alice"},"Bool":{"acs:MFAPresent":false}`, `"StringNotEquals":{"acs:SourceVpc":"v"}`,
				`"NumericLessThan":{"log:TLSVersion":1.3}`) + `}`
		}
		return s + `}`
	}
	for range 5_000 {
		k := Kind(r.IntN(2))
		var statements []string
		for range 1 + r.IntN(4) {
			statements = append(statements, statement(k))
		}
		document := `{"Version":"1","Statement":[` + strings.Join(statements, ",") + `]}`
		q := ask(pick("log:GetLogStore", "log:PostLogStoreLogs", "ram:CreateUser", "log:GETlogstorelogs"),
			pick("project/web", "project/web/logstore/ab", "project/wab/x/axb", "*", "project/a/b/c", "aabbcc"))
		q.account = pick(home, abroad)
		q.caller = []Caller{{Account: home}, {Account: home, User: "alice"}, {Account: abroad, Role: "r"}, {}}[r.IntN(4)]
		q.context.Source = netip.MustParseAddr(pick("192.0.2.7", "10.1.1.1", "192.0.2.200", "2001:db8::1"))
		q.context.Time = noon.Add(time.Duration(r.IntN(3)-1) * time.Second)
		q.context.Secure = r.IntN(2) == 0
		q.context.TLSVersion = pick("", "1.2", "1.3")
		q.context.Principal = q.caller.ARN()
		want := oracle(document, k, q)
		if got := (Set{{"p", parse(t, document, k)}}).Decide(q.request()).Effect; got != want {
			t.Fatalf("%s\n%+v: got %v, the oracle says %v", document, q, got, want)
		}
	}
}

// Wildcards on which naive matchers do not end.
func TestWildcardsTakeNoTime(t *testing.T) {
	resource := "acs:log:*:*:" + strings.Repeat("*a", 400) + "*b"
	p := Set{{"p", parse(t, one(`"Effect":"Allow","Action":"log:*","Resource":"`+resource+`"`), Identity)}}
	q := ask("log:GetLogStore", strings.Repeat("a", 1000))
	if got := p.Decide(q.request()); got.Effect != None {
		t.Errorf("got %+v, want no match", got)
	}
}

// hundred is a policy of a hundred statements, in documents that fit, of which the last one matches.
func hundred(t testing.TB) (Set, *Request) {
	var set Set
	for i := range 10 {
		var statements []string
		for j := range 10 {
			n := 10*i + j
			statements = append(statements, fmt.Sprintf(`{"Effect":"%s","Action":["log:Get*","log:List*","log:PostLogStoreLogs"],
				"Resource":["acs:log:*:*:project/app-%d","acs:log:*:*:project/app-%d/*"],"Condition":{"IpAddress":{"acs:SourceIp":"192.0.2.0/24"}}}`,
				map[bool]string{true: "Deny", false: "Allow"}[n%5 == 0], n, n))
		}
		set = append(set, Named{fmt.Sprint("p", i), parse(t, `{"Version":"1","Statement":[`+strings.Join(statements, ",")+`]}`, Identity)})
	}
	return set, ask("log:PostLogStoreLogs", "project/app-99/logstore/access").request()
}

func BenchmarkDecideHundredStatements(b *testing.B) {
	set, r := hundred(b)
	b.ReportAllocs()
	for b.Loop() {
		if set.Decide(r).Effect != Allow {
			b.Fatal("not allowed")
		}
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	set, r := hundred(t)
	if n := testing.AllocsPerRun(100, func() { set.Decide(r) }); n != 0 {
		t.Errorf("a decision allocates %v times", n)
	}
}

// Any document is refused with a place inside it, or is one on which the oracle and the policy agree.
func FuzzParse(f *testing.F) {
	f.Add([]byte(one(`"Effect":"Allow","Action":"log:*","Resource":"*","Condition":{"IpAddress":{"acs:SourceIp":["192.0.2.0/24"]},"Bool":{"acs:SecureTransport":false}}`)), uint8(0))
	f.Add([]byte(one(`"Effect":"Deny","NotAction":["log:G*"],"NotResource":["acs:log:*::p*a?"],"Principal":["*"]`)), uint8(1))
	f.Add([]byte(one(`"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":"acs:ram::1000000000000001:root"}`)), uint8(2))
	f.Add([]byte("{\"Version\":\"1\",\n\"Statement\":{\"Effect\":\"\\u0041llow\"}}"), uint8(0))
	f.Fuzz(func(t *testing.T, raw []byte, kind uint8) {
		k := Kind(kind % 3)
		p, err := Parse(raw, k)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || e.Line > 1+strings.Count(string(raw), "\n") || e.Column > len(raw)+1 {
				t.Fatalf("a fault without a place in the document: %#v", err)
			}
			return
		}
		for _, q := range []question{ask("log:GetLogStore", "project/web/logstore/a"), ask("ram:CreateUser", "user/b"), ask("sts:AssumeRole", "role/r")} {
			if got, want := (Set{{"p", p}}).Decide(q.request()).Effect, oracle(string(raw), k, q); got != want {
				t.Fatalf("%+v: got %v, the oracle says %v", q, got, want)
			}
		}
	})
}
