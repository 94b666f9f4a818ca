package search_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/search"
)

// What a planner sees of a query.
func TestBind(t *testing.T) {
	for _, tt := range []struct{ query, want string }{
		{``, `*`},
		{`GET /Api/v1`, `GET and Api and v1`},
		{`GET and ,`, `GET and *`},
		{`a/b or not c/d*`, `a and b or not (c and d*)`},
		{`#"A,b"`, `#"A,b"`},
		{`Method:GET`, `method:get`},
		{`url:"/Api/v1"`, `url:(api and v1)`},
		{`url:/Api/V*`, `url:(api and v*)`},
		{`url:#"Api v1"`, `url:#"api v1"`},
		{`url:#"Api"`, `url:api`},
		{`url:"/" url:* url:""`, `url:* and url:* and url:""`},
		{`msg:登录成`, `msg:(录成 and 登录)`},
		{`msg:#"登录成"`, `msg:#"登 录 成"`},
		{`source:A`, `__source__:a`},
		{`__tag__:__path__:"/A b"`, `"__tag__:__path__":"/a b"`},
		{`INFO.latency=12 info.x.y:A`, `info.latency in [12 12] and info.x.y:a`},
		{`status:"200"`, `status in [200 200]`},
		{
			`status>7 status>=7 status<7 status<=7`,
			`status in [8 9223372036854775807] and status in [7 9223372036854775807] and ` +
				`status in [-9223372036854775808 6] and status in [-9223372036854775808 7]`,
		},
		{`status>-1.5 status>=-1.5`, `status in [-1 9223372036854775807] and status in [-1 9223372036854775807]`},
		{`status<-1.5 status<=-1.5`, `status in [-9223372036854775808 -2] and status in [-9223372036854775808 -2]`},
		{`status in (1.0 2.5)`, `status in [2 2]`},
		{`status=1.5`, `status in [2 1]`},
		{`status>99999999999999999999`, `status in [1 0]`},
		{`status<-99999999999999999999`, `status in [1 0]`},
		{`status<99999999999999999999`, `status in [-9223372036854775808 9223372036854775807]`},
		{`rt>0.5 rt<=7`, `rt in (0.5 +Inf] and rt in [-Inf 7]`},
		{`rt in [1 2)`, `rt in [1 2)`},
		{`owner_id>100`, `owner_id and * and 100`}, // > is a delimiter
		{`url in (1 2]`, `url and "in" and 1 and 2`},
	} {
		if d := cmp.Diff(tt.want, bind(t, tt.query, exampleConfig).String()); d != "" {
			t.Errorf("%s: %s", tt.query, d)
		}
	}
}

// A piece of a word is looked for in every field as that field is cut.
func TestBindFullText(t *testing.T) {
	c := config(`{"line":{"token":[" "],"caseSensitive":true},"keys":{"path":{"type":"text","token":["/"]},"dot":{"type":"text","token":["/","A","b"]}}}`)
	leaf, ok := bind(t, `/A/b*`, c).Root.(search.InText)
	if !ok || len(leaf.Tests) != len(c.FullTextTokenizers()) {
		t.Fatalf("bound as %#v", leaf)
	}
	tests := func(field string) string {
		values, _ := c.FullText(field)
		if test := leaf.Tests[values.Number()]; test != nil {
			return test.String()
		}
		return "none"
	}
	for field, want := range map[string]string{"other": "/A/b*", "path": "(a and b*)", "dot": "*", index.TopicField: "/a/b*"} {
		if got := tests(field); got != want {
			t.Errorf("%s: %s, want %s", field, got, want)
		}
	}
	p := leaf.Tests[0].Patterns[0]
	if p.Prefix() != "/a/b" {
		t.Errorf("prefix %s", p.Prefix())
	}
	if leaf = bind(t, `/A/b`, c).Root.(search.InText); tests("dot") != "none" {
		t.Errorf("dot: %s, want none", tests("dot"))
	}
}
