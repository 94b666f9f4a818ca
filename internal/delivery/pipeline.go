package delivery

import (
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// Rules choose logs and their fields.
type Rules struct {
	// Filter chooses logs: {search, conditions, rules}.
	Filter json.RawMessage `json:"filter,omitempty"`
	// Sample is the percentage of the chosen logs that goes out [100].
	Sample float64 `json:"sample,omitempty"`
	// Fields go out, in this order [all].
	Fields []string `json:"fields,omitempty"`
	// Types of fields: number, bool, json or text.
	Types map[string]string `json:"types,omitempty"`
	// CustomFields go out together: {requestHeaders, responseHeaders, cookies}.
	CustomFields json.RawMessage `json:"customFields,omitempty"`
}

// Pipeline makes entries of logs. One goroutine uses it.
type Pipeline interface {
	// Apply looks at the log g.Records[i], which is at a place of a shard, and makes e of it. e and what it holds are reused.
	Apply(shard sluice.ShardID, at sink.Point, g *sluice.LogGroup, i int, e *sink.Entry) Verdict
}

// Verdict is what a pipeline makes of a log.
type Verdict uint8

// The verdicts.
const (
	Keep     Verdict = iota // it goes out
	Filtered                // the filter does not choose it
	Sampled                 // the sample does not hold it
)
