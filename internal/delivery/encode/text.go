package encode

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\ufffd"

// appendValid writes s behind dst with U+FFFD for each run of bytes that are not UTF-8.
func appendValid(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return append(dst, s...)
	}
	return append(dst, strings.ToValidUTF8(s, replacement)...)
}

// valid is s with U+FFFD for each run of bytes that are not UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, replacement) }

// invalidRun is how many bytes at the start of s are no UTF-8.
func invalidRun(s string) int {
	n := 0
	for n < len(s) {
		if r, size := utf8.DecodeRuneInString(s[n:]); r != utf8.RuneError || size > 1 {
			break
		}
		n++
	}
	return n
}

// unescaper understands the escapes that people write for characters which are hard to type.
var unescaper = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\\`, `\`)

// Unescape returns s with \n, \r, \t and \\ turned into what they stand for.
func Unescape(s string) string { return unescaper.Replace(s) }
