package query

import (
	"context"
	"errors"
	"sync"

	"github.com/sluicelog/sluice/internal/index"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/search"
	"github.com/sluicelog/sluice/internal/segment"
)

// sqlFiles are the files that one statement has open. What the engine reads of them is compared with our checksums first, for it
// compares nothing itself. Where a file cannot be had, or is damaged, the segment is read through its index instead, which is
// slower, and knows what to leave out.
type sqlFiles struct {
	engine *Engine

	mu   sync.Mutex // guards open
	open []*objects.File
}

// add gives a part the file of a segment, and reports whether it can. It is safe for concurrent use.
func (f *sqlFiles) add(ctx context.Context, p *duck.Part, q *question, s *indexer.Segment) bool {
	file, err := f.engine.sql.o.Files.File(ctx, s.Info().ParquetObject())
	if err != nil {
		if !errors.Is(err, objects.ErrNoFile) && ctx.Err() == nil {
			f.engine.o.Logger.Warn("segment cannot be had as a file, read piece by piece for a statement", "error", err)
		}
		return false
	}
	columns := append([]string{index.TimeField}, p.Names...)
	if err := s.Check(ctx, file.Version, append(columns, columnsOf(q.bound.Root)...)); err != nil {
		file.Release()
		if !errors.Is(err, segment.ErrUnchecked) && ctx.Err() == nil {
			f.engine.o.Logger.Error("segment does not pass its check, read piece by piece for a statement", "error", err)
		}
		return false
	}
	f.mu.Lock()
	f.open = append(f.open, file)
	f.mu.Unlock()
	p.Files = []string{file.Path}
	return true
}

// release lets the files go, when the engine has read them.
func (f *sqlFiles) release() {
	for _, file := range f.open {
		file.Release()
	}
	f.open = nil
}

// columnsOf lists the columns that a condition reads.
func columnsOf(n search.Node) []string {
	switch n := n.(type) {
	case search.And:
		return columnsOfAll(n)
	case search.Or:
		return columnsOfAll(n)
	case search.Not:
		return columnsOf(n.Node)
	case search.LongRange:
		return []string{n.Field.Name}
	case search.DoubleRange:
		return []string{n.Field.Name}
	case search.InField:
		return []string{n.Field.Name}
	case search.HasField:
		return []string{n.Field.Name}
	case search.EmptyField:
		return []string{n.Field.Name}
	}
	return nil
}

func columnsOfAll(nodes []search.Node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, columnsOf(n)...)
	}
	return all
}
