package index_test

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice/internal/index"
)

// scan returns the tokens of a value and checks that each comes from the place it says, and that Each finds the same ones.
func scan(t rapid.TB, tok *index.Tokenizer, value string) []string {
	t.Helper()
	var s index.Scanner
	var tokens []string
	s.Reset(tok, value)
	for {
		token, ok := s.Next()
		if !ok {
			break
		}
		start, end := s.Span()
		if got := value[start:end]; tok.CaseSensitive() && got != token || !strings.EqualFold(got, token) {
			t.Errorf("%q: token %q stands where %q is", value, token, got)
		}
		tokens = append(tokens, strings.Clone(token))
	}
	var each []string
	s.Each(tok, value, func(token []byte) { each = append(each, string(token)) })
	if diff := cmp.Diff(tokens, each); diff != "" {
		t.Errorf("%q: Next and Each differ (-Next +Each):\n%s", value, diff)
	}
	return tokens
}

func TestTokens(t *testing.T) {
	type tokens = []string
	console := index.NewTokenizer(consoleDelimiters, false, false)
	sensitive := index.NewTokenizer(consoleDelimiters, true, false)
	whole := index.NewTokenizer(nil, false, false)
	chn := index.NewTokenizer([]string{" ", ","}, false, true)
	long := index.NewTokenizer([]string{`\n`, `\`, "::", "，", "Z", "x"}, false, false)
	longChn := index.NewTokenizer([]string{"登录", "，"}, true, true)
	for _, tt := range []struct {
		tok   *index.Tokenizer
		value string
		want  tokens
	}{
		{console, "", nil},
		{console, " ,;\n", nil},
		{console, "/Api/v1/list?id=7", tokens{"api", "v1", "list", "id", "7"}},
		{console, "Mozilla/5.0 (Linux) Chrome/83", tokens{"mozilla", "5.0", "linux", "chrome", "83"}},
		{console, "cn-Shanghai", tokens{"cn-shanghai"}},
		{console, "ÄÖ/ΣΊΣΥΦΟΣ/Ⅷ", tokens{"äö", "σίσυφοσ", "ⅷ"}},
		{console, "登录 成功", tokens{"登录", "成功"}},
		{console, "a\xff\xfeB c", tokens{"a\xff\xfeb", "c"}},
		{sensitive, "/Api/v1 ÄÖ", tokens{"Api", "v1", "ÄÖ"}},
		{whole, "Any Value, at all", tokens{"any value, at all"}},
		{whole, " ", tokens{" "}},
		{chn, "登录成功", tokens{"登", "登录", "录", "录成", "成", "成功", "功"}},
		{chn, "登 录,登录", tokens{"登", "录", "登", "登录", "录"}},
		{chn, "User登录OK成", tokens{"user", "登", "登录", "录", "ok", "成"}},
		{chn, "失败，重试。“再”—", tokens{"失", "失败", "败", "重", "重试", "试", "再"}},
		{chn, "𠀀登 Ä", tokens{"𠀀", "𠀀登", "登", "ä"}},
		{chn, "登\xe7\x99", tokens{"登", "\xe7\x99"}},
		{long, `a\nb\c::d:e，f登Ägx`, tokens{"a", "b", "c", "d:e", "f登äg"}},
		{long, `aZbzc`, tokens{"a", "bzc"}}, // a delimiter has its letters as they are
		{longChn, "我登录了A，登", tokens{"我", "了", "A", "登"}},
	} {
		if d := cmp.Diff(tt.want, scan(t, tt.tok, tt.value)); d != "" {
			t.Errorf("%q: %s", tt.value, d)
		}
	}
}

// Only the beginning of a value is cut, and no character is.
func TestTokensOfLongValues(t *testing.T) {
	tok := index.NewTokenizer([]string{" "}, false, false)
	for _, value := range []string{
		strings.Repeat("a", index.MaxValueBytes-2) + " b c",
		strings.Repeat("a", index.MaxValueBytes-2) + " 登 c",
	} {
		tokens := scan(t, tok, value)
		if last := tokens[len(tokens)-1]; len(tokens) > 2 || last != "b" && len(last) != index.MaxValueBytes-2 {
			t.Errorf("%d tokens, the last %.10q", len(tokens), last)
		}
	}
}

// The scanner agrees with cutting done step by step.
func TestTokensStepByStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([]rune("aAbZ :/\\n，登录ÄΣK。\xff"))
		delimiters := rapid.SliceOfN(rapid.SampledFrom([]string{" ", "/", "::", `\n`, "，", "b", "录", "登录"}), 0, 4).Draw(t, "delimiters")
		sensitive, chn := rapid.Bool().Draw(t, "sensitive"), rapid.Bool().Draw(t, "chn")
		value := rapid.StringOfN(letters, 0, 20, -1).Draw(t, "value")
		want := stepByStep(value, delimiters, sensitive, chn)
		got := scan(t, index.NewTokenizer(delimiters, sensitive, chn), value)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%q at %q: %s", value, delimiters, d)
		}
	})
}

func stepByStep(value string, delimiters []string, sensitive, chn bool) []string {
	delimiters = slices.Clone(delimiters)
	slices.SortFunc(delimiters, func(a, b string) int { return len(b) - len(a) })
	var tokens []string
	word, prev := "", ""
	flush := func() {
		if word != "" {
			tokens = append(tokens, word)
		}
		word = ""
	}
	for value != "" {
		_, size := utf8.DecodeRuneInString(value)
		char := value[:size]
		if i := slices.IndexFunc(delimiters, func(d string) bool { return strings.HasPrefix(value, d) }); i >= 0 {
			flush()
			value, prev = value[len(delimiters[i]):], ""
			continue
		}
		value = value[size:]
		switch {
		case chn && strings.Contains("，。", char):
			flush()
			prev = ""
		case chn && strings.Contains("登录", char):
			flush()
			if prev != "" {
				tokens = append(tokens, prev+char)
			}
			tokens = append(tokens, char)
			prev = char
		default:
			if !sensitive {
				char = strings.ToLower(char)
			}
			word += char
			prev = ""
		}
	}
	flush()
	return tokens
}

func TestCut(t *testing.T) {
	console := index.NewTokenizer(consoleDelimiters, false, false)
	chn := index.NewTokenizer([]string{" ", "*"}, false, true)
	for _, tt := range []struct {
		tok  *index.Tokenizer
		text string
		wild bool
		want index.Cut
	}{
		{console, "", false, index.Cut{}},
		{console, "Api/v1/API", false, index.Cut{Tokens: []string{"api", "v1", "api"}, Units: []string{"api", "v1", "api"}}},
		{console, "Api/v?/*", true, index.Cut{Tokens: []string{"api"}, Patterns: []string{"v?", "*"}, Units: []string{"api", "v?", "*"}}},
		{console, "a?b", false, index.Cut{Tokens: []string{"a", "b"}, Units: []string{"a", "b"}}},
		{chn, "登录成 A", false, index.Cut{Tokens: []string{"登录", "录成", "a"}, Units: []string{"登", "录", "成", "a"}}},
		{chn, "登 录", false, index.Cut{Tokens: []string{"登", "录"}, Units: []string{"登", "录"}}},
		{chn, "登录成*", true, index.Cut{Tokens: []string{"登录", "录成"}, Patterns: []string{"成*"}, Units: []string{"登", "录", "成*"}}},
		{chn, "登?成", true, index.Cut{Tokens: []string{"成"}, Patterns: []string{"登?"}, Units: []string{"登?", "成"}}},
	} {
		if d := cmp.Diff(tt.want, tt.tok.Cut(tt.text, tt.wild)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
	want := []string{"Api", "v?", "登录"}
	if d := cmp.Diff(want, console.Pieces("/Api//v?/登录/", true)); d != "" {
		t.Errorf("pieces: %s", d)
	}
}

// Letters that differ in case alone fold to one that folds to itself, and the scanner looks at each of them.
func TestFolding(t *testing.T) {
	tok := index.NewTokenizer(nil, false, false)
	fold := func(r rune) string { return tok.Cut(string(r), false).Tokens[0] }
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) || unicode.SimpleFold(r) == r && unicode.ToLower(r) == r {
			continue
		}
		once := fold(r)
		if next := fold(unicode.SimpleFold(r)); next != once {
			t.Errorf("%c folds to %s, its other case to %s", r, once, next)
		}
		if again := tok.Cut(once, false).Tokens[0]; again != once {
			t.Errorf("%c folds to %s and then to %s", r, once, again)
		}
		if unicode.IsUpper(r) && unicode.ToLower(r) != r && once == string(r) {
			t.Errorf("%c is not folded", r)
		}
	}
}

func TestScannerAllocatesNothing(t *testing.T) {
	tok := index.NewTokenizer(consoleDelimiters, false, true)
	var s index.Scanner
	n := testing.AllocsPerRun(10, func() {
		s.Reset(tok, "GET /Über/登录成功?Id=7")
		for {
			if _, ok := s.Next(); !ok {
				return
			}
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}
