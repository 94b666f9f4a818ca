package statement

import (
	"slices"
	"strconv"
	"strings"
)

// Kind is the outermost part of a [Type].
type Kind uint8

// The kinds of values. Unknown is the kind of NULL.
const (
	Unknown Kind = iota
	Boolean
	Bigint
	Double
	Decimal
	Varchar
	Varbinary
	Date
	Time
	Timestamp
	TimestampTZ
	Interval
	JSON
	HyperLogLog
	Array
	Map
	Row

	// The rest stand in signatures of functions only.
	kindVar      // a type variable
	kindFunc     // a lambda
	kindInstant  // whatever names a moment: bigint seconds, timestamps, dates, texts
	kindNumber   // bigint, double or decimal
	kindDocument // JSON, or a text that holds it
	kindAny
)

var kindNames = [...]string{
	"unknown", "boolean", "bigint", "double", "decimal", "varchar", "varbinary", "date", "time", "timestamp",
	"timestamp with time zone", "interval", "json", "HyperLogLog", "array", "map", "row",
	"variable", "function", "instant", "number", "document", "any",
}

// Type is the type of a value as statements name it. Types are values: nothing may change the slices.
type Type struct {
	Kind  Kind
	Elems []Type   // of arrays one, of maps key and value, of rows the fields
	Names []string // of the fields of a row, "" where one has none

	precision, scale int  // of decimals; precision also of varchar(n)
	variable         byte // of kindVar
}

// TypeOf makes a type without elements.
func TypeOf(k Kind) Type { return Type{Kind: k} }

// ArrayOf makes the type of arrays of elem.
func ArrayOf(elem Type) Type { return Type{Kind: Array, Elems: []Type{elem}} }

// MapOf makes the type of maps.
func MapOf(key, value Type) Type { return Type{Kind: Map, Elems: []Type{key, value}} }

// RowOf makes the type of rows; names has "" for fields without one.
func RowOf(names []string, elems []Type) Type {
	return Type{Kind: Row, Elems: elems, Names: names}
}

// String names the type as typeof does.
func (t Type) String() string {
	switch t.Kind {
	case kindVar:
		return string(t.variable)
	case kindFunc:
		params := t.Elems[:len(t.Elems)-1]
		return "(" + joinTypes(params) + ")->" + t.Elems[len(params)].String()
	case Varchar:
		if t.precision > 0 {
			return "varchar(" + strconv.Itoa(t.precision) + ")"
		}
	case Decimal:
		if t.precision > 0 {
			return "decimal(" + strconv.Itoa(t.precision) + "," + strconv.Itoa(t.scale) + ")"
		}
	case Row:
		fields := make([]string, len(t.Elems))
		for i, e := range t.Elems {
			fields[i] = e.String()
			if t.Names[i] != "" {
				fields[i] = quoteName(t.Names[i]) + " " + fields[i]
			}
		}
		return "row(" + strings.Join(fields, ", ") + ")"
	}
	if len(t.Elems) == 0 {
		return kindNames[t.Kind]
	}
	return kindNames[t.Kind] + "(" + joinTypes(t.Elems) + ")"
}

func joinTypes(types []Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return strings.Join(names, ", ")
}

// Equal reports whether both are the same type. Names of row fields and digits of decimals do not count.
func (t Type) Equal(u Type) bool {
	return t.Kind == u.Kind && t.variable == u.variable && slices.EqualFunc(t.Elems, u.Elems, Type.Equal)
}

func (t Type) numeric() bool { return t.Kind == Bigint || t.Kind == Double || t.Kind == Decimal }

// moment: a point in time, or a day.
func (t Type) moment() bool { return t.Kind == Date || t.Kind == Timestamp || t.Kind == TimestampTZ }

// has reports whether t is of kind k or has an element that is.
func (t Type) has(k Kind) bool {
	return t.Kind == k || slices.ContainsFunc(t.Elems, func(e Type) bool { return e.has(k) })
}

// coercible reports whether a value of type from can stand where to is wanted, without a cast (as in Presto).
func coercible(from, to Type) bool {
	switch {
	case from.Kind == Unknown || from.Equal(to):
		return true
	case from.Kind == Bigint:
		return to.Kind == Double || to.Kind == Decimal
	case from.Kind == Decimal:
		return to.Kind == Double
	case from.Kind == Date:
		return to.Kind == Timestamp || to.Kind == TimestampTZ
	case from.Kind == Timestamp:
		return to.Kind == TimestampTZ
	case from.Kind == to.Kind && len(from.Elems) == len(to.Elems) && len(from.Elems) > 0:
		for i := range from.Elems {
			if !coercible(from.Elems[i], to.Elems[i]) {
				return false
			}
		}
		return true
	}
	return false
}

// common returns the type that both can be coerced to.
func common(a, b Type) (Type, bool) {
	switch {
	case coercible(a, b):
		return b, true
	case coercible(b, a):
		return a, true
	case a.Kind == b.Kind && len(a.Elems) == len(b.Elems) && len(a.Elems) > 0:
		c := Type{Kind: a.Kind, Names: a.Names}
		for i := range a.Elems {
			e, ok := common(a.Elems[i], b.Elems[i])
			if !ok {
				return Type{}, false
			}
			c.Elems = append(c.Elems, e)
		}
		return c, true
	}
	return Type{}, false
}
