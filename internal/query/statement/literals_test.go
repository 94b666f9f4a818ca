package statement_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/query/statement"
)

func TestLiterals(t *testing.T) {
	for pattern, want := range map[string][]string{
		`user .*failed`:                {"user ", "failed"},
		`port 4[0-9]{3} ssh2$`:         {"port 4", " ssh2"},
		`^(GET|POST) /api/(\d+)/items`: {" /api/", "/items"},
		`(failed)+ for {2}x`:           {"failed", " for"},
		`(?:abc){2,5}d*`:               {"abc"},
		`50%_off now.`:                 {"50", "off now"}, // % and _ are others to LIKE
		`a\\bcd[xyz]`:                  {"bcd"},
		`timeout|timer`:                {"time"},
		`failed(?i:user)`:              {"failed"},
		`登录.成功`:                        {"登录", "成功"},
		`a.b`:                          nil, // not worth it
		`ab.cd`:                        nil,
		`payment failed`:               nil, // the engine's own look
		`(?i)failed .*user`:            nil,
		`(failed)?(user)*(x|y)`:        nil,
		`failed|user`:                  nil,
		``:                             nil,
		`(`:                            nil,
		`[a]bc.` + "x\x00yz":           {"abc", "yz"},
		strings.Repeat("abc.", 20):     slices8("abc"),
		strings.Repeat("long.", 300):   nil,
	} {
		if diff := cmp.Diff(want, statement.Literals(pattern)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", pattern, diff)
		}
	}
}

func slices8(s string) []string { return strings.Fields(strings.Repeat(s+" ", 8)) }

// TestLiteralsAreInMatches: what is looked for first is in every text that a pattern matches.
func TestLiteralsAreInMatches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	words := []string{"abc", "user", "us", "er ", "failed", "日志", "100%", "a_b", `\\`, "x"}
	around := []string{"", "", "(", ")", ".*", ".", "?", "+", "{1,2}", "|", "^", "$", "[a-z]", "(?i)", "*", `\b`}
	matched := 0
	for range 20_000 {
		var pattern, text strings.Builder
		for range 1 + r.IntN(5) {
			w := words[r.IntN(len(words))]
			pattern.WriteString(w + around[r.IntN(len(around))])
			text.WriteString(strings.ReplaceAll(w, `\\`, `\`) + []string{"", "", " ", "Q", w}[r.IntN(5)])
		}
		re, err := regexp.Compile(pattern.String())
		if err != nil || !re.MatchString(text.String()) {
			continue
		}
		rest := text.String()
		for _, l := range statement.Literals(pattern.String()) {
			var found bool
			if _, rest, found = strings.Cut(rest, l); !found {
				t.Fatalf("%q matches %q, in which %q is not", pattern.String(), text.String(), statement.Literals(pattern.String()))
			}
			matched++
		}
	}
	if matched < 1000 {
		t.Errorf("only %d literals were looked for", matched)
	}
}
