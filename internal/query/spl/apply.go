package spl

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// Fields that a log has from its group.
const (
	topicField  = "__topic__"
	sourceField = "__source__"
	tagPrefix   = "__tag__:"
)

// Stats counts what Apply did, for the headers of a pull (reference sls-api 3.2).
type Stats struct {
	Lines  int // that came in: x-log-rawdatalines
	Result int // that go out: x-log-resultlines
	Failed int // of those that came in: x-log-failedlines
	// Failure says why the first one failed; nil if none did.
	Failure error
}

// Add adds what happened to another group.
func (s *Stats) Add(t Stats) {
	s.Lines += t.Lines
	s.Result += t.Result
	s.Failed += t.Failed
	if s.Failure == nil {
		s.Failure = t.Failure
	}
}

// Apply runs a pipeline over the logs of a group and returns a group of those that are left, maybe none; group is not changed.
// Logs are rows of __time__, __time_ns_part__, __topic__, __source__, __tag__:name and their own fields, in this order.
//
// Time is changed by extend alone. Topic, source and tags are fields like others: what a command drops is gone, what it sets or
// renames to counts. They belong to the group again as far as all logs agree on them. Where logs differ, for the group is one
// and stays one, they stay fields of the logs under these names.
//
// A row that fails is kept as it came, or dropped: [Options.DropFailed]. An error means that there is no result: Invalid if the
// pipeline is none for streams, or the error of ctx, which is looked at between logs.
func (p *Pipeline) Apply(ctx context.Context, group *sluice.LogGroup, o Options) (*sluice.LogGroup, Stats, error) {
	if name := p.collector(); name != "" {
		return nil, Stats{}, sluice.Errorf(sluice.Invalid, "query",
			"%s looks at all logs of a query, so it cannot follow a stream; use it in a query", name)
	}
	rows := make([][]sluice.Field, 0, len(group.Records))
	shared := fieldsOf(group)
	var stats Stats
	var size int64
	runner := NewRunner(p, o, func(fields []sluice.Field) error {
		rows = append(rows, fields)
		return nil
	})
	for i := range group.Records {
		if err := ctx.Err(); err != nil {
			return nil, Stats{}, err
		}
		in, before := rowOf(shared, &group.Records[i]), len(rows)
		err := runner.Row(in)
		if err == nil {
			if size += fieldBytes(rows[before:]); size > runner.rt.Memory {
				size -= fieldBytes(rows[before:])
				rows = rows[:before]
				err = rowError("the log group becomes larger than %d bytes", runner.rt.Memory)
			}
		}
		switch bad, ok := errors.AsType[*RowError](err); {
		case err == nil:
		case !ok:
			return nil, Stats{}, err
		default:
			stats.Add(Stats{Failed: 1, Failure: bad})
			if !o.DropFailed {
				rows = append(rows, in)
			}
		}
	}
	stats.Lines, stats.Result = len(group.Records), len(rows)
	return groupOf(rows), stats, nil
}

func fieldBytes(rows [][]sluice.Field) int64 {
	n := 0
	for _, fields := range rows {
		for _, f := range fields {
			n += len(f.Key) + len(f.Value)
		}
	}
	return int64(n)
}

// fieldsOf makes the fields that all logs of a group share.
func fieldsOf(g *sluice.LogGroup) []sluice.Field {
	fields := []sluice.Field{{Key: topicField, Value: g.Topic}, {Key: sourceField, Value: g.Source}}
	for _, tag := range g.Tags {
		fields = append(fields, sluice.Field{Key: tagPrefix + tag.Key, Value: tag.Value})
	}
	return fields
}

// rowOf makes the fields of a row.
func rowOf(shared []sluice.Field, r *sluice.Record) []sluice.Field {
	fields := make([]sluice.Field, 0, 2+len(shared)+len(r.Fields))
	fields = append(fields,
		sluice.Field{Key: timeField, Value: strconv.FormatUint(uint64(r.Time), 10)},
		sluice.Field{Key: nanosField, Value: strconv.FormatUint(uint64(r.Nanos), 10)})
	return append(append(fields, shared...), r.Fields...)
}

// groupOf makes a log group of rows.
func groupOf(rows [][]sluice.Field) *sluice.LogGroup {
	g := &sluice.LogGroup{}
	if len(rows) == 0 {
		return g
	}
	shared := sharedFields(rows)
	for _, f := range shared {
		switch f.Key {
		case topicField:
			g.Topic = f.Value
		case sourceField:
			g.Source = f.Value
		default:
			g.Tags = append(g.Tags, sluice.Field{Key: f.Key[len(tagPrefix):], Value: f.Value})
		}
	}
	g.Records = make([]sluice.Record, len(rows))
	for i, fields := range rows {
		g.Records[i] = recordOf(fields, shared)
	}
	return g
}

// sharedFields returns the fields of a group that all rows have with the same value.
func sharedFields(rows [][]sluice.Field) []sluice.Field {
	shared := groupFields(nil, rows[0])
	var own []sluice.Field
	for _, fields := range rows[1:] {
		own = groupFields(own[:0], fields)
		if slices.Equal(shared, own) {
			continue
		}
		times := make(map[sluice.Field]int, len(own))
		for _, f := range own {
			times[f]++
		}
		shared = slices.DeleteFunc(shared, func(f sluice.Field) bool {
			times[f]--
			return times[f] < 0
		})
	}
	return shared
}

// groupFields appends the first topic, the first source and all tags of a row.
func groupFields(own, fields []sluice.Field) []sluice.Field {
	var topic, source bool
	for _, f := range fields {
		switch {
		case f.Key == topicField && !topic:
			topic = true
		case f.Key == sourceField && !source:
			source = true
		case !strings.HasPrefix(f.Key, tagPrefix):
			continue
		}
		own = append(own, f)
	}
	return own
}

// recordOf makes a log of a row, without what belongs to the group.
func recordOf(fields, shared []sluice.Field) sluice.Record {
	var r sluice.Record
	n := 2 + len(shared)
	if len(fields) >= n && fields[0].Key == timeField && fields[1].Key == nanosField && slices.Equal(fields[2:n], shared) {
		r.Time, r.Nanos = number32(fields[0].Value), number32(fields[1].Value)
		if len(fields) > n {
			r.Fields = fields[n:]
		}
		return r
	}
	taken := make(map[sluice.Field]int, len(shared))
	for _, f := range shared {
		taken[f]++
	}
	var seconds, nanos bool
	for _, f := range fields {
		switch {
		case f.Key == timeField && !seconds:
			r.Time, seconds = number32(f.Value), true
		case f.Key == nanosField && !nanos:
			r.Nanos, nanos = number32(f.Value), true
		case taken[f] > 0:
			taken[f]--
		default:
			r.Fields = append(r.Fields, f)
		}
	}
	return r
}

// number32 reads what rowOf wrote, or what extend has checked.
func number32(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}
