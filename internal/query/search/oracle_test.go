package search_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/search"
)

// oracle answers queries a second time: from the text of the reference, over maps and sets, with encoding/json, big.Rat and
// regexp, and with nothing of packages search and index but the syntax tree.
type oracle struct {
	line    *way
	exclude string // a field that line leaves out
	keys    map[string]oracleKey
}

// way is how values are cut.
type way struct {
	delimiters     string
	sensitive, chn bool
}

type oracleKey struct {
	kind string
	way
	leaves map[string]string // path to type
}

type oracleLog map[string]string

func (w way) fold(s string) string {
	if w.sensitive {
		return s
	}
	return strings.ToLower(s)
}

// units are the words and, with chn, the single Han characters.
func (w way) units(s string) []string {
	if w.chn {
		s = regexp.MustCompile(`\p{Han}`).ReplaceAllString(s, "\x00$0\x00")
	}
	return strings.FieldsFunc(w.fold(s), func(r rune) bool { return r == 0 || strings.ContainsRune(w.delimiters, r) })
}

// tokens are the units, and the pairs of Han characters that are neighbours.
func (w way) tokens(s string) []string {
	tokens := w.units(s)
	if w.chn {
		runes := []rune(s)
		for i := 1; i < len(runes); i++ {
			if unicode.Is(unicode.Han, runes[i-1]) && unicode.Is(unicode.Han, runes[i]) {
				tokens = append(tokens, string(runes[i-1:i+1]))
			}
		}
	}
	return tokens
}

// has reports whether a value has what a term asks for; asks is false if the term has no tokens here.
func (w way) has(value string, pieces []string, kind search.TermKind) (has, asks bool) {
	if kind == search.Phrase {
		var units []string
		for _, p := range pieces {
			units = append(units, w.units(p)...)
		}
		glue := func(list []string) string { return "\x00" + strings.Join(list, "\x00") + "\x00" }
		return len(units) > 0 && strings.Contains(glue(w.units(value)), glue(units)), len(units) > 0
	}
	has = true
	for _, p := range pieces {
		for _, want := range w.tokens(p) {
			asks = true
			has = has && slices.ContainsFunc(w.tokens(value), func(token string) bool {
				return token == want || kind == search.Pattern && wildcard(want).MatchString(token)
			})
		}
	}
	return has && asks, asks
}

func wildcard(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	return regexp.MustCompile(`(?s)^` + strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted) + `$`)
}

func (o *oracle) match(n search.Node, l oracleLog) bool {
	switch n := n.(type) {
	case search.And:
		return !slices.ContainsFunc(n, func(n search.Node) bool { return !o.match(n, l) })
	case search.Or:
		return slices.ContainsFunc(n, func(n search.Node) bool { return o.match(n, l) })
	case search.Not:
		return !o.match(n.Node, l)
	case search.Text:
		return o.text(n.Term, l)
	case search.Match:
		value, ok, kind, w := o.value(n.Field, l)
		if kind == "long" || kind == "double" {
			return compare(value, kind, "=", n.Text)
		}
		has, asks := w.has(value, []string{n.Text}, n.Kind)
		return ok && (has || !asks)
	case search.Compare:
		value, ok, kind, _ := o.value(n.Field, l)
		_, isNumber := new(big.Rat).SetString(n.Text)
		switch {
		case kind != "" && n.Op == "=" && n.Term == search.Term{}:
			return ok && value == ""
		case (kind == "long" || kind == "double") && isNumber && n.Kind == search.Word: // a phrase is words
			return compare(value, kind, n.Op, n.Text)
		case (kind == "text" || kind == "json") && n.Op == "=":
			return o.match(search.Match{Field: n.Field, Term: n.Term}, l)
		}
		return o.text(word(n.Field), l) && o.text(word(n.Op), l) && o.text(n.Term, l)
	case search.Range:
		value, _, kind, _ := o.value(n.Field, l)
		if kind != "long" && kind != "double" {
			return o.text(word(n.Field), l) && o.text(word("in"), l) && o.text(word(n.Min), l) && o.text(word(n.Max), l)
		}
		low, high := ">=", "<="
		if n.MinOpen {
			low = ">"
		}
		if n.MaxOpen {
			high = "<"
		}
		return compare(value, kind, low, n.Min) && compare(value, kind, high, n.Max)
	case search.Exists:
		_, ok, _, _ := o.value(n.Field, l)
		return ok
	case search.Empty:
		value, ok, _, _ := o.value(n.Field, l)
		return ok && value == ""
	}
	return true
}

func word(s string) search.Term { return search.Term{Text: s} }

