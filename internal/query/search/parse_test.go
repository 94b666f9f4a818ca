package search_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/search"
)

// Queries and their canonical text, in which every precedence is plain to see.
func TestParse(t *testing.T) {
	for _, tt := range []struct{ query, want string }{
		{``, `*`},
		{" \t\n　", `*`},
		{`a b c`, `a and b and c`},
		{`a AND b Or c`, `a and b or c`},
		{`a or b and c`, `a or b and c`},
		{`(a or b) c`, `(a or b) and c`},
		{`a not b`, `a and not b`},
		{`not a and b`, `not a and b`},
		{`not (a b)`, `not (a and b)`},
		{`NOT not a`, `a`},
		{`not (not (not a))`, `not a`},
		{`(a and (b and c)) and d`, `a and b and c and d`},
		{`((a or b) or (c))`, `a or b or c`},
		{`(a b) or c`, `a and b or c`},
		{`not a or b`, `not a or b`},
		{`"and" 'or'`, `"and" and 'or'`},
		{`a"b"c`, `a and b and c`},
		{`"a b" "c"`, `"a b" and c`},
		{`"a\"b\\c\d"`, `"a\"b\\c\\d"`},
		{`a\"b\\c\d`, `"a\"b\\c\\d"`},
		{`a\"b*`, `a\"b*`},
		{`a -b -- c#d # '`, `a and -b and -- and c#d and "#" and '`},
		{`#"a b" c:#"d"`, `#"a b" and c:#"d"`},
		{`k:v`, `k:v`},
		{`k :  v x`, `k:v and x`},
		{`"k 1":"v 1"`, `"k 1":"v 1"`},
		{`k:* and k:"*" and k:""`, `k:* and k:"*" and k:""`},
		{`k:v* k:v?x`, `k:v* and k:v?x`},
		{`a.b.c:1`, `a.b.c:1`},
		{`__tag__:__path__:"/a b"`, `"__tag__:__path__":"/a b"`},
		{`__TAG__ : "k 1" : *`, `"__tag__:k 1":*`},
		{`__tag__:k:#"a b"`, `"__tag__:k":#"a b"`},
		{`a>1 a>=-1.5 a<+2 a<=0 a = 7`, `a > 1 and a >= -1.5 and a < +2 and a <= 0 and a = 7`},
		{`a>b a=b* a="" a=*`, `a > b and a = b* and a = "" and a:*`},
		{`a in [1 2] and a in (1 2) or a in [-1.5 2)`, `a in [1 2] and a in (1 2) or a in [-1.5 2)`},
		{`a in (b or c)`, `a and "in" and (b or c)`},
		{`a in [b c]`, `a and "in" and b and c`},
		{`a in [1 2 3]`, `a and "in" and 1 and 2 and 3`},
		{`a IN b in c`, `a and IN and b and "in" and c`},
		{`count(*)`, `count and *`},
		{`sort desc limit 10`, `sort and desc and limit and 10`},
		{`错误:连接 超时*`, `错误:连接 and 超时*`},
		{strings.Repeat("(", 128) + "a" + strings.Repeat(")", 128), `a`},
	} {
		q, err := search.Parse(tt.query)
		if err != nil {
			t.Errorf("%s: %v", tt.query, err)
			continue
		}
		if got := q.String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.query, got, tt.want)
		}
	}
}

