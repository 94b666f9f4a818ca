package pipeline

import (
	"encoding/json"
	"strings"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/query/search"
)

// searcher is a search that was understood.
type searcher struct {
	bound *search.Bound
}

// newSearcher returns nil for a search that every log passes.
func newSearcher(text string, config *index.Config) (*searcher, error) {
	if len(text) > search.MaxBytes {
		return nil, invalid("filter.search: %d bytes are over the limit of %d", len(text), search.MaxBytes)
	}
	query, err := search.Parse(text)
	if err != nil {
		return nil, invalid("filter.search: %w", err)
	}
	if query.Root == (search.All{}) {
		return nil, nil
	}
	if config == nil {
		if config, err = usual(query); err != nil {
			return nil, invalid("filter.search: %w", err)
		}
	}
	bound, err := search.Bind(query, config)
	if err != nil {
		return nil, invalid("filter.search: %w", err)
	}
	return &searcher{bound}, nil
}

// delimiters cut words where no index configuration says how.
var delimiters = strings.Split(", '\";=()[]{}?@&<>/:\n\t\r", "")

// usual is a configuration under which every field that q names can be searched: as numbers where q compares it with numbers,
// otherwise as words.
func usual(q *search.Query) (*index.Config, error) {
	type cut map[string]any
	line := cut{"token": delimiters, "caseSensitive": false}
	keys := map[string]cut{}
	visit(q.Root, func(field string, number bool) {
		switch {
		case index.Reserved(field):
		case number:
			keys[field] = cut{"type": "double"}
		case keys[field] == nil:
			keys[field] = cut{"type": "text", "token": delimiters, "caseSensitive": false}
		}
	})
	document, err := json.Marshal(map[string]any{"line": line, "keys": keys})
	if err != nil {
		return nil, err
	}
	return index.Parse(document)
}

// visit calls fn with the fields that n names.
func visit(n search.Node, fn func(field string, number bool)) {
	switch n := n.(type) {
	case search.And:
		for _, operand := range n {
			visit(operand, fn)
		}
	case search.Or:
		for _, operand := range n {
			visit(operand, fn)
		}
	case search.Not:
		visit(n.Node, fn)
	case search.Match:
		fn(n.Field, false)
	case search.Exists:
		fn(n.Field, false)
	case search.Empty:
		fn(n.Field, false)
	case search.Compare:
		fn(n.Field, isNumber(n.Text) && n.Op != "=")
	case search.Range:
		fn(n.Field, isNumber(n.Min) || isNumber(n.Max))
	}
}

func isNumber(s string) bool {
	_, ok := index.ParseDouble(s)
	return ok
}
