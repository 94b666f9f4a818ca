package search_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/search"
)

// consoleTokens are the delimiters that the console offers (reference sls-query 1.6).
const consoleTokens = `[",","'","\"",";","=","(",")","[","]","{","}","?","@","&","<",">","/",":"," ","\n","\t","\r"]`

// exampleConfig is the index of the worked examples (reference sls-query 2.4), and say of example 40.
var exampleConfig = config(strings.ReplaceAll(`{"line":{"token":T},"keys":{
	"method":{"type":"text","token":T}, "url":{"type":"text","token":T}, "ua":{"type":"text","token":T},
	"region":{"type":"text","token":[]}, "msg":{"type":"text","token":T,"chn":true},
	"code":{"type":"text","token":T,"caseSensitive":true}, "status":{"type":"long"}, "rt":{"type":"double"},
	"info":{"type":"json","token":T,"index_all":true,"json_keys":{"latency":{"type":"long"}}},
	"say":{"type":"text","token":T}}}`, "T", consoleTokens))

func config(doc string) *index.Config {
	c, err := index.Parse(json.RawMessage(doc))
	if err != nil {
		panic(err)
	}
	return c
}

func fields(pairs ...string) []sluice.Field {
	var list []sluice.Field
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, sluice.Field{Key: pairs[i], Value: pairs[i+1]})
	}
	return list
}

// exampleLogs are the logs L1 to L4 of the worked examples; L5 is for number 40.
var exampleLogs = []sluice.LogGroup{
	{Topic: "nginx", Source: "192.0.2.10", Tags: fields("__path__", "/var/log/a.log"), Records: []sluice.Record{{Fields: fields(
		"method", "GET", "status", "200", "rt", "60", "url", "/api/v1/list?id=7", "ua", "Mozilla/5.0 (Linux) Chrome/83",
		"region", "cn-shanghai", "msg", "登录成功", "code", "Error", "info", `{"latency":12,"user":{"name":"amy"}}`)}}},
	{Topic: "nginx", Source: "192.0.2.77", Records: []sluice.Record{{Fields: fields(
		"method", "POST", "status", "404", "rt", "0.2", "url", "/api/v2/pay", "ua", "curl/7.1",
		"region", "cn-hangzhou", "msg", "登录失败 密码错误", "code", "error", "info", `{"latency":250}`)}}},
	{Topic: "app", Source: "198.51.100.1", Records: []sluice.Record{{Fields: fields(
		"method", "DELETE", "status", "500", "rt", "75.5", "url", "/admin/list", "region", "", "msg", "connection refused by peer")}}},
	{Records: []sluice.Record{{Fields: fields("method", "get", "status", "abc", "msg", "peer refused the connection")}}},
}

func bind(t testing.TB, query string, c *index.Config) *search.Bound {
	t.Helper()
	q, err := search.Parse(query)
	if err != nil {
		t.Fatalf("parse %s: %v", query, err)
	}
	b, err := search.Bind(q, c)
	if err != nil {
		t.Fatalf("bind %s: %v", query, err)
	}
	return b
}

func logOf(g *sluice.LogGroup) *index.Log {
	var l index.Log
	l.SetGroup(g)
	l.SetRecord(&g.Records[0])
	return &l
}

// found names the example logs that a query finds, like "L1 L4".
func found(t *testing.T, query string, c *index.Config, logs []sluice.LogGroup) string {
	t.Helper()
	b := bind(t, query, c)
	var names []string
	for i := range logs {
		if b.Match(logOf(&logs[i])) {
			names = append(names, fmt.Sprintf("L%d", i+1))
		}
	}
	return strings.Join(names, " ")
}

