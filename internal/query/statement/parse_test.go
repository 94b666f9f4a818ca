package statement_test

import (
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// statements cover the grammar; they seed the fuzzer too.
var statements = []string{
	"select 1",
	"select __time__ - __time__ % 60 as time, count(*) as pv group by time order by time limit 10000",
	"select date_trunc('hour', __time__) as t, approx_distinct(ip) as uv group by t order by t",
	"select url, count(*) as c group by url having c > 10 order by c desc limit 20",
	"select diff[1] as cur, diff[2] as prev, diff[3] as ratio from (select compare(pv,86400) as diff from (select count(*) as pv))",
	"select a.ip, b.name from log a join users b on a.uid = b.uid limit 0,50",
	"select k, count(*) c from log, unnest(cast(json_parse(tags) as array(varchar))) as t(k) group by k",
	`with a(x) as (select 1), b as (select * from a) select b.*, "info.latency" from b left join a using (x) cross join log`,
	"select 1 union all (select 2 intersect select 3) except select 4 order by 1 desc nulls first limit 3 offset 2",
	"select 1 intersect select 2 union select 3",
	"values 1, (2), (3)",
	"values (1, 'a'), row(2, 'b')",
	"select - -1, -(-x), -x * -3, +4, a - -b, not not a, not (a or b) and c",
	"select a + b * c - d / (e % f), (a + b) * c, a - (b - c), a || b || c",
	"select a is null, a is not null, a is distinct from b, a not between 1 and 2 + 3, a not in (1, 2), a in (select 1), a in ((select 1))",
	"select a like 'x%' escape '!', a not like b, (a = b) = c, a > all (select 1), a <> any (select 2), exists (select 3)",
	"select case a when 1 then 'x' else 'y' end, case when a then b end, if(a, b), cast(a as array(map(varchar, row(x bigint, double)))), try_cast(a as decimal(10,2))",
	"select transform(a, x -> x + 1), reduce(a, 0, (s, x) -> s + x, s -> s), f(() -> 1), (x -> y)",
	"select array[1, 2][1], array[], map(array['a'], array[1])['a'], row(1, 2), (1, 2), a.b.c, (a).b, f(x).y",
	"select date '2021-01-05', timestamp '2021-01-05 16:58:59', time '01:02:03', interval '2' day, interval - '1.5' second, double '1'",
	"select extract(hour from t), extract(dow from t), position('a' in b), substring(a from 2 for 3), normalize(a, NFD), t at time zone 'UTC'",
	"select X'0aFF', U&'\\0041\\\\\\+01F600', 1.5, .5, 1e3, 1E-3, 9223372036854775807, -9223372036854775808, 'it''s', \"a\"\"b\"",
	"select count(distinct a), sum(a) filter (where b), array_agg(a order by b desc), count(*) filter (where c) over (partition by d order by e rows between 1 preceding and current row)",
	"select first_value(a) ignore nulls over (order by b), lag(a, 1) over (rows unbounded preceding), max(a) over ()",
	"select a group by 1, rollup(a, b), cube((a, b), c), grouping sets ((a), (b), ()), (a, b), ()",
	"select * from log tablesample bernoulli(50)",
	"select * from (log a join log b on true) full join (select 1) t(x) on false",
	"select * from log a join log b join log c on true on false",
	"select current_date, current_timestamp, now() -- comment\n /* another */ ;",
	"set session mode=scan; set session parallel_sql = true; select 1",
	"select 数量 as 次数 from log where 名称 = '值'",
	"select 1 limit all",
	"select distinct t.*, a as b from log as t",
	`select "__tag__:__path__", "a b" from log as "t x"`,
	"select typeof(cast(null as row(a timestamp with time zone, b interval day to second)))",
}

func TestParsePrintParse(t *testing.T) {
	for _, text := range statements {
		s, err := statement.Parse(text)
		if err != nil {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		checkStable(t, s)
	}
}

func checkStable(t *testing.T, s *statement.Statement) {
	t.Helper()
	printed := s.String()
	again, err := statement.Parse(printed)
	if err != nil {
		t.Fatalf("what was printed is refused: %v\n%s", err, printed)
	}
	if got := again.String(); got != printed {
		t.Fatalf("printed   %s\nand again %s", printed, got)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range statements {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := statement.Parse(text)
		if err != nil {
			if k := sluice.KindOf(err); k != sluice.Invalid && k != sluice.Unsupported {
				t.Fatalf("%v: %v", k, err)
			}
			return
		}
		checkStable(t, s)
	})
}
