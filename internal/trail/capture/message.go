package capture

import (
	"errors"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
)

// maxMessage is the most bytes of an error's message.
const maxMessage = 1 << 10

// quoted is what messages quote of what a client sent.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// message is what an error says to the client, without what it says of his input, other than the names of resources and what is told of the
// parameters anyway: a secret may have been put where a number belongs.
func message(err error, params map[string]any, e *trail.Event) string {
	var known *sluice.Error
	if !errors.As(err, &known) || known.Kind == sluice.Internal {
		return "internal error"
	}
	told := map[string]bool{}
	for _, r := range e.Resources {
		told[r.Name] = true
	}
	tell(told, e.Request)
	text := quoted.ReplaceAllStringFunc(known.Msg, func(s string) string {
		if inner := s[1 : len(s)-1]; inner == "" || told[inner] {
			return s
		}
		return `"…"`
	})
	return printable(scrub(text, params, told), maxMessage)
}

// tell notes the texts of v.
func tell(told map[string]bool, v any) {
	switch v := v.(type) {
	case string:
		told[v] = true
	case map[string]any:
		for _, x := range v {
			tell(told, x)
		}
	case []any:
		for _, x := range v {
			tell(told, x)
		}
	}
}

// leastSecret is how long a text is at least that is looked for in messages: shorter ones are words.
const leastSecret = 6

// scrub takes out of text what v holds and what is not told.
func scrub(text string, v any, told map[string]bool) string {
	switch v := v.(type) {
	case string:
		if len(v) >= leastSecret && !told[v] {
			text = strings.ReplaceAll(text, v, "…")
		}
	case []string:
		for _, x := range v {
			text = scrub(text, x, told)
		}
	case map[string]any:
		for _, x := range v {
			text = scrub(text, x, told)
		}
	case []any:
		for _, x := range v {
			text = scrub(text, x, told)
		}
	}
	return text
}
