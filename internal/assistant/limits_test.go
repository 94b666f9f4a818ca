package assistant

import "testing"

func TestWildcard(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "anything", true},
		{"a*", "abc", true},
		{"a*", "bac", false},
		{"*.+", "a.+", true},
		{"a*c", "a\nc", true},
		{"é", "é", true},
		{"\xff*", "a", false}, // no name has that
		{"\xff*", "\xff", false},
	} {
		if got := wildcard(c.pattern)(c.name); got != c.want {
			t.Errorf("%q fits %q: %v", c.name, c.pattern, got)
		}
	}
}
