package statement

import (
	"maps"
	"slices"
)

// MeaningNames are the names that have a meaning.
func MeaningNames() []string { return slices.Sorted(maps.Keys(meanings)) }
