package index

import (
	"math"
	"strconv"
)

// ParseLong reads a value of a long key (reference sls-query 1.5): decimal digits after an optional sign, within 64 bits.
// Anything else, 1.5 and white space included, is not a long: not searchable, and NULL in SQL.
func ParseLong(s string) (n int64, ok bool) {
	digits := s
	negative := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		digits = s[1:]
	}
	if digits == "" {
		return 0, false
	}
	limit := uint64(math.MaxInt64)
	if negative {
		limit++
	}
	var v uint64
	for i := range len(digits) {
		d := uint64(digits[i] - '0')
		if d > 9 || v > (limit-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	if negative {
		return -int64(v), true
	}
	return int64(v), true
}

// ParseDouble reads a value of a double key: a decimal number with an optional sign, fraction and exponent, within the range of
// a 64-bit float. Infinities and NaN, in words or by size, are not numbers here.
func ParseDouble(s string) (x float64, ok bool) {
	if !isDecimal(s) {
		return 0, false
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}

// isDecimal looks before strconv does: that would take hexadecimal and inf, and allocates an error for each "-" of a log.
func isDecimal(s string) bool {
	i := skipSign(s, 0)
	whole := skipDigits(s, i)
	digits := whole - i
	if i = whole; i < len(s) && s[i] == '.' {
		end := skipDigits(s, i+1)
		digits += end - i - 1
		i = end
	}
	if digits == 0 {
		return false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		from := skipSign(s, i+1)
		if i = skipDigits(s, from); i == from {
			return false
		}
	}
	return i == len(s)
}

func skipSign(s string, i int) int {
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	return i
}

func skipDigits(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}