func wantInvalid(t *testing.T, query string, err error, parts ...string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != sluice.Invalid || e.Noun != "query" {
		t.Errorf("%.100s: error %v, want an invalid query", query, err)
		return
	}
	for _, part := range parts {
		if !strings.Contains(e.Msg, part) {
			t.Errorf("%.100s: error %q lacks %q", query, e.Msg, part)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const place = "ErrorType:OLSQueryParseError.ErrorMessage:syntax error error position is from column:"
	for _, tt := range []struct {
		query string
		parts []string
	}{
		{`url:/api:8080`, []string{place + `9 to column:10,error near < : >`, "wrap : with quotation mark"}},
		{`错误 url:/api:8080`, []string{place + `12 to column:13,error near < : >`}},
		{`a:b :c`, []string{place + `5 to column:6,error near < : >`}},
		{`url:*ist`, []string{place + `5 to column:9,error near < *ist >`, "like '%ist'"}},
		{`a ?b`, []string{place + `3 to column:5,error near < ?b >`}},
		{`?`, []string{place + `1 to column:2,error near < ? >`}},
		{`**`, []string{place + `1 to column:3,error near < ** >`}},
		{`a and`, []string{place + `6 to column:6,error near < EOF >`}},
		{`a or`, []string{`near < EOF >`}},
		{`not`, []string{`near < EOF >`}},
		{`a:`, []string{`near < EOF >`}},
		{`a >`, []string{`near < EOF >`}},
		{`and a`, []string{place + `1 to column:4,error near < and >`, `wrap the word with quotation mark`}},
		{`a and and b`, []string{place + `7 to column:10,error near < and >`}},
		{`a or OR b`, []string{`near < OR >`}},
		{`a and or b`, []string{`near < or >`}},
		{`a:and`, []string{`near < and >`}},
		{`(a`, []string{place + `3 to column:3,error near < EOF >`}},
		{`a)`, []string{place + `2 to column:3,error near < ) >`}},
		{`()`, []string{`near < ) >`}},
		{`a:(b or c)`, []string{place + `3 to column:4,error near < ( >`}},
		{`>1`, []string{`near < > >`}},
		{`a > > 1`, []string{place + `5 to column:6,error near < > >`}},
		{`a >= *`, []string{`near < * >`}},
		{`a=1=2`, []string{`near < = >`}},
		{`a*:b`, []string{place + `3 to column:4,error near < : >`}},
		{`a]`, []string{`near < ] >`}},
		{`a in [1 2`, []string{place + `10 to column:10,error near < EOF >`}},
		{`a in [1 2 (`, []string{`near < ( >`}},
		{`a in (1 2]`, nil}, // a range
		{`a in (1 b]`, []string{`near < ] >`}},
		{`a|b`, []string{`near < | >`, "wrap | with"}},
		{`__tag__:a`, []string{place + `10 to column:10,error near < EOF >`}},
		{`__tag__:a*:b`, []string{`near < a* >`}},
		{`__tag__:*`, []string{`near < * >`}},
		{`"a b`, []string{place + `1 to column:5,error near < "a b >`, "never closed"}},
		{`a "b\"`, []string{place + `3 to column:7,error near < "b\" >`, "never closed"}},
		{`#"`, []string{"never closed"}},
		{`"` + strings.Repeat("长", 1000), []string{place + `1 to column:1002,`, `< "` + strings.Repeat("长", 39) + "… >"}},
		{"a\xff", []string{"not UTF-8"}},
		{strings.Repeat("(", 129) + "a" + strings.Repeat(")", 129), []string{place + `129 to column:130`, "at most 128 deep"}},
		{strings.Repeat("(", 60000), []string{"at most 128 deep"}},
		{strings.Repeat("a ", 129), []string{place + `257 to column:258`, "at most 128 words"}},
		{"a in [" + strings.Repeat("a ", 129) + "]", []string{"at most 128 words"}},
		{"a" + strings.Repeat("?", 256), []string{place + `1 to column:258`, "at most 256 bytes"}},
		{strings.Repeat("a", 64<<10+1), []string{"65537 bytes, at most 65536"}},
	} {
		q, err := search.Parse(tt.query)
		if tt.parts == nil {
			if err != nil {
				t.Errorf("%s: %v", tt.query, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%.100s: parsed as %.100s, want an error", tt.query, q)
			continue
		}
		wantInvalid(t, tt.query, err, tt.parts...)
	}
}

func TestBindErrors(t *testing.T) {
	for _, tt := range []struct{ query, part string }{
		{`nosuch:1`, `key (nosuch) is not config as key value config,if symbol : is in your log,please wrap : with quotation mark "`},
		{`GET and (a or not nosuch:*)`, `key (nosuch) is not config`},
		{`nosuch:""`, `key (nosuch) is not config`},
		{`__time__:1`, `key (__time__) is not config`},
		{`info.:1`, `key (info.) is not config`},
		{`method.x:1`, `key (method.x) is not config`},
		{`status:abc`, `key (status) is of type long: its value must be a number`},
		{`status:20*`, `key (status) is of type long: its value must be a number`},
		{`rt:#"1 2"`, `key (rt) is of type double: its value must be a number`},
		{`info.latency:fast`, `key (info.latency) is of type long`},
		{`"` + strings.Repeat("长", 130) + `"`, `130 tokens, at most 128`},
		{`url:#"` + strings.Repeat("a ", 129) + `"`, `129 tokens, at most 128`},
		{strings.Repeat(`"`+strings.Repeat("a ", 129)+`"`, 100), `129 tokens, at most 128`},
		{strings.Repeat(`"`+strings.Repeat("a ", 128)+`"`, 9), `more than 1024 tokens together`},
		{strings.Repeat(`url:#"`+strings.Repeat("a ", 128)+`"`, 8), `more than 1024 tokens together`},
	} {
		q, err := search.Parse(tt.query)
		if err != nil {
			t.Errorf("%s: %v", tt.query, err)
			continue
		}
		_, err = search.Bind(q, exampleConfig)
		wantInvalid(t, tt.query, err, tt.part)
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		statement string
		want      search.Statement
	}{
		{``, search.Statement{}},
		{` a and b `, search.Statement{Search: "a and b"}},
		{`* | select count(*)`, search.Statement{Search: "*", Analytics: "select count(*)", Kind: search.SQL}},
		{`|WITH x as (select 1) select * from x`, search.Statement{Analytics: "WITH x as (select 1) select * from x", Kind: search.SQL}},
		{`"a|b" or c | select '|' || x`, search.Statement{Search: `"a|b" or c`, Analytics: "select '|' || x", Kind: search.SQL}},
		{`a\"|select 1`, search.Statement{Search: `a\"`, Analytics: "select 1", Kind: search.SQL}},
		{`"a\"|" | select 1`, search.Statement{Search: `"a\"|"`, Analytics: "select 1", Kind: search.SQL}},
		{`* | set session mode=scan; select 1`, search.Statement{Search: "*", Analytics: "set session mode=scan; select 1", Kind: search.SQL}},
		{`* | (select 1)`, search.Statement{Search: "*", Analytics: "(select 1)", Kind: search.SQL}},
		{`* | nonsense`, search.Statement{Search: "*", Analytics: "nonsense", Kind: search.SQL}},
		{`* |With_Pack_Meta`, search.Statement{Search: "*", Analytics: "With_Pack_Meta", Kind: search.WithPackMeta}},
		{`a | WHERE x = 1 | project-away y`, search.Statement{Search: "a", Analytics: "WHERE x = 1 | project-away y", Kind: search.SPL}},
		{"* | -- why\n /* x */ extend a=1", search.Statement{Search: "*", Analytics: "-- why\n /* x */ extend a=1", Kind: search.SPL}},
		{`* | .let a = b`, search.Statement{Search: "*", Analytics: ".let a = b", Kind: search.SPL}},
		{`select`, search.Statement{Search: "select"}},
		{`select failed`, search.Statement{Search: "select failed"}},
		{`"unclosed | select 1`, search.Statement{Search: `"unclosed | select 1`}},
	} {
		got, err := search.Split(tt.statement)
		if err != nil {
			t.Errorf("%s: %v", tt.statement, err)
		} else if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", tt.statement, d)
		}
	}
	_, err := search.Split(`SELECT count(*) FROM log`)
	wantInvalid(t, "select alone", err, "sql query must follow search query,please read syntex doc")
	_, err = search.Split(`a or b | `)
	wantInvalid(t, "nothing behind the pipe", err, "from column:8 to column:9,error near < | >")
}

// drawTerm draws text from characters that mean something.
func drawTerm(t *rapid.T, kinds ...search.TermKind) search.Term {
	term := search.Term{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	if term.Kind == search.Pattern { // of what can stand in a word
		term.Text = "a" + rapid.StringOfN(rapid.SampledFrom([]rune("abA1-.#\"\\*?'录，é")), 0, 6, -1).Draw(t, "text") + "*"
		return term
	}
	letters := []rune("abA1 \t-.#:\"\\|=<>()[]*?'录成，é")
	term.Text = rapid.OneOf(rapid.StringOfN(rapid.SampledFrom(letters), 0, 6, -1),
		rapid.SampledFrom([]string{"and", "OR", "Not", "in", "__tag__", "__Tag__:x", "1", "-1.5"})).Draw(t, "text")
	return term
}

func drawNumber(t *rapid.T) string {
	return rapid.StringMatching(`[-+]?[0-9]{1,3}(\.[0-9]{1,2})?`).Draw(t, "number")
}

// drawQuery draws a tree; leaf draws what it is of.
func drawQuery(t *rapid.T, depth int, leaf func(*rapid.T) search.Node) search.Node {
	if depth == 0 {
		return leaf(t)
	}
	operands := func() []search.Node {
		n := rapid.IntRange(2, 3).Draw(t, "operands")
		var nodes []search.Node
		for range n {
			nodes = append(nodes, drawQuery(t, depth-1, leaf))
		}
		return nodes
	}
	switch rapid.IntRange(0, 3).Draw(t, "operator") {
	case 0:
		var and search.And
		for _, n := range operands() {
			if inner, ok := n.(search.And); ok {
				and = append(and, inner...)
			} else {
				and = append(and, n)
			}
		}
		return and
	case 1:
		var or search.Or
		for _, n := range operands() {
			if inner, ok := n.(search.Or); ok {
				or = append(or, inner...)
			} else {
				or = append(or, n)
			}
		}
		return or
	case 2:
		n := drawQuery(t, depth-1, leaf)
		if inner, ok := n.(search.Not); ok {
			return inner.Node
		}
		return search.Not{Node: n}
	}
	return leaf(t)
}

func drawAnyLeaf(t *rapid.T) search.Node {
	field := drawTerm(t, search.Word).Text
	any := []search.TermKind{search.Word, search.Pattern, search.Phrase}
	switch rapid.IntRange(0, 6).Draw(t, "leaf") {
	case 0:
		return search.All{}
	case 1:
		return search.Match{Field: field, Term: drawTerm(t, search.Pattern, search.Phrase)}
	case 2:
		return search.Compare{Field: field, Op: rapid.SampledFrom([]string{"=", ">", ">=", "<", "<="}).Draw(t, "op"), Term: drawTerm(t, any...)}
	case 3:
		return search.Range{
			Field: field, Min: drawNumber(t), Max: drawNumber(t),
			MinOpen: rapid.Bool().Draw(t, "min open"), MaxOpen: rapid.Bool().Draw(t, "max open"),
		}
	case 4:
		return search.Exists{Field: field}
	case 5:
		return search.Empty{Field: field}
	}
	return search.Text{Term: drawTerm(t, any...)}
}

// Canonical text parses to the tree that it was printed from.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &search.Query{Root: drawQuery(t, 3, drawAnyLeaf)}
		got, err := search.Parse(want.String())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s: %s", want, d)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`a and (b or not c)`, `k:#"a b" x in [1 2)`, `__tag__:a:"b"`, `a>1 | select 1`, `\"\\ "\"`, `登录*`, `"`, `a in [`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := search.Split(text); err == nil {
			text = s.Search
		}
		q, err := search.Parse(text)
		if err != nil {
			if e := (*sluice.Error)(nil); !errors.As(err, &e) || !utf8.ValidString(e.Msg) {
				t.Fatalf("%q: error %v", text, err)
			}
			return
		}
		if len(q.String()) > search.MaxBytes {
			return // quotation marks and backslashes grew
		}
		again, err := search.Parse(q.String())
		if err != nil {
			t.Fatalf("%q printed as %q: %v", text, q, err)
		}
		if d := cmp.Diff(q, again); d != "" {
			t.Fatalf("%q: %s", text, d)
		}
		b, err := search.Bind(q, exampleConfig)
		if err != nil {
			return
		}
		l := logOf(&exampleLogs[0])
		b.Highlight(l)
		b.Match(l)
	})
}
