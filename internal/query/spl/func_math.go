package spl

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// mathFunctions are those of reference sls-query 3.11.
var mathFunctions = []function{
	{name: "abs", min: 1, max: 1, call: pure(func(a []value) value {
		n := a[0].number()
		if n.kind == intKind && n.n < 0 || n.kind == doubleKind && n.float() < 0 {
			return arith('-', intOf(0), n)
		}
		return n
	})},
	{name: "sign", min: 1, max: 1, call: keepsInt(func(f float64) float64 {
		switch {
		case f > 0:
			return 1
		case f < 0:
			return -1
		}
		return f
	})},
	{name: "ceil ceiling", min: 1, max: 1, call: rounded(math.Ceil)},
	{name: "floor", min: 1, max: 1, call: rounded(math.Floor)},
	{name: "round", min: 1, max: 2, call: rounded(math.Round)},
	{name: "truncate", min: 1, max: 2, call: rounded(math.Trunc)},
	{name: "cbrt", min: 1, max: 1, call: real1(math.Cbrt)},
	{name: "sqrt", min: 1, max: 1, call: real1(math.Sqrt)},
	{name: "exp", min: 1, max: 1, call: real1(math.Exp)},
	{name: "ln", min: 1, max: 1, call: real1(math.Log)},
	{name: "log2", min: 1, max: 1, call: real1(math.Log2)},
	{name: "log10", min: 1, max: 1, call: real1(math.Log10)},
	{name: "log", min: 2, max: 2, call: real2(func(x, base float64) float64 { return math.Log(x) / math.Log(base) })},
	{name: "pow power", min: 2, max: 2, call: real2(math.Pow)},
	{name: "acos", min: 1, max: 1, call: real1(math.Acos)},
	{name: "asin", min: 1, max: 1, call: real1(math.Asin)},
	{name: "atan", min: 1, max: 1, call: real1(math.Atan)},
	{name: "atan2", min: 2, max: 2, call: real2(math.Atan2)},
	{name: "cos", min: 1, max: 1, call: real1(math.Cos)},
	{name: "cosh", min: 1, max: 1, call: real1(math.Cosh)},
	{name: "sin", min: 1, max: 1, call: real1(math.Sin)},
	{name: "tan", min: 1, max: 1, call: real1(math.Tan)},
	{name: "tanh", min: 1, max: 1, call: real1(math.Tanh)},
	{name: "degrees", min: 1, max: 1, call: real1(func(f float64) float64 { return f * 180 / math.Pi })},
	{name: "radians", min: 1, max: 1, call: real1(func(f float64) float64 { return f * math.Pi / 180 })},
	{name: "pi", call: pure(func([]value) value { return doubleOf(math.Pi) })},
	{name: "e", call: pure(func([]value) value { return doubleOf(math.E) })},
	{name: "infinity", call: pure(func([]value) value { return doubleOf(math.Inf(1)) })},
	{name: "nan", call: pure(func([]value) value { return doubleOf(math.NaN()) })},
	{name: "is_finite", min: 1, max: 1, call: test1(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) })},
	{name: "is_infinite", min: 1, max: 1, call: test1(func(f float64) bool { return math.IsInf(f, 0) })},
	{name: "is_nan", min: 1, max: 1, call: test1(math.IsNaN)},
	{name: "mod", min: 2, max: 2, call: pure(func(a []value) value { return arith('%', a[0], a[1]) })},
	{name: "rand random", min: 0, max: 1, call: pure(random)},
	{name: "from_base", min: 2, max: 2, call: pure(fromBase)},
	{name: "to_base", min: 2, max: 2, call: pure(toBase)},
	{name: "width_bucket", min: 2, max: 4, call: pure(widthBucket)},
}

func real1(f func(float64) float64) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		x, ok := a[0].real()
		if !ok {
			return null
		}
		return doubleOf(f(x))
	})
}

func real2(f func(a, b float64) float64) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		x, ok := a[0].real()
		y, ok2 := a[1].real()
		if !ok || !ok2 {
			return null
		}
		return doubleOf(f(x, y))
	})
}

func test1(f func(float64) bool) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		x, ok := a[0].real()
		if !ok {
			return null
		}
		return boolOf(f(x))
	})
}

// keepsInt makes a function that gives an integer for an integer.
func keepsInt(f func(float64) float64) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		n := a[0].number()
		x, ok := n.real()
		switch {
		case !ok:
			return null
		case n.kind == intKind:
			return intOf(int64(f(x)))
		}
		return doubleOf(f(x))
	})
}

// rounded makes a function that rounds to a number of digits behind the point. Integers are round already, unless the number of
// digits is negative.
func rounded(f func(float64) float64) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		n := a[0].number()
		x, ok := n.real()
		digits, ok2 := optionalInt(a, 1, 0)
		switch {
		case !ok || !ok2:
			return null
		case n.kind == intKind && digits >= 0:
			return n
		case digits > 300 || digits < -300 || math.IsInf(x, 0):
			return n
		case digits == 0:
			return doubleOf(f(x))
		}
		scale := math.Pow10(int(digits))
		if math.IsInf(x*scale, 0) {
			return n
		}
		y := f(x*scale) / scale
		if n.kind == intKind {
			return intOf(int64(y))
		}
		return doubleOf(y)
	})
}

// random: () from 0 to 1, (n) an integer below n.
func random(a []value) value {
	if len(a) == 0 {
		return doubleOf(rand.Float64())
	}
	n, ok := a[0].integer()
	if !ok || n < 1 {
		return null
	}
	return intOf(rand.Int64N(n))
}

func fromBase(a []value) value {
	base, ok := a[1].integer()
	if !ok || base < 2 || base > 36 || strings.Contains(a[0].String(), "_") {
		return null
	}
	n, err := strconv.ParseInt(a[0].String(), int(base), 64)
	if err != nil {
		return null
	}
	return intOf(n)
}

func toBase(a []value) value {
	n, ok := a[0].integer()
	base, ok2 := a[1].integer()
	if !ok || !ok2 || base < 2 || base > 36 {
		return null
	}
	return textOf(strconv.FormatInt(n, int(base)))
}

// widthBucket: (x, low, high, n) the number of the bucket that x falls into, of n; (x, list) how many of the list are not above x.
func widthBucket(a []value) value {
	x, ok := a[0].real()
	if len(a) == 2 && a[1].kind == listKind && ok {
		n := int64(0)
		for _, e := range a[1].list() {
			if bound, ok := e.real(); ok && bound <= x {
				n++
			}
		}
		return intOf(n)
	}
	if len(a) != 4 || !ok {
		return null
	}
	low, ok := a[1].real()
	high, ok2 := a[2].real()
	n, ok3 := a[3].integer()
	switch {
	case !ok || !ok2 || !ok3 || n < 1 || n > 1<<52 || !(low < high) || math.IsNaN(x):
		return null
	case x < low:
		return intOf(0)
	case x >= high:
		return intOf(n + 1)
	}
	return intOf(int64((x-low)/(high-low)*float64(n)) + 1)
}
