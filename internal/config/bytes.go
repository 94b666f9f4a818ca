package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size. As text it is a number of bytes, or one with a unit: "512", "64KiB", "10MiB", "1GiB".
type Bytes int64

// Units of sizes.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

var units = []struct {
	name string
	size Bytes
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}, {"", 1}}

// ParseBytes is the inverse of [Bytes.String].
func ParseBytes(text string) (Bytes, error) {
	for _, unit := range units {
		number, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(unit.size) {
			break
		}
		return Bytes(n) * unit.size, nil
	}
	return 0, errors.New("is not a size such as 1048576, 64KiB or 10MiB")
}

func (b Bytes) String() string {
	for _, unit := range units {
		if b != 0 && b%unit.size == 0 && unit.size > 1 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
