// Package spl is the pipeline language behind the pipe: "* | where status = '500' | project url, status" (reference sls-query
// section 5). Consumers use it to filter and reshape what they pull, queries to reshape what they found.
//
//	text ──Parse──> Pipeline ──NewRunner──> Runner: Row, Row, ..., Finish ──> rows
//	                   └─────────Apply(log group)──> log group
//
//	Row ──> where ──> extend ──> parse-kv ──┐ held until the row is through; a row that fails leaves no trace
//	                                        └──> stats | sort | limit ──> project ──> emit
//
// A Pipeline never changes and may be run many times and at once. A row is an ordered list of fields. Fields are texts, but for
// __time__ and __time_ns_part__, which are integers, and for what expressions computed; rows that leave are texts again.
//
// Expressions are those of SQL, evaluated here, value by value: no engine, no SQL text. What holds hostile input:
//   - Script, commands, depth, patterns, fields, rows and bytes are bounded; so are the steps that one row may cost.
//   - Regular expressions are RE2. No function reads anything but its arguments, the clock and the dice.
//   - stats and sort live in a budget of memory. Over it a run ends with an error.
//
// Where it goes beyond the service: sort and limit may stand anywhere in a query, aggregates take expressions, a text that is
// compared with a number is read as one. Where the reference is silent:
//   - What cannot be computed (a cast of '-' to bigint, malformed JSON, a text that should be a number) is NULL. where drops the
//     row, extend removes the field, but NULL leaves a time field as it is. Commands that extract leave fields alone for
//     which they found nothing.
//   - A row fails if it breaks a bound, or if extend sets a time field to what is no integer in its range. See [Options.DropFailed].
//   - All expressions of one extend see the row as it came in.
//   - A row may hold a name twice. Reading sees the first, writing leaves one, dropping drops both.
package spl

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
)

// Bounds of a script. What is over them is an error that says so.
const (
	MaxBytes    = 64 << 10 // of the text (reference sls-query 5)
	MaxCommands = 16       // (reference sls-query 5)

	maxItems        = 512     // in one list of fields or expressions
	maxDepth        = 100     // of expressions
	maxPatternBytes = 4 << 10 // of a regular expression, or of like
)

// The fields that are integers, and that nothing but extend changes.
const (
	timeField  = "__time__"
	nanosField = "__time_ns_part__"
)

func isTimeField(name string) bool {
	return strings.EqualFold(name, timeField) || strings.EqualFold(name, nanosField)
}

// Pipeline is a script that was read.
type Pipeline struct {
	commands []command
}

// Parse reads a pipeline: commands with pipes between them. "* |" may stand before it and ";" behind it. Errors are
// *sluice.Error, noun "query", and say where and what to do; the kind is Invalid, or Unsupported for what is understood and not
// served. Columns count characters from 1.
func Parse(pipeline string) (p *Pipeline, err error) {
	defer catch(&err)
	if len(pipeline) > MaxBytes {
		return nil, sluice.Errorf(sluice.Invalid, "query", "the pipeline has %d bytes; the most is %d", len(pipeline), MaxBytes)
	}
	r := &parser{text: pipeline, tokens: tokens(pipeline)}
	return &Pipeline{commands: r.parsePipeline()}, nil
}

// Stream reports whether every command looks at one row at a time, so that the pipeline can follow a stream.
func (p *Pipeline) Stream() bool { return p.collector() == "" }

// InOrder reports whether rows leave in the order in which they came and with the times that they had, so that who has read up to
// a time can go on from there.
func (p *Pipeline) InOrder() bool {
	for _, c := range p.commands {
		if e, ok := c.(*extend); ok && slices.ContainsFunc(e.names, isTimeField) {
			return false
		}
	}
	return p.Stream()
}

// collector names the first command that needs all rows, "" if there is none.
func (p *Pipeline) collector() string {
	for _, c := range p.commands {
		switch c.(type) {
		case *grouping:
			return "stats"
		case *sorting:
			return "sort"
		case *limit:
			return "limit"
		}
	}
	return ""
}
