// Package pipeline decides which logs a task ships and what of them.
//
//	log ──search, conditions──> sample ──> chosen fields, their types ──> sink.Entry
//	             │                 │
//	          Filtered          Sampled
//
// Invariants:
//   - The verdict on a log and the entry made of it depend on the task, the log and its place alone. So a batch that is formed again is the
//     same batch, and a replay ships the same sample.
//   - A name has one value in a log, the last of that name, and names of the log group (__topic__, __source__, __tag__:k, __time__) are
//     never those of contents: as in searches.
//   - What a task asks for and cannot be understood is an error when it is compiled, which names the field of its document.
package pipeline

import (
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/index"
)

// Spec is the part of a task's document that says which logs go out, and what of them.
type Spec struct {
	Filter Filter `json:"filter,omitzero"`
	// Sample is the percentage of the filtered logs that goes out, over 0 and up to 100 [100]. Which logs those are depends on the log:
	// by its ClientRequestID if it has one, otherwise by its place in its shard.
	Sample *float64 `json:"sample,omitempty"`
	// Fields go out, in this order. "*" stands for all contents that are not named, __time__, __topic__, __source__ and __tag__:NAME for
	// what logs have beside their contents, "__tag__:*" for all tags [*, __time__, __topic__, __source__].
	Fields []string `json:"fields,omitempty"`
	// Types of fields: number, bool, json or text [text; __time__: number]. A value that is not of its type stays text.
	Types map[string]string `json:"types,omitempty"`
	// CustomFields go out together as the field CustomFields, an object.
	CustomFields *CustomFields `json:"customFields,omitempty"`
}

// Options are what a pipeline needs to know beside the spec.
type Options struct {
	Task  string        // names the task, for its sample
	Index *index.Config // how the logstore is indexed; nil: words are cut in the usual way, and every field can be searched
}

// Verdict is what becomes of a log.
type Verdict uint8

// The verdicts.
const (
	Keep     Verdict = iota // it goes out
	Filtered                // the filter does not let it through
	Sampled                 // it is not in the sample
)

// Pipeline is a compiled spec. One goroutine uses it.
type Pipeline struct {
	filter []condition
	search *searcher
	sample *sampler
	fields *projection
	log    view
}

// Compile checks a spec and makes its pipeline. Errors are Invalid of "deliverytask".
func Compile(s *Spec, o Options) (*Pipeline, error) {
	p := &Pipeline{}
	var err error
	if p.filter, err = s.Filter.compile(); err != nil {
		return nil, err
	}
	if p.search, err = newSearcher(s.Filter.Search, o.Index); err != nil {
		return nil, err
	}
	if p.sample, err = newSampler(s.Sample, o.Task); err != nil {
		return nil, err
	}
	if p.fields, err = newProjection(s); err != nil {
		return nil, err
	}
	return p, nil
}

// Apply looks at the log g.Records[i], which is at a place of a shard, and makes e of it if its verdict is Keep. e is reused; its texts
// are those of g, or valid until the next call.
func (p *Pipeline) Apply(shard sluice.ShardID, at sink.Point, g *sluice.LogGroup, i int, e *sink.Entry) Verdict {
	p.log.set(shard, at, g, i)
	for k := range p.filter {
		if !p.filter[k].holds(&p.log) {
			return Filtered
		}
	}
	if p.search != nil && !p.search.bound.Match(&p.log.Log) {
		return Filtered
	}
	if p.sample != nil && !p.sample.keeps(&p.log) {
		return Sampled
	}
	r := p.log.record
	e.At, e.Time, e.Nanos, e.Topic, e.Source, e.Tags = at, r.Time, r.Nanos, g.Topic, g.Source, g.Tags
	e.Fields = p.fields.append(e.Fields[:0], &p.log)
	return Keep
}

// Forget lets go of the log group that was looked at last, until the next Apply: pipelines that rest would each keep one in memory.
func (p *Pipeline) Forget() { p.log = view{seconds: p.log.seconds, time: p.log.time} }

// view is the log that is looked at.
type view struct {
	index.Log
	record *sluice.Record
	shard  sluice.ShardID
	at     sink.Point
	base   int // Fields()[:base] are of the log group

	group   *sluice.LogGroup
	seconds uint32 // that time is the text of
	time    string
}

func (v *view) set(shard sluice.ShardID, at sink.Point, g *sluice.LogGroup, i int) {
	if g != v.group || at.Position != v.at.Position || shard != v.shard {
		v.SetGroup(g)
		v.base = len(v.Fields())
		v.group = g
	}
	v.shard, v.at, v.record = shard, at, &g.Records[i]
	v.SetRecord(v.record)
}

// place is a field's name and where the last log had it: the next mostly has it there, too.
type place struct {
	name string
	last int
}

// value returns the value of a field, by its full name.
func (v *view) value(p *place) (value string, ok bool) {
	fields := v.Fields()
	if p.last < len(fields) && fields[p.last].Key == p.name {
		return fields[p.last].Value, true
	}
	for i := range fields {
		if fields[i].Key == p.name {
			p.last = i
			return fields[i].Value, true
		}
	}
	if p.name == index.TimeField {
		return v.timeText(), true
	}
	return "", false
}

func (v *view) timeText() string {
	if v.time == "" || v.seconds != v.record.Time {
		v.seconds = v.record.Time
		v.time = strconv.FormatUint(uint64(v.seconds), 10)
	}
	return v.time
}

func invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "deliverytask", format, args...)
}