func TestWorkedExamples(t *testing.T) {
	for _, tt := range []struct{ number, query, want string }{
		{"1", ``, "L1 L2 L3 L4"},
		{"1", `*`, "L1 L2 L3 L4"},
		{"2", `GET`, "L1 L4"},
		{"3", `method:get`, "L1 L4"},
		{"4", `method:GET and status:200`, "L1"},
		{"5", `GET shanghai`, ""},
		{"6", `GET cn-shanghai`, "L1"},
		{"7", `status in [200 299]`, "L1"},
		{"8", `status in (200 500]`, "L2 L3"},
		{"9", `status>=400 and status<500`, "L2"},
		{"10", `not status:200`, "L2 L3 L4"},
		{"11", `not status>-1000000`, "L4"},
		{"12", `rt=60`, "L1"},
		{"12", `rt:60`, "L1"},
		{"13", `200`, ""},
		{"14", `url:list`, "L1 L3"},
		{"15", `url:"/api/v1"`, "L1"},
		{"16", `url:"v1 api"`, "L1"},
		{"17", `url:#"api/v1"`, "L1"},
		{"17", `url:#"v1/api"`, ""},
		{"18", `connection refused`, "L3 L4"},
		{"19", `#"connection refused"`, "L3"},
		{"20", `region:cn`, ""},
		{"21", `region:cn*`, "L1 L2"},
		{"22", `region:"cn*"`, ""},
		{"23", `region:*`, "L1 L2 L3"},
		{"24", `region:""`, "L3"},
		{"24", `not region:""`, "L1 L2 L4"},
		{"25", `not region:*`, "L4"},
		{"27", `method:GET or method:POST and status:404`, "L1 L2 L4"},
		{"28", `(method:GET or method:POST) not status in [200 299]`, "L2 L4"},
		{"29", `__topic__:nginx not __source__:192.0.2.7*`, "L1"},
		{"30", `__tag__:__path__:"/var/log/a.log"`, "L1"},
		{"30", `__tag__:__path__:log`, ""},
		{"31", `msg:登录`, "L1 L2"},
		{"32", `code:error`, "L2"},
		{"33", `info.latency>100`, "L2"},
		{"34", `info.user.name:amy`, "L1"},
		{"35", `ua:"Linux Chrome"`, "L1"},
		{"36", `m?thod`, "L1 L2 L3 L4"},
		{"37", `"not" or refused`, "L3 L4"},
	} {
		if got := found(t, tt.query, exampleConfig, exampleLogs); got != tt.want {
			t.Errorf("%s: %s found %q, want %q", tt.number, tt.query, got, tt.want)
		}
	}
	// 31, without chn: the words are one token.
	plain := config(`{"keys":{"msg":{"type":"text","token":[" "]}}}`)
	if got := found(t, `msg:登录`, plain, exampleLogs); got != "" {
		t.Errorf("31: without chn found %q", got)
	}
	// 40, where the quotation mark is a delimiter, and where it is none.
	say := []sluice.LogGroup{
		{Records: []sluice.Record{{Fields: fields("say", `they said "hi"`)}}},
		{Records: []sluice.Record{{Fields: fields("say", `hi there`)}}},
	}
	if got := found(t, `say:\"hi\"`, exampleConfig, say); got != "L1 L2" {
		t.Errorf("40: found %q", got)
	}
	if got := found(t, `say:\"hi\"`, config(`{"keys":{"say":{"type":"text","token":[" "]}}}`), say); got != "L1" {
		t.Errorf("40: without the delimiter found %q", got)
	}
}

