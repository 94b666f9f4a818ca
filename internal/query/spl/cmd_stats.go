package spl

import "slices"

// grouping is stats: it computes aggregates over groups of rows that have the same values in some fields. Groups come in the order
// in which they were first seen; without fields there is one group, even of no rows.
type grouping struct {
	outputs []string
	aggs    []aggregate
	by      []string
}

// aggregate is a call such as approx_percentile(latency, 0.99).
type aggregate struct {
	make func(rt *run) accumulator
	args []expr // of each row
}

// parseStats: stats output=aggregate(field), ... [by field, ...]
func parseStats(p *parser) command {
	c := &grouping{}
	list(p, func() struct{} {
		at := p.peek()
		if p.ahead(1).isSymbol("(") {
			p.fail(at, "give the result a name: n=%s(...)", at.text)
		}
		name := p.name()
		if slices.Contains(c.outputs, name) {
			p.fail(at, "two results are called '%s'", name)
		}
		c.outputs = append(c.outputs, name)
		p.expectSymbol("=")
		c.aggs = append(c.aggs, p.parseAggregate())
		return struct{}{}
	})
	if p.acceptWord("by") {
		at := p.peek()
		c.by = list(p, p.name)
		if i := slices.IndexFunc(c.by, func(name string) bool { return slices.Contains(c.outputs, name) }); i >= 0 {
			p.fail(at, "'%s' is a result and a group; give the result another name", c.by[i])
		}
	}
	return c
}

func (c *grouping) start(rt *run, next sink) sink {
	return &groups{grouping: c, rt: rt, next: next, byKey: map[string]*group{}}
}

// groups is a run of stats.
type groups struct {
	*grouping
	rt    *run
	next  sink
	byKey map[string]*group
	all   []*group
}

type group struct {
	by   []value
	accs []accumulator
}

func (g *groups) row(r *row) error {
	by := make([]value, len(g.by))
	var key []byte
	for i, name := range g.by {
		by[i] = r.get(name)
		part := by[i].key()
		key = append(append(key, intOf(int64(len(part))).String()...), ':')
		key = append(key, part...)
	}
	group := g.byKey[string(key)]
	if group == nil {
		var err error
		if group, err = g.add(string(key), by); err != nil {
			return err
		}
	}
	sc := &scope{rt: g.rt, row: r}
	for i, agg := range g.aggs {
		args, err := evalAll(sc, agg.args)
		if err == nil {
			err = g.rt.spendOn(args...)
		}
		if err != nil {
			return err
		}
		if err := g.rt.grow(group.accs[i].add(args)); err != nil {
			return err
		}
	}
	return nil
}

// add makes a group.
func (g *groups) add(key string, by []value) (*group, error) {
	const groupBytes, accumulatorBytes = 200, 128
	group := &group{by: make([]value, len(by))}
	for i, v := range by {
		group.by[i] = v.own()
	}
	size := groupBytes + 2*len(key)
	for _, agg := range g.aggs {
		group.accs = append(group.accs, agg.make(g.rt))
		size += accumulatorBytes
	}
	g.byKey[key] = group
	g.all = append(g.all, group)
	return group, g.rt.grow(size)
}

func (g *groups) finish() error {
	if len(g.all) == 0 && len(g.by) == 0 {
		if _, err := g.add("", nil); err != nil {
			return err
		}
	}
	g.byKey = nil
	for _, group := range g.all {
		r := &row{fold: g.rt.FoldNames}
		for i, name := range g.by {
			r.set(name, group.by[i])
		}
		for i, name := range g.outputs {
			r.set(name, group.accs[i].result())
		}
		if err := g.next.row(r); err != nil {
			return err
		}
	}
	return g.next.finish()
}