func (o *oracle) text(t search.Term, l oracleLog) bool {
	line := o.line
	if line == nil {
		line = &way{delimiters: "!\"#$%&'()*+,-./:;<=>?@[]{} \t\r\n"}
	}
	pieces := strings.FieldsFunc(t.Text, func(r rune) bool {
		return strings.ContainsRune(line.delimiters, r) && (t.Kind != search.Pattern || r != '*' && r != '?')
	})
	if len(pieces) == 0 {
		return true
	}
	somewhere := func(pieces []string) bool {
		for name, value := range l {
			if w := o.cutter(name); w != nil {
				if has, _ := w.has(value, pieces, t.Kind); has {
					return true
				}
			}
			if o.line != nil && name != o.exclude && !strings.HasPrefix(name, "__") {
				if has, _ := o.line.has(name, pieces, t.Kind); has {
					return true
				}
			}
		}
		return false
	}
	if t.Kind == search.Phrase {
		return somewhere(pieces)
	}
	return !slices.ContainsFunc(pieces, func(p string) bool { return !somewhere([]string{p}) })
}

// cutter is how the full text cuts the values of a field, or nil.
func (o *oracle) cutter(name string) *way {
	key, ok := o.keys[name]
	switch {
	case strings.HasPrefix(name, "__"):
		return &way{}
	case ok && key.kind == "text":
		return &key.way
	case o.line == nil || name == o.exclude || key.kind == "long" || key.kind == "double":
		return nil
	case ok:
		return &key.way
	}
	return o.line
}

// value returns what a log has under the name of a field or a leaf, and how it is read.
func (o *oracle) value(name string, l oracleLog) (value string, ok bool, kind string, w way) {
	if key, indexed := o.keys[name]; indexed {
		value, ok = l[name]
		return value, ok, key.kind, key.way
	}
	if strings.HasPrefix(name, "__") {
		value, ok = l[name]
		return value, ok, "text", way{}
	}
	parent, path, _ := strings.Cut(name, ".")
	key := o.keys[parent]
	if key.kind != "json" {
		return "", false, "", way{}
	}
	if kind = key.leaves[path]; kind == "" {
		kind = "text"
	}
	var node any
	if json.Unmarshal([]byte(l[parent]), &node) != nil {
		return "", false, kind, key.way
	}
	for _, step := range strings.Split(path, ".") {
		object, _ := node.(map[string]any)
		node = object[step]
	}
	switch leaf := node.(type) {
	case string:
		return leaf, true, kind, key.way
	case bool:
		return fmt.Sprint(leaf), true, kind, key.way
	case float64:
		return fmt.Sprint(leaf), key.leaves[path] != "", kind, key.way
	}
	return "", false, kind, key.way
}

func compare(value, kind, op, number string) bool {
	form := map[string]string{"long": `^[-+]?\d+$`, "double": `^[-+]?\d+(\.\d+)?$`}[kind]
	if !regexp.MustCompile(form).MatchString(value) {
		return false
	}
	x, _ := new(big.Rat).SetString(value)
	n, _ := new(big.Rat).SetString(number)
	c := x.Cmp(n)
	return strings.Contains(op, "=") && c == 0 || strings.Contains(op, "<") && c < 0 || strings.Contains(op, ">") && c > 0
}

// The three configurations of the test: with line, without it, and with a line that leaves a field out and takes letters as
// they are.
var oracleCases = func() []oracle {
	keys := map[string]oracleKey{
		"slash": {kind: "text", way: way{delimiters: "/"}},
		"whole": {kind: "text", way: way{sensitive: true}},
		"chn":   {kind: "text", way: way{delimiters: " ", chn: true}},
		"n":     {kind: "long"},
		"d":     {kind: "double"},
		"j":     {kind: "json", way: way{delimiters: " \"{}:,"}, leaves: map[string]string{"n": "long", "t": "text"}},
	}
	return []oracle{
		{line: &way{delimiters: " ,/"}, keys: keys},
		{keys: keys},
		{line: &way{delimiters: " >", sensitive: true, chn: true}, exclude: "free", keys: keys},
	}
}()

// document writes the index configuration of the oracle.
func (o *oracle) document() string {
	cut := func(w way) map[string]any {
		return map[string]any{"token": strings.Split(w.delimiters, ""), "caseSensitive": w.sensitive, "chn": w.chn}
	}
	keys := map[string]any{}
	for name, k := range o.keys {
		key := cut(k.way)
		key["type"] = k.kind
		if k.leaves != nil {
			leaves := map[string]any{}
			for path, kind := range k.leaves {
				leaves[path] = map[string]any{"type": kind}
			}
			key["json_keys"] = leaves
		}
		keys[name] = key
	}
	doc := map[string]any{"keys": keys}
	if o.line != nil {
		line := cut(*o.line)
		line["exclude_keys"] = []string{o.exclude}
		doc["line"] = line
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(text)
}

var (
	oracleFields = []string{"slash", "whole", "chn", "n", "d", "j", "j.n", "j.t", "j.o.x", "__source__", "__topic__", "__tag__:t"}
	oracleWord   = rapid.SampledFrom([]string{
		"a", "b", "ab", "A", "Ab", "a/b", "b a", "a,b", "free", "n", "1", "2", "1.5", "-1",
		"登录", "登录成", "录", "a登", "", "true", "x>1",
	})
)

func drawText(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(oracleWord, 0, 3).Draw(t, "words"), rapid.SampledFrom([]string{" ", "/", ""}).Draw(t, "between"))
}

