package index

import (
	"unicode"
	"unicode/utf8"
)

// appendFold appends s with its letters lower-cased by Unicode simple folding: letters that differ only in case, like Σ, σ and
// ς, become the same one. Bytes that are not UTF-8 stay.
func appendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if b-'A' < 26 {
				b |= 0x20
			}
			dst = append(dst, b)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError {
			dst = append(dst, s[i:i+size]...)
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += size
	}
	return dst
}

// foldRune returns the lower case of the least of the letters that fold to each other.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return unicode.ToLower(least)
}

// beginsCased reports whether a character beyond ASCII that begins with byte b may have case. Values of East Asian text are not
// folded at all for it.
func beginsCased(b byte) bool {
	return b >= 0xc0 && (b < 0xe3 || b == 0xea || b >= 0xee)
}
