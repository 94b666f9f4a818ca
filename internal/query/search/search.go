// Package search is the language in front of the pipe: words, phrases, wildcards, fields, ranges, and, or, not (reference
// sls-query section 2).
//
//	statement ──Split──> search | analytics
//	               │
//	               └──Parse──> Query ──Bind(index configuration)──> Bound ──Match(log)──> bool
//	                                                                  └────> planner over token indexes
//
// A Query says what was written; it prints as text that parses to itself. Bound says what it means for one index configuration:
// names have become fields, words have become the tokens that an index holds, numbers have become ranges. Both are trees under
// the same operators And, Or, Not and All, with leaves of their own, and neither ever changes.
//
// Match is the meaning of the language, written straight from the reference; whatever answers queries faster is held against it.
//
// Where it goes beyond the service: wildcards find all words, not a sample of 100; phrases are exact, may stand under or and not,
// and may be followed by SQL. Where the reference is silent:
//   - A word without tokens, like a delimiter alone, asks for nothing: it is true of every log, or for a field of every log
//     that has it.
//   - A word that names no field is cut by the delimiters of line into pieces, which may stand in different fields. A field has
//     a piece if it has all the tokens that its own tokenizer makes of it.
//   - A field of numbers is compared with numbers alone: key:word is an error there, key=word are words.
package search

import "github.com/sluicelog/sluice"

// Limits of a query. What is over them is an error that says so.
const (
	MaxBytes  = 64 << 10 // of the text
	MaxTerms  = 128      // words, phrases and conditions (reference sls-query 2.3)
	MaxTokens = 128      // that one word or phrase is cut into
	MaxBound  = 1024     // tokens of all words and phrases together
	MaxWild   = 256      // bytes of a word with wildcards
	MaxDepth  = 128      // of parentheses
)

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "query", format, args...)
}
