package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

const rule = "================================================================================"

// writeNotices writes what the licences of parts demand to be handed on with them: a list of the parts, and every text once, below the names
// of those that it is of.
func writeNotices(w io.Writer, parts []part) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "Sluice is under the Apache License 2.0, see LICENSE. Its programs have these parts of others in them:\n\n")
	for _, p := range parts {
		fmt.Fprintf(b, "  %s %s: %s\n", p.name, p.version, terms(p))
		for _, in := range p.inside {
			fmt.Fprintf(b, "    in it %s: %s\n", in.name, terms(in))
		}
	}
	for _, t := range texts(parts) {
		fmt.Fprintf(b, "\n%s\n", rule)
		for _, of := range t.of {
			fmt.Fprintln(b, of)
		}
		fmt.Fprintf(b, "%s\n\n%s\n", rule, t.text)
	}
	return b.Flush()
}

// terms are the licences of a part for people.
func terms(p part) string {
	if ids := p.ids(); len(ids) > 0 {
		return strings.Join(ids, ", ")
	}
	return "see below"
}

// notice is a text and what it is of.
type notice struct {
	of   []string
	text string
}

// texts joins licences that say the same.
func texts(parts []part) []*notice {
	var list []*notice
	known := map[string]*notice{}
	add := func(name string, l license) {
		text := strings.TrimSpace(strings.ReplaceAll(l.text, "\r\n", "\n"))
		n := known[text]
		if n == nil {
			n = &notice{text: text}
			known[text] = n
			list = append(list, n)
		}
		n.of = append(n.of, name+" ("+l.file+")")
	}
	for _, p := range parts {
		for _, l := range p.licenses {
			add(p.name+" "+p.version, l)
		}
		for _, in := range p.inside {
			for _, l := range in.licenses {
				add(in.name+" in "+p.name+" "+p.version, l)
			}
		}
	}
	return list
}
