package statement

import (
	"strconv"
	"strings"
)

var aggregateFunctions = section{"Aggregates", aggregate, []row{
	{sig: "count(*) bigint", duck: "{count *}", example: "count(*) → 5"},
	{sig: "count(any) bigint", duck: "{count $1}", example: "count(s) → 4"},
	{sig: "count_if(boolean) bigint", duck: "CAST({count_if $1} AS BIGINT)", example: "count_if(n > 2) → 3"},
	{sig: "sum(bigint) bigint", duck: "CAST({sum $1} AS BIGINT)", example: "sum(n) → 15"},
	{sig: "sum(double) double", duck: "{sum $1}", example: "sum(x) → 17.5"},
	{sig: "sum(decimal) decimal", duck: "{sum $1}", example: "sum(cast(x as decimal(10,1))) → 17.5"},
	{sig: "avg(number) double", duck: "{avg $1}", example: "avg(n) → 3.0"},
	{sig: "min(T) T", duck: "{min $1}", example: "min(s) → a"},
	{sig: "max(T) T", duck: "{max $1}", example: "max(x) → 5.5"},
	{sig: "min(T, bigint) array(T)", duck: "{min $1, $2}", example: "min(n, 2) → [1,2]"},
	{sig: "max(T, bigint) array(T)", duck: "{max $1, $2}", example: "max(n, 2) → [5,4]"},
	{sig: "min_by(T, E) T", duck: "{arg_min_null $1, $2}", example: "min_by(s, n) → a"},
	{sig: "max_by(T, E) T", duck: "{arg_max_null $1, $2}", example: "max_by(s, n) → null"},
	{sig: "min_by(T, E, bigint) array(T)", duck: "{arg_min $1, $2, $3}", example: "min_by(s, n, 2) → [\"a\",\"b\"]"},
	{sig: "max_by(T, E, bigint) array(T)", duck: "{arg_max $1, $2, $3}", example: "max_by(x, n, 2) → [5.5,4.5]"},
	{sig: "arbitrary(T) T", duck: "{any_value $1}", example: "arbitrary(s) → a"},
	{sig: "any_value(T) T", duck: "{any_value $1}", example: "any_value(s) → a"},
	{sig: "array_agg(T) array(T)", duck: "{list $1}", example: "array_agg(n order by n desc) → [5,4,3,2,1]"},
	{sig: "bool_and(boolean) boolean", duck: "{bool_and $1}", example: "bool_and(n > 1) → false"},
	{sig: "every(boolean) boolean", duck: "{bool_and $1}", example: "every(n > 0) → true"},
	{sig: "bool_or(boolean) boolean", duck: "{bool_or $1}", example: "bool_or(n > 4) → true"},
	{sig: "bitwise_and_agg(bigint) bigint", duck: "{bit_and $1}", example: "bitwise_and_agg(n) → 0"},
	{sig: "bitwise_or_agg(bigint) bigint", duck: "{bit_or $1}", example: "bitwise_or_agg(n) → 7"},
	{
		sig:  "checksum(any) varbinary",
		duck: "unhex(substr(md5(CAST({sum hash($1)} AS VARCHAR)), 1, 16))", example: "length(checksum(n)) → 8",
	},
	{sig: "geometric_mean(number) double", duck: "{geometric_mean $1}", example: "round(geometric_mean(n), 3) → 2.605"},
	{sig: "kurtosis(double) double", duck: "{kurtosis $1}", example: "round(kurtosis(x), 3) → -1.2"},
	{
		sig:     "skewness(double) double", // the engine corrects for the bias, the dialect does not
		duck:    "({skewness $1} * ({count $1} - 2) / sqrt({count $1} * ({count $1} - 1)))",
		example: "round(skewness(x), 3) → 0.0",
	},
	{
		sig: "map_union(map(K, V)) map(K, V)", duck: "list_reduce({list $1}, lambda a, b: map_concat(a, b))",
		example: "element_at(map_union(map(array[n], array[x])), 2) → 2.5",
	},
	{
		sig: "map_agg(K, V) map(K, V)", duck: mapAgg + "map_from_entries(list_transform(u.s, lambda i: u.l[i]))" + mapAggEnd,
		example: "element_at(map_agg(n, x), 3) → 3.5",
	},
	{
		sig: "multimap_agg(K, V) map(K, array(V))", duck: mapAgg + "map_from_entries(list_transform(u.s, lambda i, j: struct_pack(k := u.l[i].k, v := list_transform(range(i, coalesce(u.s[j + 1], len(u.l) + 1)), lambda q: u.l[q].v))))" + mapAggEnd,
		example: "element_at(multimap_agg(s, n), 'a') → [1,3]",
	},
	{
		sig: "histogram(K) map(K, bigint)", duck: "CAST({histogram $1} AS MAP($T1, BIGINT))",
		example: "element_at(histogram(s), 'a') → 2",
	},
	{sig: "corr(double, double) double", duck: "{corr $1, $2}", example: "round(corr(n, x), 6) → 1.0"},
	{sig: "covar_pop(double, double) double", duck: "{covar_pop $1, $2}", example: "covar_pop(n, x) → 2.0"},
	{sig: "covar_samp(double, double) double", duck: "{covar_samp $1, $2}", example: "covar_samp(n, x) → 2.5"},
	{sig: "regr_slope(double, double) double", duck: "{regr_slope $1, $2}", example: "regr_slope(x, n) → 1.0"},
	{sig: "regr_intercept(double, double) double", duck: "{regr_intercept $1, $2}", example: "regr_intercept(x, n) → 0.5"},
	{sig: "stddev(double) double", duck: "{stddev_samp $1}", example: "round(stddev(n), 4) → 1.5811"},
	{sig: "stddev_samp(double) double", duck: "{stddev_samp $1}", example: "round(stddev_samp(n), 4) → 1.5811"},
	{sig: "stddev_pop(double) double", duck: "{stddev_pop $1}", example: "round(stddev_pop(n), 4) → 1.4142"},
	{sig: "variance(double) double", duck: "{var_samp $1}", example: "variance(n) → 2.5"},
	{sig: "var_samp(double) double", duck: "{var_samp $1}", example: "var_samp(n) → 2.5"},
	{sig: "var_pop(double) double", duck: "{var_pop $1}", example: "var_pop(n) → 2.0"},
	{
		sig:     "window_funnel(bigint, bigint, varchar, array(varchar)) bigint",
		duck:    "sluice_funnel_events($1, {list $2}" + bounded + ", {list $3}" + bounded + ", {first $4})",
		example: "window_funnel(10, n, s, array['a', 'b', 'c']) → 2",
	},
	{
		sig:     "window_funnel(bigint, bigint, array(boolean)) bigint",
		duck:    "sluice_funnel_steps($1, {list $2}" + bounded + ", {list $3}" + bounded + ")",
		example: "window_funnel(10, n, array[n = 1, n = 2, n = 4]) → 3",
	},
}}

