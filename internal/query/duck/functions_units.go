package duck

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

var unitFunctions = []*added{
	{"sluice_data_size", "text", "double", fn1(dataSize)},
	{"sluice_data_text", "double text", "text", fn2(dataText)},
	{"sluice_duration", "text", "double", fn1(duration)},
	{"sluice_duration_text", "double", "text", fn1(durationText)},
	{"sluice_duration_succinct", "double", "text", fn1(durationSuccinct)},
}

// dataUnits grow by 1024.
var dataUnits = []string{"B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}

// number cuts the number at the front of "2.3MB".
func number(s string) (float64, string, bool) {
	s = strings.TrimSpace(s)
	end := strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789.+-", r) })
	if end < 0 {
		end = len(s)
	}
	f, err := strconv.ParseFloat(s[:end], 64)
	return f, strings.TrimSpace(s[end:]), err == nil
}

// dataSize reads a size in bytes.
func dataSize(s string) (float64, error) {
	f, unit, ok := number(s)
	for i, u := range dataUnits {
		if ok && strings.EqualFold(u, unit) {
			return f * math.Pow(1024, float64(i)), nil
		}
	}
	return 0, fmt.Errorf("'%s' is no data size; write it as in 2.3MB", s)
}

// dataText writes bytes in a unit, or in the largest of which there is one at least.
func dataText(bytes float64, unit string) (string, error) {
	for i := len(dataUnits) - 1; i >= 0; i-- {
		size := math.Pow(1024, float64(i))
		if strings.EqualFold(dataUnits[i], unit) || unit == "" && (math.Abs(bytes) >= size || i == 0) {
			return doubleText(math.Round(bytes/size*100)/100) + dataUnits[i], nil
		}
	}
	return "", fmt.Errorf("'%s' is no unit of data; there are B, KB, MB, GB, TB, PB, EB, ZB and YB", unit)
}

var durationUnits = []struct {
	name    string
	seconds float64
}{{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}

// duration reads a duration in seconds.
func duration(s string) (float64, error) {
	f, unit, ok := number(s)
	for _, u := range durationUnits {
		if ok && u.name == unit {
			return f * u.seconds, nil
		}
	}
	return 0, fmt.Errorf("'%s' is no duration; write it as in 3.8d", s)
}

// durationText writes whole seconds in words.
func durationText(seconds float64) (string, error) {
	if math.IsNaN(seconds) || math.Abs(seconds) > 1e15 {
		return "", fmt.Errorf("%v is no number of seconds", seconds)
	}
	n := int64(math.Round(math.Abs(seconds)))
	var words []string
	for _, u := range []struct {
		name string
		size int64
	}{{"week", 7 * 86400}, {"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		count := n / u.size
		n %= u.size
		if count == 1 {
			words = append(words, "1 "+u.name)
		} else if count > 1 {
			words = append(words, strconv.FormatInt(count, 10)+" "+u.name+"s")
		}
	}
	if words == nil {
		return "0 seconds", nil
	}
	sign := ""
	if seconds < 0 {
		sign = "-"
	}
	return sign + strings.Join(words, ", "), nil
}

// durationSuccinct writes a duration in the largest unit of which there is one at least.
func durationSuccinct(seconds float64) (string, error) {
	for i := len(durationUnits) - 1; i >= 0; i-- {
		if u := durationUnits[i]; math.Abs(seconds) >= u.seconds || i == 0 {
			return strconv.FormatFloat(seconds/u.seconds, 'f', 2, 64) + u.name, nil
		}
	}
	panic("unreachable")
}
