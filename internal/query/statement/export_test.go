package statement

import (
	"maps"
	"slices"
)

// MeaningNames are the names that have a meaning.
func MeaningNames() []string { return slices.Sorted(maps.Keys(meanings)) }

// Literals are texts that are in all that a pattern matches.
func Literals(pattern string) []string { return literals(pattern) }
