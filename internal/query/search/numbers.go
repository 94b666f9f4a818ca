package search

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
)

// bound is one end of a range, in the text of the query.
type bound struct {
	number string // isNumber
	open   bool   // the number itself is outside
}

// numbers makes the range of a numeric field. A bound that is nil is infinite.
func numbers(field index.Field, low, high *bound) Node {
	if field.Type == index.Double {
		n := anyDouble
		n.Field = field
		if low != nil {
			n.Min, n.MinOpen = double(low.number), low.open
		}
		if high != nil {
			n.Max, n.MaxOpen = double(high.number), high.open
		}
		return n
	}
	n := LongRange{field, math.MinInt64, math.MaxInt64}
	fits := true
	if low != nil {
		least := floor(low.number)
		if low.open || !isWhole(low.number) {
			least.Add(least, big.NewInt(1))
		}
		n.Min, fits = atLeast(least)
	}
	if high != nil && fits {
		most := floor(high.number)
		if high.open && isWhole(high.number) {
			most.Sub(most, big.NewInt(1))
		}
		n.Max, fits = atMost(most)
	}
	if !fits {
		n.Min, n.Max = 1, 0
	}
	return n
}

// double is infinite where the number is too large.
func double(number string) float64 {
	x, _ := strconv.ParseFloat(number, 64) // a range error comes with the infinity
	return x
}

// floor is exact, however large the number.
func floor(number string) *big.Int {
	whole, _, _ := strings.Cut(number, ".")
	n, _ := new(big.Int).SetString(whole, 10)
	if strings.HasPrefix(number, "-") && !isWhole(number) {
		n.Sub(n, big.NewInt(1))
	}
	return n
}

func isWhole(number string) bool {
	_, fraction, _ := strings.Cut(number, ".")
	return strings.Trim(fraction, "0") == ""
}

// atLeast returns the least long that is not below n; fits is false if there is none.
func atLeast(n *big.Int) (least int64, fits bool) {
	if n.IsInt64() {
		return n.Int64(), true
	}
	return math.MinInt64, n.Sign() < 0
}

// atMost returns the largest long that is not above n; fits is false if there is none.
func atMost(n *big.Int) (most int64, fits bool) {
	if n.IsInt64() {
		return n.Int64(), true
	}
	return math.MaxInt64, n.Sign() > 0
}
