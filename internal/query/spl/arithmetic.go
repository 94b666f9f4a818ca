package spl

import (
	"math"
	"math/bits"
)

func (e *negative) eval(sc *scope) (value, error) {
	v, err := e.x.eval(sc)
	if err != nil {
		return null, err
	}
	return arith('-', intOf(0), v), nil
}

func (e *arithmetic) eval(sc *scope) (value, error) {
	a, b, err := eval2(sc, e.l, e.r)
	if err != nil {
		return null, err
	}
	return arith(e.op, a, b), nil
}

// arith computes with two numbers; integers stay integers, and are cut off when divided. What does not fit into an integer, and
// a division of integers by zero, is NULL.
func arith(op byte, a, b value) value {
	a, b = a.number(), b.number()
	switch {
	case a.isNull() || b.isNull():
		return null
	case a.kind == intKind && b.kind == intKind:
		n, ok := arithInt(op, a.n, b.n)
		if !ok {
			return null
		}
		return intOf(n)
	}
	x, _ := a.real()
	y, _ := b.real()
	switch op {
	case '+':
		return doubleOf(x + y)
	case '-':
		return doubleOf(x - y)
	case '*':
		return doubleOf(x * y)
	case '/':
		return doubleOf(x / y)
	}
	return doubleOf(math.Mod(x, y))
}

func arithInt(op byte, a, b int64) (int64, bool) {
	switch op {
	case '+':
		n := a + b
		return n, (n > a) == (b > 0)
	case '-':
		n := a - b
		return n, (n < a) == (b > 0)
	case '*':
		return multiply(a, b)
	}
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, false
	}
	if op == '/' {
		return a / b, true
	}
	return a % b, true
}

func multiply(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
