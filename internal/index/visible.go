package index

import "github.com/sluicelog/sluice"

// Visible returns the contents of a log as clients and searches see them: of those with one name the last, and none that goes by
// a name of the log group or the log's time. It returns contents itself if that is all of them.
func Visible(contents []sluice.Field) []sluice.Field {
	return distinct(contents, Reserved)
}

// VisibleTags is Visible for the tags of a log group.
func VisibleTags(tags []sluice.Field) []sluice.Field {
	return distinct(tags, func(string) bool { return false })
}

func distinct(fields []sluice.Field, hidden func(name string) bool) []sluice.Field {
	again := later(fields)
	var kept []sluice.Field
	for i, f := range fields {
		drop := hidden(f.Key) || again(i)
		if drop && kept == nil {
			kept = append(make([]sluice.Field, 0, len(fields)-1), fields[:i]...)
		} else if !drop && kept != nil {
			kept = append(kept, f)
		}
	}
	if kept == nil {
		return fields
	}
	return kept
}

// later returns what tells whether the name of a field comes again behind it.
func later(fields []sluice.Field) func(i int) bool {
	if len(fields) <= fewFields {
		return func(i int) bool {
			for _, f := range fields[i+1:] {
				if f.Key == fields[i].Key {
					return true
				}
			}
			return false
		}
	}
	last := make(map[string]int, len(fields))
	for i, f := range fields {
		last[f.Key] = i
	}
	return func(i int) bool { return last[fields[i].Key] != i }
}
