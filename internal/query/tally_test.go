package query_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// counting are statements that need no rows, only how many there are: FROM stands for a table, once as it is and once as a query, which
// is not counted, so that the SQL engine reads every row.
var counting = []string{
	"select count(*) FROM",
	"select count(1) as c, count(*) as d FROM limit 5",
	"select count(*) / 2e0 as c FROM having count(*) >= 0",
	"select count(*) as c, min(__time__) as a, max(__time__) as b FROM",
	"select date_trunc('second', __time__) as tm, count(*) as num FROM group by tm order by tm limit 10000",
	"select date_trunc('minute', __time__) as tm, count(*) as num FROM group by tm order by tm limit 10000",
	"select date_trunc('minute', from_unixtime(__time__)) as tm, count(*) as num FROM group by tm order by num desc, tm limit 3",
	"select date_trunc('hour', __time__) as tm, count(*) as num FROM group by tm having count(*) > 2 order by tm",
	"select date_trunc('day', __date__) as tm, count(*) as num FROM group by tm order by tm",
	"select date_trunc('week', __time__) as w, date_trunc('hour', __time__) as tm, count(*) as num FROM group by w, tm order by tm",
	"select __time__ - __time__ % 7 as tm, count(*) as num FROM group by tm order by tm limit 10000",
	"select __time__ - __time__ % 600 as tm, count(*) as num FROM group by 1 order by 1",
	"select date_format(__time__ - __time__ % 60, '%H:%i') as tm, count(*) as num FROM group by tm order by tm limit 10000",
	"select date_format(__time__, '%H') as tm, count(*) as num FROM group by tm order by tm",
	"select hour(__time__) as h, minute(__time__) as m, count(*) as num FROM group by h, m order by h, m limit 10000",
	"select time_series(__time__, '1m', '%H:%i:%s', '0') as tm, count(*) as num FROM group by tm order by tm limit 10000",
	"select time_series(__time__, '90s', '%H:%i:%s', 'last') as tm, count(*) as num FROM group by tm order by tm limit 10000",
	"select __time__ as tm, count(*) as num FROM group by __time__ order by tm limit 10000",
	"select count(*) as num FROM where __time__ % 2 = 0",
	"select count(*) filter (where __time__ % 3 = 0) as a, count(*) as b FROM",
	"select date_trunc('minute', __time__) as tm, count(*) as num FROM group by rollup(date_trunc('minute', __time__)) order by tm nulls last, num",
	"select tm, sum(num) over (order by tm) as s from (select date_trunc('minute', __time__) as tm, count(*) as num FROM group by tm) order by tm limit 10000",
	"select max(num) as m, min(num) as n from (select __time__ - __time__ % 60 as tm, count(*) as num FROM group by tm)",
	"with m as (select date_trunc('minute', __time__) as tm, count(*) as num FROM group by tm) select count(*) as n, sum(num) as s from m",
	"select compare(count(*), 60) as c FROM",
	"select distinct num from (select date_trunc('minute', __time__) as tm, count(*) as num FROM group by tm) order by num",
}

// TestCountsAlike compares counts of the index with those of rows, over logs of many shapes and ages.
func TestCountsAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	s := newSegmented(t, sqlConfig)
	defer s.closeSQL()
	for range 5 {
		s.write(r, 30)
		if err := s.index.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.write(r, 3) // behind the index
		now := s.Clock.Now().Unix()
		for range 8 {
			from := now - r.Int64N(2400)
			f := query.Filter{
				Ref: catalogtest.Ref, Search: []string{"*", "n > 0", "d >= 1.5 or n in [0 10]", "not n > 0", "abc", "t:abc", "nothing"}[r.IntN(7)],
				Range: query.Range{From: from*1e9 + r.Int64N(2)*300_000_000, To: (from+1+r.Int64N(1800))*1e9 + r.Int64N(2)*700_000_000},
			}
			s.countAlike(f, counting[r.IntN(len(counting))])
		}
	}
	all := query.Filter{Ref: catalogtest.Ref, Range: query.Range{From: (s.Clock.Now().Unix() - 86400) * 1e9, To: s.Clock.Now().Add(time.Hour).Unix() * 1e9}}
	for _, text := range counting {
		s.countAlike(all, text)
	}
}

func (s *segmented) countAlike(f query.Filter, text string) {
	s.t.Helper()
	rows, err := s.indexed.SQL(s.t.Context(), f, strings.Replace(text, "FROM", "from (select __time__, __date__ from log) log", 1))
	if err != nil {
		s.t.Fatalf("%s, over rows: %v", text, err)
	}
	for name, e := range map[string]*query.Engine{"segments": s.indexed, "shard logs": s.plain} {
		counted, err := e.SQL(s.t.Context(), f, strings.Replace(text, "FROM", "from log", 1))
		if err != nil {
			s.t.Fatalf("%s, counted in %s: %v", text, name, err)
		}
		if diff := cmp.Diff(fmt.Sprint(rows.Columns, rows.Types, rows.Rows), fmt.Sprint(counted.Columns, counted.Types, counted.Rows)); diff != "" || !counted.Complete {
			s.t.Fatalf("%q | %s over %v (complete %v; -rows +counted in %s):\n%s", f.Search, text, f.Range, counted.Complete, name, diff)
		}
	}
}
