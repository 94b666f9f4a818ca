package spl

import "strings"

// castType is a type as cast names it.
type castType struct {
	kind  kind
	elems []castType // of a list one, of a map key and value
}

var typeNames = map[string]kind{
	"varchar": textKind, "char": textKind, "string": textKind, "bigint": intKind, "integer": intKind, "int": intKind,
	"smallint": intKind, "tinyint": intKind, "double": doubleKind, "real": doubleKind, "float": doubleKind, "decimal": doubleKind,
	"boolean": boolKind, "varbinary": binaryKind, "json": jsonKind, "timestamp": momentKind, "date": dayKind,
	"array": listKind, "map": dictKind,
}

// parseType: bigint, varchar(20), decimal(10,2), array(bigint), map(varchar, double), timestamp
func (p *parser) parseType() castType {
	defer p.enter()()
	t := p.peek()
	k, ok := typeNames[strings.ToLower(t.text)]
	if !ok || t.kind != wordToken {
		p.unexpected("a type (varchar, bigint, double, boolean, varbinary, json, timestamp, date, array(...), map(...))")
	}
	p.take()
	c := castType{kind: k}
	switch {
	case k == listKind || k == dictKind:
		at := p.peek()
		p.expectSymbol("(")
		if c.elems = list(p, p.parseType); len(c.elems) != 1 && k == listKind || len(c.elems) != 2 && k == dictKind {
			p.fail(at, "write array(bigint), or map(varchar, bigint)")
		}
		p.expectSymbol(")")
	case (k == textKind || k == doubleKind) && p.acceptSymbol("("):
		list(p, func() int { return p.count("a length") })
		p.expectSymbol(")")
	}
	return c
}

func (e *cast) eval(sc *scope) (value, error) {
	v, err := e.x.eval(sc)
	if err != nil {
		return null, err
	}
	if err := sc.rt.spendOn(v); err != nil {
		return null, err
	}
	return castTo(sc.rt, v, e.to)
}

// castTo converts; what cannot be converted is NULL.
func castTo(rt *run, v value, to castType) (value, error) {
	if v.isNull() {
		return null, nil
	}
	switch to.kind {
	case textKind:
		if v.kind == binaryKind {
			return textOf(strings.ToValidUTF8(v.s, "\uFFFD")), nil
		}
		return rt.textOf(v)
	case intKind:
		if n, ok := v.integer(); ok {
			return intOf(n), nil
		}
	case doubleKind:
		if f, ok := v.real(); ok {
			return doubleOf(f), nil
		}
	case boolKind:
		return v.truth(), nil
	case binaryKind:
		if v.kind == textKind || v.kind == binaryKind {
			return binaryOf(v.s), nil
		}
	case jsonKind:
		if v.kind == jsonKind {
			return v, nil
		}
		if err := rt.fits(v.bytes(rt.RowBytes)); err != nil {
			return null, err
		}
		return jsonOf(string(v.appendJSON(nil))), nil
	case momentKind, dayKind:
		t, ok := v.time(rt.Zone)
		switch {
		case ok && to.kind == dayKind:
			return dayOf(t), nil
		case ok:
			return momentOf(t), nil
		}
	case listKind:
		return castList(rt, v, to.elems[0])
	case dictKind:
		return castDict(rt, v, to.elems[0], to.elems[1])
	}
	return null, nil
}

func castList(rt *run, v value, elem castType) (value, error) {
	from, err := listFrom(rt, v)
	if err != nil || from.isNull() {
		return null, err
	}
	all := make([]value, len(from.list()))
	for i, e := range from.list() {
		if all[i], err = castTo(rt, e, elem); err != nil {
			return null, err
		}
	}
	return listOf(all), nil
}

// listFrom reads a list, or a JSON list.
func listFrom(rt *run, v value) (value, error) {
	if v.kind == listKind {
		return v, nil
	}
	text, ok := validJSON(v.s)
	if v.kind != jsonKind && v.kind != textKind || !ok || !isArray(text) {
		return null, nil
	}
	all, err := []value{}, error(nil)
	elements(text, func(part string) bool {
		err = rt.elements(len(all) + 1)
		all = append(all, jsonValue(part))
		return err == nil
	})
	return listOf(all), err
}

func castDict(rt *run, v value, key, val castType) (value, error) {
	from, err := dictFrom(rt, v)
	if err != nil || from.isNull() {
		return null, err
	}
	d := newDict(len(from.dict().keys))
	for i, k := range from.dict().keys {
		k, err := castTo(rt, k, key)
		if err != nil {
			return null, err
		}
		e, err := castTo(rt, from.dict().values[i], val)
		if err != nil {
			return null, err
		}
		d.set(k, e)
	}
	return dictOf(d), nil
}

// dictFrom reads a map, or a JSON object.
func dictFrom(rt *run, v value) (value, error) {
	if v.kind == dictKind {
		return v, nil
	}
	text, ok := validJSON(v.s)
	if v.kind != jsonKind && v.kind != textKind || !ok || !isObject(text) {
		return null, nil
	}
	d, err := newDict(0), error(nil)
	members(text, func(key, val string) bool {
		err = rt.elements(len(d.keys) + 1)
		d.set(textOf(key), jsonValue(val))
		return err == nil
	})
	return dictOf(d), err
}
