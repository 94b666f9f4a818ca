package segment

import (
	"math"
	"strconv"
)

// A number column stores values, and every text must come back as it was. So a column chunk has a format, under which most
// texts are what formatting their value gives; the others are kept beside it. For integers the format is fixed. For
// doubles it is either "shortest" or a number of decimals: logs that say 0.120 say so in every line.

const (
	formatShortest = 255
	maxDecimals    = 15
)

// number is a parsed text.
type number struct {
	bits     uint64 // of the int64 or float64
	ok       bool   // it is a number of the column's kind
	shortest bool   // formatting gives the text back: strconv's decimal form for an integer, 'f' with -1 for a double
	decimals uint8  // so does formatting with this many decimals; formatShortest: no number of decimals does
}

func parseNumber(kind Kind, s string) number {
	if kind == Long {
		return parseLong(s)
	}
	return parseDouble(s)
}

func parseLong(s string) number {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return number{}
	}
	digits := s
	if digits[0] == '-' || digits[0] == '+' {
		digits = digits[1:]
	}
	canonical := s[0] != '+' && (digits[0] != '0' || s == "0")
	return number{bits: uint64(v), ok: true, shortest: canonical, decimals: formatShortest}
}

// powers of ten that a float64 holds exactly, as far as they are needed.
var powers = [maxDecimals + 1]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func parseDouble(s string) number {
	if n, ok := parsePlain(s); ok {
		return n
	}
	for i := range len(s) { // strconv reads "inf", "nan" and "0x1p2", which are no numbers to users
		if c := s[i]; (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return number{}
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return number{}
	}
	var buf [64]byte
	canonical := string(strconv.AppendFloat(buf[:0], v, 'f', -1, 64)) == s
	return number{bits: math.Float64bits(v), ok: true, shortest: canonical, decimals: formatShortest}
}

// parsePlain reads digits, a point and digits, fifteen at most: mantissa and power of ten are exact then, so their quotient is
// the double nearest to the text, and formatting it with as many decimals gives the text back.
func parsePlain(s string) (number, bool) {
	digits := s
	if digits != "" && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 16 || digits[0] == '.' {
		return number{}, false
	}
	if digits[0] == '0' && len(digits) > 1 && digits[1] != '.' {
		return number{}, false
	}
	mantissa, point := uint64(0), -1
	for i := range len(digits) {
		c := digits[i]
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if c < '0' || c > '9' {
			return number{}, false
		}
		mantissa = mantissa*10 + uint64(c-'0')
	}
	decimals := 0
	if point >= 0 {
		decimals = len(digits) - point - 1
	}
	if point >= 0 && decimals == 0 || mantissa >= 1e15 {
		return number{}, false
	}
	v := float64(mantissa) / powers[decimals]
	if s[0] == '-' {
		v = math.Copysign(v, -1)
	}
	shortest := decimals == 0 || s[len(s)-1] != '0'
	return number{bits: math.Float64bits(v), ok: true, shortest: shortest, decimals: uint8(decimals)}, true
}

// numberFormats counts which formats would give texts back.
type numberFormats struct {
	shortest int
	decimals [maxDecimals + 1]int
}

func (f *numberFormats) count(n number) {
	if n.shortest {
		f.shortest++
	}
	if n.decimals != formatShortest {
		f.decimals[n.decimals]++
	}
}

func (f *numberFormats) best() uint8 {
	best, most := uint8(formatShortest), f.shortest
	for d, n := range f.decimals {
		if n > most {
			best, most = uint8(d), n
		}
	}
	return best
}

// exactUnder reports whether formatting n gives its text back.
func (n number) exactUnder(format uint8) bool {
	if format == formatShortest {
		return n.shortest
	}
	return n.decimals == format
}

// appendNumber appends the text of a value under a format.
func appendNumber(dst []byte, kind Kind, bits uint64, format uint8) []byte {
	if kind == Long {
		return strconv.AppendInt(dst, int64(bits), 10)
	}
	v := math.Float64frombits(bits)
	if format == formatShortest {
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	if scaled := math.Round(math.Abs(v) * powers[format]); scaled < 1e15 && scaled/powers[format] == math.Abs(v) {
		return appendFixed(dst, math.Signbit(v), uint64(scaled), int(format))
	}
	return strconv.AppendFloat(dst, v, 'f', int(format), 64)
}

// appendFixed writes mantissa with a point before its last decimals digits.
func appendFixed(dst []byte, negative bool, mantissa uint64, decimals int) []byte {
	if negative {
		dst = append(dst, '-')
	}
	var buf [24]byte
	i := len(buf)
	for n := 0; mantissa > 0 || n <= decimals; n++ {
		if n == decimals && decimals > 0 {
			i--
			buf[i] = '.'
		}
		i--
		buf[i] = byte('0' + mantissa%10)
		mantissa /= 10
	}
	return append(dst, buf[i:]...)
}
