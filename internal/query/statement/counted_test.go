package statement_test

import (
	"fmt"
	"testing"
	"time"
)

// TestCounted says for statements which of their inputs may be given counted, and how wide the spans of time are: rows where not.
func TestCounted(t *testing.T) {
	f := func(want, text string) {
		t.Helper()
		got := ""
		for _, in := range mustPlan(t, text, options).Inputs {
			if in.Counted {
				got += fmt.Sprintf("%ds ", in.Every)
			} else {
				got += "rows "
			}
		}
		if got != want+" " {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f("0s", "select count(*)")
	f("0s", "select count(1) as c, count(*) * 2 as d having count(*) > 3")
	f("0s", "select count(*), now() from log limit 3")
	f("60s", "select date_trunc('minute', __time__) as t, count(*) as c group by t order by t limit 10000")
	f("60s", "select date_trunc('minute', from_unixtime(__time__)), count(*) group by 1 order by 2 desc")
	f("3600s", "select date_trunc('day', __date__) as t, count(*) group by t having count(*) > 1")
	f("3600s", "select date_trunc('MONTH', __time__) as t, count(*) group by date_trunc('MONTH', __time__)")
	f("300s", "select __time__ - __time__ % 300 as t, count(*) group by t")
	f("60s", "select __time__ - __time__ % 300 as t, date_trunc('minute', __time__), count(*) group by 1, 2")
	f("60s", "select time_series(__time__, '1m', '%H:%i', '0') as t, count(*) as c group by t order by t")
	f("3600s", "select time_series(__time__, '1d', '%m-%d', 'last') as t, count(*) as c group by t")
	f("60s", "select date_format(date_trunc('minute', __time__), '%H:%i') as t, count(*) group by t")
	f("1s", "select date_format(__time__, '%H:%i') as t, count(*) group by t")
	f("1s", "select min(__time__), max(__time__), count(*)")
	f("1s", "select count(*) where __time__ > 1700000000")
	f("1s", "select count(*) filter (where __time__ % 2 = 0)")
	f("1s", "select date_trunc('minute', __time__) as t, count(*) group by t, __time__ order by __time__")
	f("60s", "select t, sum(c) over (order by t) from (select date_trunc('minute', __time__) as t, count(*) as c group by t)")
	f("60s", "select date_trunc('minute', __time__) as t, count(*), sum(count(*)) over (order by date_trunc('minute', __time__)) group by 1")
	f("60s", "with a as (select date_trunc('minute', __time__) as t, count(*) as c group by t) select max(c) from a")
	f("0s 0s", "select compare(count(*), 86400)")
	f("3600s 3600s", "select date_trunc('hour', __time__) as t, compare(count(*), 86400) group by t")
	f("60s", "select date_trunc('minute', __time__) as t, count(*) group by rollup(t)")
	f("60s", "(select count(*)) union all (select count(*) group by date_trunc('minute', __time__))")

	f("rows", "select count(*), max(status)")
	f("rows", "select count(status)")
	f("rows", "select count(*) where method = 'a'")
	f("rows", "select count(distinct __time__)")
	f("rows", "select sum(__time__), count(*)")
	f("rows", "select avg(__time__)")
	f("rows", "select array_agg(__time__)")
	f("rows", "select __time__")
	f("rows", "select distinct __time__")
	f("rows", "select count(*) over ()")
	f("rows", "select count(*) where rand() < 0.5")
	f("rows", "select count(*) from log tablesample bernoulli (10)")
	f("rows", "select count(*) from log a, log b")
	f("rows", "select count(*) from (select __time__ from log)")
	f("rows", "select count(*) from log where __time__ in (select max(status) from log)")
	f("rows", "select (select count(*)), max(status)") // both read the same input
	f("rows", "select count(*) from log group by __time__ having exists (select 1 from log where status = 1)")
}

// TestCountedInAZone: the hours of some zones begin at half past.
func TestCountedInAZone(t *testing.T) {
	for zone, want := range map[string]int64{"UTC": 3600, "Asia/Kolkata": 1800, "Asia/Kathmandu": 900, "Africa/Monrovia": 30} {
		o := options
		var err error
		if o.Location, err = time.LoadLocation(zone); err != nil {
			t.Fatal(err)
		}
		p := mustPlan(t, "select date_trunc('day', __time__) as t, count(*) group by t", o)
		if got := p.Inputs[0].Every; got != want {
			t.Errorf("%s: spans of %d s, want %d", zone, got, want)
		}
	}
}

func TestCountsInput(t *testing.T) {
	for text, want := range map[string]bool{
		"select count(*)": true,
		"select count(*) as c, count(1) order by c limit 5":       true,
		"select count(*) limit 0":                                 false,
		"select count(*) limit 1,5":                               false,
		"select count(*) + 1":                                     false,
		"select count(*) filter (where 1 = 2)":                    false,
		"select count(*) where 1 = 2":                             false,
		"select count(*) having count(*) > 5":                     false,
		"select count(*) group by ()":                             false,
		"select count(*) group by date_trunc('minute', __time__)": false,
		"select count(*) from (select count(*) from log)":         false,
		"select count(*) union all select count(*)":               false,
		"select compare(count(*), 60)":                            false,
		"select count(status)":                                    false,
		"with a as (select count(*) from log) select count(*)":    false,
	} {
		if got := mustPlan(t, text, options).CountsInput(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
