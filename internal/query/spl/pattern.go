package spl

import "strings"

// pattern is the name of a field, or a name with wildcards: * is any number of characters.
type pattern struct {
	parts []string // what stands around the wildcards, one part if there are none
}

func exactly(name string) pattern { return pattern{[]string{name}} }

func (m pattern) wild() bool { return len(m.parts) > 1 }

func (m pattern) matches(name string, fold bool) bool {
	if !m.wild() {
		return m.parts[0] == name || fold && strings.EqualFold(m.parts[0], name)
	}
	first, middle, last := m.parts[0], m.parts[1:len(m.parts)-1], m.parts[len(m.parts)-1]
	if fold {
		name, first, last = strings.ToLower(name), strings.ToLower(first), strings.ToLower(last)
	}
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, part := range middle {
		if fold {
			part = strings.ToLower(part)
		}
		var ok bool
		if _, name, ok = strings.Cut(name, part); !ok {
			return false
		}
	}
	return true
}

// pattern reads the name of a field, which may have wildcards if wild; those need no quotes.
func (p *parser) pattern(wild bool) pattern {
	if !wild {
		return exactly(p.name())
	}
	t := p.peek()
	if t.kind == quotedToken {
		return pattern{strings.Split(p.name(), "*")}
	}
	end := t.pos
	for n := t; n.pos == end && (n.kind == wordToken || n.kind == numberToken || n.isSymbol("*", ":", ".", "-")); n = p.peek() {
		end = p.take().end
	}
	if end == t.pos {
		p.unexpected("the name of a field, with * for any characters,")
	}
	return pattern{strings.Split(p.text[t.pos:end], "*")}
}