// What the reference says in 2.3 beside the numbered examples, and what is decided where it is silent.
func TestMeaning(t *testing.T) {
	for _, tt := range []struct{ query, want, why string }{
		{`status > 100`, "L1 L2 L3", "white space around operators"},
		{`status : 200`, "L1", "and around the colon"},
		{`STATUS:200 AND Method:GET`, "L1", "names and operators in any case"},
		{`rt in (60 75.5)`, "", "open at both ends"},
		{`rt in [60 75.5)`, "L1", "closed below"},
		{`status>=199.5 and status<=200.5`, "L1", "fractions against longs"},
		{`status=200.5`, "", "no long is a fraction"},
		{`status=200.0`, "L1", "but some are whole"},
		{`status<99999999999999999999999`, "L1 L2 L3", "beyond 64 bits"},
		{`status>99999999999999999999999`, "", "beyond 64 bits"},
		{`status>-99999999999999999999999`, "L1 L2 L3", "beyond 64 bits"},
		{`status:*`, "L1 L2 L3 L4", "a field exists, whatever is in it"},
		{`status=""`, "", "the empty value"},
		{`region=""`, "L3", "the empty value, written with ="},
		{`method=get`, "L1 L4", "key=word on text"},
		{`method>get`, "L1 L4", "words of a comparison of text"},
		{`method>connection`, "L3 L4", "words, > being a delimiter"},
		{`nosuch>connection`, "", "words of a field that is not indexed"},
		{`status>connection`, "L3 L4", "not a number: the words status and connection"},
		{`url in [1 2]`, "", "words of a range on text"},
		{`status in [200]`, "", "words of a malformed range: 200 is no word of any log"},
		{`status in [connection refused]`, "", "words of a malformed range: in is no word of any log"},
		{`method and refused`, "L3 L4", "names are words of the log"},
		{`source:192.0.2.10`, "L1", "short for __source__"},
		{`__TOPIC__:NGINX`, "L1 L2", "reserved names in any case, values case aside"},
		{`__topic__:""`, "L4", "every log has a topic"},
		{`nginx`, "L1 L2", "the topic is part of the log"},
		{`198.51.100.1`, "L3", "so is the source"},
		{`amy`, "L1", "and what a json field holds"},
		{`info.user.NAME:amy`, "", "leaves that index_all finds are spelled one way"},
		{`info.LATENCY:12`, "L1", "those of json_keys are not"},
		{`info.latency:*`, "L1 L2", "a leaf exists"},
		{`info.user:*`, "", "an object is no leaf"},
		{`info.user.name:""`, "", "a leaf that is not empty"},
		{`info:latency`, "L1 L2", "the text of a json field"},
		{`Error`, "L1", "a word that names no field has the case of the field it is looked for in"},
		{`error`, "L2", "likewise"},
		{`ERROR`, "", "likewise"},
		{`登录成功`, "L1", "a word of line, cut as msg cuts it"},
		{`msg:录成`, "L1", "any two neighbours"},
		{`msg:功`, "L1", "a single character"},
		{`msg:成录`, "", "not neighbours"},
		{`msg:#"登录成功"`, "L1", "a phrase of characters"},
		{`msg:#"登录 密码"`, "", "others between them"},
		{`msg:#"登录失败，密码"`, "L2", "delimiters between the units do not matter"},
		{`msg:登录成*`, "L1", "a pattern behind characters"},
		{`msg:登?`, "L1 L2", "a pattern on pairs"},
		{`#"refused the"`, "L4", "a phrase of the whole log"},
		{`#"GET POST"`, "", "a phrase stands in one field"},
		{`not #"connection refused" and refused`, "L4", "a phrase under not"},
		{`url:api*v1`, "", "no pattern spans a delimiter"},
		{`url:/api/v*`, "L1 L2", "a pattern among the pieces of a word"},
		{`url:/ap*/v1`, "L1", "a pattern before another piece"},
		{`conn* ref*`, "L3 L4", "patterns in the whole log"},
		{`"conn*"`, "", "no pattern in quotes"},
		{`/`, "L1 L2 L3 L4", "a word of delimiters asks for nothing"},
		{`refused , peer`, "L3 L4", "nor does it among others"},
		{`url:"/"`, "L1 L2 L3", "of a field it asks that it is there"},
		{`ua:#"(Linux) chrome"`, "L1", "letters of phrases fold"},
		{`not (method:get or status:404)`, "L3", "not before parentheses"},
		{`not not method:get`, "L1 L4", "twice not"},
		{`not method:get and refused`, "L3", "not binds to one condition"},
		{`"__tag__:__path__":*`, "L1", "a tag is a field"},
		{`ua:"83 chrome linux 5.0 mozilla"`, "L1", "many tokens"},
		{`ua:"83 chrome linux 5.0 opera"`, "", "and one that is missing"},
	} {
		if got := found(t, tt.query, exampleConfig, exampleLogs); got != tt.want {
			t.Errorf("%s found %q, want %q: %s", tt.query, got, tt.want, tt.why)
		}
	}
}

func TestTermsAndHighlight(t *testing.T) {
	type mark struct{ Field, Text string }
	for _, tt := range []struct {
		query string
		terms []search.Highlighted
		marks []mark // in L1
	}{
		{`method:GET not refused`, []search.Highlighted{{"method", "GET"}}, []mark{{"method", "GET"}}},
		{`api/v1 or POST`, []search.Highlighted{{"", "api"}, {"", "v1"}, {"", "POST"}}, []mark{{"url", "api"}, {"url", "v1"}}},
		{`url:#"v1 list"`, []search.Highlighted{{"url", "v1"}, {"url", "list"}}, []mark{{"url", "v1/list"}}},
		{`ua:chr*`, []search.Highlighted{{"ua", "chr*"}}, []mark{{"ua", "Chrome"}}},
		{`msg:录成功`, []search.Highlighted{{"msg", "录成功"}}, []mark{{"msg", "录成功"}}},
		{`status=200 and rt>50`, []search.Highlighted{{"status", "200"}}, []mark{{"rt", "60"}, {"status", "200"}}},
		{`info.user.name:amy info.latency<100`, []search.Highlighted{{"info.user.name", "amy"}}, []mark{{"info", "12"}, {"info", "amy"}}},
		{`region:* and *`, nil, nil},
		{`conn* or nginx`, []search.Highlighted{{"", "conn*"}, {"", "nginx"}}, []mark{{"__topic__", "nginx"}}},
	} {
		b := bind(t, tt.query, exampleConfig)
		l := logOf(&exampleLogs[0])
		if d := cmp.Diff(tt.terms, b.Terms); d != "" {
			t.Errorf("%s: terms %s", tt.query, d)
		}
		var marks []mark
		for _, m := range b.Highlight(l) {
			value, _ := l.Value(m.Field)
			marks = append(marks, mark{m.Field, value[m.Start:m.End]})
		}
		if d := cmp.Diff(tt.marks, marks); d != "" {
			t.Errorf("%s: marks %s", tt.query, d)
		}
	}
}