// bounded cuts a list given to one of our functions just behind the length at which that function refuses it.
const bounded = "[1:1000001]"

// mapAgg sorts the pairs of keys and values (u.l), so that equal keys lie side by side, and finds where each key begins (u.s).
// What is built on it takes elements by their number: slices of a list, one for each of its elements, take quadratic time.
const (
	mapAgg = "list_transform(list_transform([list_filter(list_sort({list struct_pack(k := $1, v := $2)}), lambda e: e.k IS NOT NULL)], " +
		"lambda l: struct_pack(l := l, s := list_filter(range(1, len(l) + 1), lambda i: i = 1 OR l[i].k <> l[i - 1].k))), lambda u: "
	mapAggEnd = ")[1]"
)

// Sketches: values of type HyperLogLog hold 2048 registers, for an error of 2.3 %. The engine finds index and rank of each
// hash; distinct pairs of them are few however many rows there are.
var sketchFunctions = section{"Approximation", aggregate, []row{
	{sig: "approx_distinct(any) bigint", duck: "{approx_count_distinct $1}", example: "approx_distinct(s) → 3"},
	{sig: "approx_distinct(any, double) bigint", duck: "{approx_count_distinct $1}", example: "approx_distinct(s, 0.1) → 3"},
	{sig: "approx_percentile(bigint, double) bigint", print: percentile, example: "approx_percentile(n, 0.5) → 3"},
	{sig: "approx_percentile(double, double) double", print: percentile, example: "approx_percentile(x, 0.5) → 3.5"},
	{sig: "approx_percentile(bigint, array(double)) array(bigint)", print: percentile, example: "approx_percentile(n, array[0, 1]) → [1,5]"},
	{sig: "approx_percentile(double, array(double)) array(double)", print: percentile, example: "approx_percentile(x, array[0.5, 1]) → [3.5,5.5]"},
	{
		sig: "approx_percentile(double, double, double) double", duck: "sluice_percentile({list $1}" + bounded + ", {list $2}" + bounded + ", $3)",
		example: "approx_percentile(x, n, 0.5) → 4.5",
	},
	{
		sig:     "approx_percentile(double, double, array(double)) array(double)",
		duck:    "list_transform([struct_pack(v := {list $1}" + bounded + ", w := {list $2}" + bounded + ", p := $3)], lambda t: list_transform(t.p, lambda q: sluice_percentile(t.v, t.w, q)))[1]",
		example: "approx_percentile(x, n, array[0.5, 1.0]) → [4.5,5.5]",
	},
	{
		sig: "numeric_histogram(bigint, double) map(double, double)", duck: "CAST(CAST(sluice_histogram($1, {list $2}" + bounded + ", {list 1e0}" + bounded + ") AS JSON) AS MAP(DOUBLE, DOUBLE))",
		example: "numeric_histogram(2, x) → {\"2.0\":2.0,\"4.5\":3.0}",
	},
	{
		sig: "numeric_histogram(bigint, double, double) map(double, double)", duck: "CAST(CAST(sluice_histogram($1, {list $2}" + bounded + ", {list $3}" + bounded + ") AS JSON) AS MAP(DOUBLE, DOUBLE))",
		example: "cardinality(numeric_histogram(2, x, n)) → 2",
	},
	{
		sig:     "approx_set(any) HyperLogLog",
		duck:    "sluice_hll({list DISTINCT CASE WHEN $1 IS NOT NULL THEN CAST((hash($1) & 2047) * 64 + CASE WHEN hash($1) >> 12 = 0 THEN 53 ELSE 52 - floor(log2(CAST(hash($1) >> 12 AS DOUBLE))) END AS BIGINT) END})",
		example: "cardinality(approx_set(s)) → 3",
	},
	{sig: "merge(HyperLogLog) HyperLogLog", duck: "sluice_hll_merge({list $1}" + bounded + ")", example: "cardinality(merge(empty_approx_set())) → 0"},
}}

