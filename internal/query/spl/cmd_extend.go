package spl

import (
	"math"
	"strings"
)

// extend sets fields to what expressions compute. All of them see the row as it came in. NULL drops a field.
type extend struct {
	names []string
	exprs []expr
}

// parseExtend: extend field=expression, ...
func parseExtend(p *parser) command {
	c := &extend{}
	list(p, func() struct{} {
		c.names = append(c.names, p.name())
		p.expectSymbol("=")
		c.exprs = append(c.exprs, p.parseExpr())
		return struct{}{}
	})
	return c
}

func (c *extend) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *extend) apply(rt *run, r *row) (bool, error) {
	values := make([]value, len(c.exprs))
	for i, e := range c.exprs {
		v, err := e.eval(&scope{rt: rt, row: r})
		if err != nil {
			return false, err
		}
		if isTimeField(c.names[i]) {
			if err := checkTime(c.names[i], v); err != nil {
				return false, err
			}
		}
		values[i] = v
	}
	for i, name := range c.names {
		if !isTimeField(name) || !values[i].isNull() {
			r.set(name, values[i])
		}
	}
	return true, nil
}

// checkTime refuses what the time of a log cannot be.
func checkTime(name string, v value) error {
	most := int64(math.MaxUint32)
	if strings.EqualFold(name, nanosField) {
		most = 999_999_999
	}
	switch {
	case v.isNull():
		return nil
	case v.kind != intKind:
		return rowError("%s has to be an integer; cast what it is set to: cast(... as bigint)", name)
	case v.n < 0 || v.n > most:
		return rowError("%s cannot be %d; it is from 0 to %d", name, v.n, most)
	}
	return nil
}

// where keeps the rows for which a condition is true; not those for which it is NULL.
type where struct{ condition expr }

// parseWhere: where expression
func parseWhere(p *parser) command { return &where{p.parseExpr()} }

func (c *where) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *where) apply(rt *run, r *row) (bool, error) {
	v, err := c.condition.eval(&scope{rt: rt, row: r})
	return v.truth().isTrue(), err
}
