package spl

import (
	"strings"
	"unicode/utf8"
)

// eval of like: % is any number of characters, _ is one. There is no escape unless one is given.
func (e *like) eval(sc *scope) (value, error) {
	x, p, err := eval2(sc, e.x, e.pattern)
	if err != nil || x.isNull() || p.isNull() {
		return null, err
	}
	escape := rune(-1)
	if e.escape != nil {
		v, err := e.escape.eval(sc)
		if err != nil {
			return null, err
		}
		if escape, _ = utf8.DecodeRuneInString(v.String()); utf8.RuneCountInString(v.String()) != 1 {
			return null, nil
		}
	}
	if err := sc.rt.spendOn(x); err != nil {
		return null, err
	}
	pattern := p.String()
	if len(pattern) > maxPatternBytes {
		return null, nil
	}
	return boolOf(sc.rt.like(pattern, escape).matches(x.String())), nil
}

// segment is what stands between two %: texts with single characters between them.
type segment []string

// segments are the parts of a like pattern; there is one more than it has %.
type segments []segment

// likeKey is a pattern of like with its escape, -1 for none.
type likeKey struct {
	pattern string
	escape  rune
}

func (k likeKey) compile() segments {
	var all segments
	var seg segment
	var text []byte
	escaped := false
	for _, r := range k.pattern {
		switch {
		case !escaped && r == k.escape:
			escaped = true
			continue
		case !escaped && (r == '%' || r == '_'):
			seg, text = append(seg, string(text)), nil
			if r == '%' {
				all, seg = append(all, seg), nil
			}
		default:
			text = utf8.AppendRune(text, r)
		}
		escaped = false
	}
	return append(all, append(seg, string(text)))
}

// matches takes each segment where it fits first, which is never worse than later.
func (all segments) matches(s string) bool {
	rest, ok := all[0].prefix(s)
	if !ok || len(all) == 1 {
		return ok && rest == ""
	}
	last := all[len(all)-1]
	for _, seg := range all[1 : len(all)-1] {
		if rest, ok = seg.after(rest); !ok {
			return false
		}
	}
	return last.endsIn(rest)
}

// prefix returns what follows the segment at the beginning of s.
func (seg segment) prefix(s string) (rest string, ok bool) {
	for i, text := range seg {
		if i > 0 {
			_, size := utf8.DecodeRuneInString(s)
			if size == 0 {
				return "", false
			}
			s = s[size:]
		}
		if s, ok = strings.CutPrefix(s, text); !ok {
			return "", false
		}
	}
	return s, true
}

// after returns what follows the first place in s where the segment fits.
func (seg segment) after(s string) (rest string, ok bool) {
	for {
		i := strings.Index(s, seg[0])
		if i < 0 {
			return "", false
		}
		s = s[i:]
		if rest, ok = seg.prefix(s); ok {
			return rest, true
		}
		_, size := utf8.DecodeRuneInString(s)
		if size == 0 {
			return "", false
		}
		s = s[size:]
	}
}

// endsIn reports whether s ends with the segment.
func (seg segment) endsIn(s string) bool {
	runes := len(seg) - 1
	for _, text := range seg {
		runes += utf8.RuneCountInString(text)
	}
	at := len(s)
	for range runes {
		if at == 0 {
			return false
		}
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	rest, ok := seg.prefix(s[at:])
	return ok && rest == ""
}