func drawOracleLeaf(t *rapid.T) search.Node {
	var term search.Term
	switch term.Kind = search.TermKind(rapid.IntRange(0, 2).Draw(t, "kind")); term.Kind {
	case search.Pattern:
		term.Text = rapid.SampledFrom([]string{"a*", "a?", "A*", "f?e*", "b/a*", "a*/b", "1*", "a*b"}).Draw(t, "pattern")
	default:
		term.Text = drawText(t)
	}
	field := rapid.SampledFrom(oracleFields).Draw(t, "field")
	number := rapid.SampledFrom([]string{"1", "2", "-1", "1.5", "0"})
	switch rapid.IntRange(0, 5).Draw(t, "leaf") {
	case 0:
		if field == "n" || field == "d" || field == "j.n" {
			term = word(number.Draw(t, "number"))
		}
		return search.Match{Field: field, Term: term}
	case 1:
		if rapid.Bool().Draw(t, "with a number") {
			term = word(number.Draw(t, "number"))
		}
		return search.Compare{
			Field: rapid.SampledFrom(append(oracleFields, "free")).Draw(t, "compared"),
			Op:    rapid.SampledFrom([]string{"=", ">", ">=", "<", "<="}).Draw(t, "op"), Term: term,
		}
	case 2:
		return search.Range{
			Field: field, Min: number.Draw(t, "min"), Max: number.Draw(t, "max"),
			MinOpen: rapid.Bool().Draw(t, "min open"), MaxOpen: rapid.Bool().Draw(t, "max open"),
		}
	case 3:
		return search.Exists{Field: field}
	case 4:
		return search.Empty{Field: field}
	}
	return search.Text{Term: term}
}

// drawLog draws a log group of one record.
func drawLog(t *rapid.T) *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: drawText(t), Source: drawText(t), Tags: fields("t", drawText(t)), Records: make([]sluice.Record, 1)}
	for _, name := range []string{"slash", "whole", "chn", "n", "d", "j", "free", "a"} {
		if rapid.IntRange(0, 3).Draw(t, "absent") == 0 {
			continue
		}
		value := drawText(t)
		switch name {
		case "n", "d":
			value = rapid.SampledFrom([]string{"1", "2", "-1", "1.5", "", "a", "+0", "0x1"}).Draw(t, "number")
		case "j":
			text, err := json.Marshal(map[string]any{
				"n": rapid.SampledFrom([]any{1, 1.5, "2", "a", true, nil, []int{1}}).Draw(t, "leaf"),
				"t": drawText(t), "o": map[string]any{"x": rapid.SampledFrom([]any{1, "a b", true, "登录"}).Draw(t, "inner")},
			})
			if err != nil {
				t.Fatal(err)
			}
			value = string(text)
		}
		g.Records[0].Fields = append(g.Records[0].Fields, fields(name, value)...)
	}
	return g
}

func TestMatchAgainstOracle(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(oracleCases).Draw(t, "configuration")
		q := &search.Query{Root: drawQuery(t, rapid.IntRange(0, 2).Draw(t, "depth"), drawOracleLeaf)}
		b, err := search.Bind(q, config(o.document()))
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		for range 4 {
			g := drawLog(t)
			l := logOf(g)
			values := oracleLog{}
			for _, f := range l.Fields() {
				values[f.Key] = f.Value
			}
			want := o.match(q.Root, values)
			if got := b.Match(l); got != want {
				t.Fatalf("%s, bound as %s: got %t, want %t, of %q", q, b, got, want, values)
			}
			if want {
				found++
			}
		}
	})
	if found == 0 {
		t.Error("no query found anything")
	}
}

func TestWildcards(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(letters, label string) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune(letters)), 0, 8, -1).Draw(t, label)
		}
		pattern, value := "a"+draw("ab*?é登", "pattern"), "a"+draw("abé登", "value")
		q, err := search.Parse("whole:" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		b, err := search.Bind(q, config(`{"keys":{"whole":{"type":"text","token":[]}}}`))
		if err != nil {
			t.Fatal(err)
		}
		got := b.Match(logOf(&sluice.LogGroup{Records: []sluice.Record{{Fields: fields("whole", value)}}}))
		if want := wildcard(pattern).MatchString(value); got != want {
			t.Fatalf("%s of %s: got %t, want %t", pattern, value, got, want)
		}
	})
}
