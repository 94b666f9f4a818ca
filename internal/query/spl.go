package query

import (
	"context"
	"errors"
	"strconv"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/query/spl"
)

// What pipelines may take.
const (
	maxPipelines = 16       // run at once; each may hold what spl.Options.Memory allows
	maxRowsBytes = 32 << 20 // of a page of rows; a page that is full earlier has fewer rows
)

// Rows is a page of what a pipeline makes of logs.
type Rows struct {
	Rows    [][]sluice.Field
	More    bool // there are rows behind the page
	InOrder bool // rows are in the order that was asked for, by their times to the nanosecond
	Failed  int  // rows that were dropped because they broke a bound
	Terms   []search.Highlighted
	Coverage
}

// errPageFull ends a run whose page is full.
var errPageFull = errors.New("the page is full")

// SPL runs a pipeline over the logs of a filter, in their order, and returns a page of the rows that leave it. The logs are gone
// through anew for each page, up to its end, or whole if the pipeline has to see all of them. Errors: those of the search and of
// its page; Invalid or Unsupported [query] for a pipeline that cannot be read; TooLarge [query] for one that needs too much
// memory; Unavailable.
func (e *Engine) SPL(ctx context.Context, p Page, pipeline string) (*Rows, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	parsed, err := spl.Parse(pipeline)
	if err != nil {
		return nil, err
	}
	q, err := e.prepare(ctx, p.Filter)
	if err != nil {
		return nil, err
	}
	leave, err := e.pipelinePlace(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	rows := &Rows{InOrder: parsed.InOrder(), Terms: q.bound.Terms}
	left, bytes := p.Offset, 0
	runner := spl.NewRunner(parsed, spl.Options{FoldNames: true, Now: e.o.Now}, func(fields []sluice.Field) error {
		if left > 0 {
			left--
			return nil
		}
		if len(rows.Rows) == p.Line || bytes > maxRowsBytes {
			rows.More = true
			return errPageFull
		}
		fields = unique(fields)
		for _, f := range fields {
			bytes += len(f.Key) + len(f.Value)
		}
		rows.Rows = append(rows.Rows, fields)
		return nil
	})
	rows.Coverage, err = e.walk(ctx, q, p.Reverse, func(l *Log) (bool, error) {
		err := runner.Row(rowOf(l))
		if _, failed := errors.AsType[*spl.RowError](err); failed {
			err = nil
		}
		return !runner.Done(), err
	})
	if err == nil {
		err = runner.Finish()
	}
	rows.Failed = runner.Failed()
	if errors.Is(err, errPageFull) {
		err = nil
	}
	return rows, err
}

// pipelinePlace waits for one of the places that pipelines have.
func (e *Engine) pipelinePlace(ctx context.Context) (leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.o.Budget, sluice.Errorf(sluice.Unavailable, "server", "the server is busy with other pipelines, please retry"))
	defer cancel()
	select {
	case e.pipelines <- struct{}{}:
		return func() { <-e.pipelines }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// rowOf makes a log the row that pipelines see.
func rowOf(l *Log) []sluice.Field {
	row := make([]sluice.Field, 0, len(l.Fields)+2)
	row = append(row, sluice.Field{Key: "__time__", Value: strconv.FormatUint(uint64(l.Time), 10)})
	if l.Nanos != 0 {
		row = append(row, sluice.Field{Key: "__time_ns_part__", Value: strconv.FormatUint(uint64(l.Nanos), 10)})
	}
	return append(row, l.Fields...)
}

// unique drops the fields that have the name of one before.
func unique(fields []sluice.Field) []sluice.Field {
	seen := make(map[string]bool, len(fields))
	kept := fields[:0]
	for _, f := range fields {
		if !seen[f.Key] {
			seen[f.Key] = true
			kept = append(kept, f)
		}
	}
	return kept
}
