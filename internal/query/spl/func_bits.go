package spl

import "math/bits"

// bitFunctions are those on bits of reference sls-query 3.13.
var bitFunctions = []function{
	{name: "bitwise_and", min: 2, max: 2, call: bits2(func(a, b int64) (int64, bool) { return a & b, true })},
	{name: "bitwise_or", min: 2, max: 2, call: bits2(func(a, b int64) (int64, bool) { return a | b, true })},
	{name: "bitwise_xor", min: 2, max: 2, call: bits2(func(a, b int64) (int64, bool) { return a ^ b, true })},
	{name: "bitwise_left_shift", min: 2, max: 2, call: bits2(func(a, n int64) (int64, bool) { return a << uint64(n), n >= 0 })},
	{name: "bitwise_right_shift", min: 2, max: 2, call: bits2(func(a, n int64) (int64, bool) {
		return int64(uint64(a) >> uint64(n)), n >= 0
	})},
	{name: "bitwise_right_shift_arithmetic", min: 2, max: 2, call: bits2(func(a, n int64) (int64, bool) { return a >> uint64(n), n >= 0 })},
	{name: "bitwise_not", min: 1, max: 1, call: pure(func(a []value) value {
		n, ok := a[0].integer()
		if !ok {
			return null
		}
		return intOf(^n)
	})},
	{name: "bit_count", min: 2, max: 2, call: bits2(func(a, width int64) (int64, bool) {
		if width < 2 || width > 64 {
			return 0, false
		}
		return int64(bits.OnesCount64(uint64(a) << (64 - uint64(width)))), true
	})},
}

func bits2(f func(a, b int64) (int64, bool)) func(*run, []value) (value, error) {
	return pure(func(a []value) value {
		x, ok := a[0].integer()
		y, ok2 := a[1].integer()
		if !ok || !ok2 {
			return null
		}
		n, ok := f(x, y)
		if !ok {
			return null
		}
		return intOf(n)
	})
}
