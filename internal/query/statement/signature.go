package statement

import (
	"fmt"
	"strings"
)

// signature is the type of a function, read from its row in the table: "substr(varchar, bigint) varchar". Single capital
// letters are type variables; the last parameter may repeat ("T..."); (T)->boolean is a lambda.
type signature struct {
	text     string
	name     string
	params   []Type
	variadic bool
	star     bool // name(*)
	result   Type
}

// parseSignature panics on a wrong text: the texts are constants of this package.
func parseSignature(text string) signature {
	s := signature{text: text}
	open := strings.IndexByte(text, '(')
	s.name = text[:open]
	t := &sigReader{rest: text[open:]}
	t.expect("(")
	switch {
	case t.accept("*"):
		s.star = true
		t.expect(")")
	case t.accept(")"):
	default:
		for {
			s.params = append(s.params, t.read())
			if t.accept("...") {
				s.variadic = true
			}
			if !t.accept(",") {
				break
			}
		}
		t.expect(")")
	}
	s.result = t.read()
	if t.rest != "" {
		panic("signature " + text + ": unread " + t.rest)
	}
	return s
}

type sigReader struct{ rest string }

func (r *sigReader) accept(s string) bool {
	r.rest = strings.TrimSpace(r.rest)
	rest, ok := strings.CutPrefix(r.rest, s)
	if ok {
		r.rest = rest
	}
	return ok
}

func (r *sigReader) expect(s string) {
	if !r.accept(s) {
		panic(fmt.Sprintf("signature: %q expected before %q", s, r.rest))
	}
}

func (r *sigReader) read() Type {
	if r.accept("(") {
		f := Type{Kind: kindFunc}
		for !r.accept(")") {
			f.Elems = append(f.Elems, r.read())
			r.accept(",")
		}
		r.expect("->")
		f.Elems = append(f.Elems, r.read())
		return f
	}
	r.rest = strings.TrimSpace(r.rest)
	n := 0
	for n < len(r.rest) && (r.rest[n] == '_' || r.rest[n] >= 'A' && r.rest[n] <= 'Z' || r.rest[n] >= 'a' && r.rest[n] <= 'z') {
		n++
	}
	word := r.rest[:n]
	r.rest = r.rest[n:]
	if len(word) == 1 {
		return Type{Kind: kindVar, variable: word[0]}
	}
	if word == "timestamptz" {
		return TypeOf(TimestampTZ)
	}
	for k, name := range kindNames {
		if name != word {
			continue
		}
		t := Type{Kind: Kind(k)}
		if r.accept("(") {
			for !r.accept(")") {
				t.Elems = append(t.Elems, r.read())
				r.accept(",")
			}
			t.Names = make([]string, len(t.Elems))
		}
		return t
	}
	panic("signature: unknown type " + word)
}

// match is a signature being fitted to the types of arguments.
type match struct {
	bound map[byte]Type
	cost  int // how many coercions it takes
}

// param returns the type of the i-th parameter.
func (s *signature) param(i int) Type { return s.params[min(i, len(s.params)-1)] }

func (s *signature) takes(args int) bool {
	return args == len(s.params) || s.variadic && args >= len(s.params)
}

// accepts fits one argument to a parameter. Lambdas always fit here; their types follow from the other arguments.
func (m *match) accepts(param, arg Type) bool {
	switch param.Kind {
	case kindVar:
		bound, ok := m.bound[param.variable]
		if !ok || bound.Kind == Unknown {
			m.bound[param.variable] = arg
			return true
		}
		c, ok := common(bound, arg)
		if !ok {
			return false
		}
		if !c.Equal(bound) || !c.Equal(arg) {
			m.cost++
		}
		m.bound[param.variable] = c
		return true
	case kindAny:
		m.cost += 3
		return true
	case kindNumber:
		m.cost++
		return arg.numeric() || arg.Kind == Unknown
	case kindInstant:
		m.cost += 2
		return arg.moment() || arg.Kind == Bigint || arg.Kind == Double || arg.Kind == Varchar || arg.Kind == Unknown
	case kindDocument:
		m.cost++
		return arg.Kind == JSON || arg.Kind == Varchar || arg.Kind == Unknown
	case Array, Map, Row:
		if arg.Kind == Unknown {
			for _, e := range param.Elems {
				m.accepts(e, arg)
			}
			return true
		}
		if arg.Kind != param.Kind || len(arg.Elems) != len(param.Elems) {
			return false
		}
		for i := range param.Elems {
			if !m.accepts(param.Elems[i], arg.Elems[i]) {
				return false
			}
		}
		return true
	}
	if !param.Equal(arg) {
		m.cost++
	}
	return coercible(arg, param)
}

// fill replaces the variables of t by what they are bound to.
func (m *match) fill(t Type) Type {
	if t.Kind == kindVar {
		return m.bound[t.variable]
	}
	if len(t.Elems) > 0 {
		elems := make([]Type, len(t.Elems))
		for i, e := range t.Elems {
			elems[i] = m.fill(e)
		}
		t.Elems = elems
	}
	return t
}
