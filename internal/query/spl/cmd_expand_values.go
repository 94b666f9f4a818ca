package spl

import "cmp"

// expandValues makes one row of each element of a JSON list, or of each member of a JSON object, which becomes an object of one.
// Rows whose field holds neither stay as they are.
type expandValues struct {
	field, output string
	path          jsonPath
	limit         int // 0: all, if they are not too many
	keep          bool
}

// parseExpandValues: expand-values [-path='$.x'] [-limit=n] [-keep] field [as output]
func parseExpandValues(p *parser) command {
	o := p.options(map[string]string{"path": textOption, "limit": numberOption, "keep": switchOption})
	c := &expandValues{path: o.path(), limit: o.number("limit"), keep: o.has("keep"), field: p.name()}
	c.output = c.field
	at := p.peek()
	if p.acceptWord("as") {
		at = p.peek()
		c.output = p.name()
	}
	if isTimeField(c.output) {
		p.fail(at, "%s can only be set by extend", c.output)
	}
	return c
}

func (c *expandValues) start(rt *run, next sink) sink { return &expansion{c, rt, next} }

// expansion is a run of expandValues.
type expansion struct {
	*expandValues
	rt   *run
	next sink
}

func (x *expansion) row(r *row) error {
	parts, ok, err := x.parts(r)
	if err != nil {
		return err
	}
	if !ok {
		return x.next.row(r)
	}
	for _, part := range parts {
		c := r.clone()
		if !x.keep && !r.same(x.field, x.output) {
			c.drop(x.field)
		}
		c.set(x.output, part)
		if err := cmp.Or(x.rt.check(c), x.rt.spend(len(c.cells))); err != nil {
			return err
		}
		if err := x.next.row(c); err != nil {
			return err
		}
	}
	return nil
}

func (x *expansion) finish() error { return x.next.finish() }

// parts returns what the rows get; false if the field cannot be expanded.
func (x *expansion) parts(r *row) (parts []value, ok bool, err error) {
	if v := r.get(x.field); v.kind == listKind && x.path == nil {
		r = &row{cells: []cell{{name: x.field, value: jsonOf(v.String())}}}
	}
	text, ok := r.json(x.field, x.path)
	if !ok || !isObject(text) && !isArray(text) {
		return nil, false, nil
	}
	add := func(part value) bool {
		if x.limit > 0 && len(parts) == x.limit {
			return false
		}
		if len(parts) == x.rt.RowCopies {
			err = rowError("expand-values makes more than %d rows of one; take fewer with -limit", x.rt.RowCopies)
			return false
		}
		parts = append(parts, part)
		return true
	}
	if isArray(text) {
		elements(text, func(part string) bool { return add(orNull(part)) })
	} else {
		members(text, func(key, val string) bool {
			return add(textOf(string(appendJSONString([]byte{'{'}, key)) + ":" + val + "}"))
		})
	}
	return parts, true, err
}

// orNull is the text of a JSON value; null is the text null, for a row of its own.
func orNull(part string) value {
	if v := jsonText(part); !v.isNull() {
		return v
	}
	return textOf(part)
}
