package spl

import (
	"slices"

	"github.com/sluicelog/sluice"
)

// project keeps the fields that match, then renames some (reference sls-query 5). Time fields stay, and are never renamed or
// written over.
type project struct {
	patterns []pattern
	renames  []renaming
}

// renaming gives the field from the name to.
type renaming struct{ to, from string }

// parseProject: project [-wildcard] pattern, new=old, ...
func parseProject(p *parser) command {
	c := &project{}
	wild := p.options(map[string]string{"wildcard": switchOption}).has("wildcard")
	list(p, func() struct{} {
		if p.ahead(1).isSymbol("=") {
			c.renames = p.renaming(c.renames)
		} else {
			c.patterns = append(c.patterns, p.pattern(wild))
		}
		return struct{}{}
	})
	return c
}

// renaming reads new=old; old may have been named once, and so may new.
func (p *parser) renaming(before []renaming) []renaming {
	at := p.peek()
	r := renaming{to: p.name()}
	p.expectSymbol("=")
	from := p.peek()
	r.from = p.name()
	switch {
	case isTimeField(r.to):
		p.fail(at, "%s cannot be written by renaming; set it to an integer with extend", r.to)
	case isTimeField(r.from):
		p.fail(from, "%s cannot be renamed; copy it with extend", r.from)
	case slices.ContainsFunc(before, func(b renaming) bool { return b.to == r.to }):
		p.fail(at, "two fields are renamed to '%s'", r.to)
	case slices.ContainsFunc(before, func(b renaming) bool { return b.from == r.from }):
		p.fail(from, "the field '%s' is renamed twice; copy it with extend", r.from)
	}
	return append(before, r)
}

func (c *project) start(rt *run, next sink) sink {
	s := &projection{c, map[string]bool{}}
	empty := rt.newRow(nil)
	for _, n := range c.renames {
		s.named[empty.key(n.from)] = true
	}
	for _, m := range c.patterns {
		if !m.wild() {
			s.named[empty.key(m.parts[0])] = true
		}
	}
	return rowSink{s, rt, next}
}

// projection is a run of project.
type projection struct {
	*project
	named map[string]bool // the names without wildcards, of fields that stay, for now
}

func (c *projection) apply(_ *run, r *row) (bool, error) {
	r.keep(func(name string) bool {
		return isTimeField(name) || c.named[r.key(name)] || matchesAny(c.patterns, name, r.fold)
	})
	r.rename(c.renames)
	return true, nil
}

// matchesAny reports whether one of the patterns that have wildcards matches.
func matchesAny(patterns []pattern, name string, fold bool) bool {
	return slices.ContainsFunc(patterns, func(m pattern) bool { return m.wild() && m.matches(name, fold) })
}

// projectAway drops the fields that match, but for the time fields.
type projectAway struct{ patterns []pattern }

// parseProjectAway: project-away [-wildcard] pattern, ...
func parseProjectAway(p *parser) command {
	wild := p.options(map[string]string{"wildcard": switchOption}).has("wildcard")
	return &projectAway{list(p, func() pattern { return p.pattern(wild) })}
}

func (c *projectAway) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *projectAway) apply(rt *run, r *row) (bool, error) {
	for _, m := range c.patterns {
		if !m.wild() && !isTimeField(m.parts[0]) {
			r.drop(m.parts[0])
		}
	}
	if slices.ContainsFunc(c.patterns, pattern.wild) {
		r.keep(func(name string) bool { return isTimeField(name) || !matchesAny(c.patterns, name, r.fold) })
	}
	return true, nil
}

// projectRename renames fields and keeps all others.
type projectRename struct{ renames []renaming }

// parseProjectRename: project-rename new=old, ...
func parseProjectRename(p *parser) command {
	p.options(nil)
	c := &projectRename{}
	list(p, func() struct{} {
		if !p.ahead(1).isSymbol("=") {
			fail(sluice.Invalid, p.text, p.peek().pos, "a renaming is written new=old")
		}
		c.renames = p.renaming(c.renames)
		return struct{}{}
	})
	return c
}

func (c *projectRename) start(rt *run, next sink) sink { return rowSink{c, rt, next} }

func (c *projectRename) apply(_ *run, r *row) (bool, error) {
	r.rename(c.renames)
	return true, nil
}