var sketchValues = section{"Approximation", scalar, []row{
	{sig: "empty_approx_set() HyperLogLog", duck: "sluice_hll([]::BIGINT[])", example: "cardinality(empty_approx_set()) → 0"},
	{sig: "cardinality(HyperLogLog) bigint", duck: "sluice_hll_count($1)", example: "cardinality(approx_set(n)) → 5"},
}}

// percentile: the engine wants the shares as constants, of type FLOAT for a digest.
func percentile(p *duckPrinter, c *call) string {
	engine, typ := "approx_quantile", "::FLOAT"
	if c.over == nil && p.fewRows(c.name) {
		engine, typ = "quantile_disc", "::DOUBLE"
	}
	var all []string
	for _, share := range shares(c.args[1]) {
		v, ok := numberValue(share)
		if !ok || v < 0 || v > 1 {
			p.fail(share.at(), "a percentile is a constant between 0 and 1")
		}
		all = append(all, strconv.FormatFloat(v, 'f', -1, 64)+typ)
	}
	text := strings.Join(all, ", ")
	if _, list := c.args[1].(*arrayLit); list {
		text = "[" + text + "]"
	}
	return p.templateWith("{"+engine+" $1, $P}", c, map[string]string{"$P": text})
}

// fewRows reports whether all values that the calls of a function get fit into memory: exact percentiles of millions of rows cost
// half of what a digest of them does, and the engine does not count the memory of either.
func (p *duckPrinter) fewRows(function string) bool {
	const most = 8 << 20 // values of 8 bytes
	calls := int64(0)
	for c := range p.info.calls {
		if c.name == function {
			calls++
		}
	}
	return p.rows > 0 && p.rows*calls <= most
}

func shares(e expr) []expr {
	if a, ok := e.(*arrayLit); ok {
		return a.elems
	}
	return []expr{e}
}

var windowFunctions = section{"Windows", windowed, []row{
	{sig: "row_number() bigint", duck: "{row_number}", example: "row_number() over (order by n desc) → 5"},
	{sig: "rank() bigint", duck: "{rank}", example: "rank() over (order by n) → 1"},
	{sig: "dense_rank() bigint", duck: "{dense_rank}", example: "dense_rank() over (order by n desc) → 5"},
	{sig: "percent_rank() double", duck: "{percent_rank}", example: "percent_rank() over (order by n) → 0.0"},
	{sig: "cume_dist() double", duck: "{cume_dist}", example: "cume_dist() over (order by n) → 0.2"},
	{sig: "ntile(bigint) bigint", duck: "{ntile $1}", example: "ntile(2) over (order by n) → 1"},
	{sig: "lag(T) T", duck: "{lag $1}", example: "lag(n) over (order by n desc) → 2"},
	{sig: "lag(T, bigint) T", duck: "{lag $1, $2}", example: "lag(n, 2) over (order by n desc) → 3"},
	{sig: "lag(T, bigint, T) T", duck: "{lag $1, $2, $3}", example: "lag(n, 2, 0) over (order by n) → 0"},
	{sig: "lead(T) T", duck: "{lead $1}", example: "lead(n) over (order by n) → 2"},
	{sig: "lead(T, bigint) T", duck: "{lead $1, $2}", example: "lead(n, 2) over (order by n) → 3"},
	{sig: "lead(T, bigint, T) T", duck: "{lead $1, $2, $3}", example: "lead(n, 9, 0) over (order by n) → 0"},
	{sig: "first_value(T) T", duck: "{first_value $1}", example: "first_value(n) over (order by n desc) → 5"},
	{sig: "last_value(T) T", duck: "{last_value $1}", example: "last_value(n) over (order by n) → 1"},
	{sig: "nth_value(T, bigint) T", duck: "{nth_value $1, $2}", example: "nth_value(n, 2) over (order by n desc) → 4"},
}}

// rowMakers stand alone in a select list and become two columns, key and value, with a row for each entry of a map.
var rowMakers = section{"Rows", rowMaker, []row{
	{sig: "histogram_u(K) map(K, bigint)", duck: "CAST({histogram $1} AS MAP($T1, BIGINT))"},
	{
		sig:  "numeric_histogram_u(bigint, double) map(double, double)",
		duck: "CAST(CAST(sluice_histogram($1, {list $2}" + bounded + ", {list 1e0}" + bounded + ") AS JSON) AS MAP(DOUBLE, DOUBLE))",
	},
}}
