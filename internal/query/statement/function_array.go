package statement

var arrayFunctions = section{"Arrays", scalar, []row{
	{sig: "array_distinct(array(T)) array(T)", duck: "list_distinct($1)", example: "array_distinct(array[2, 2]) → [2]"},
	{sig: "array_except(array(T), array(T)) array(T)", duck: "CASE WHEN len($1) * len($2) > 10000000 THEN error('the arrays are too long') ELSE list_distinct(list_filter($1, lambda e: NOT list_contains($2, e))) END", example: "array_except(array[1, 2], array[2]) → [1]"},
	{sig: "array_intersect(array(T), array(T)) array(T)", duck: "list_intersect($1, $2)", example: "array_intersect(array[1, 2], array[2, 3]) → [2]"},
	{sig: "array_union(array(T), array(T)) array(T)", duck: "list_sort(list_distinct(list_concat($1, $2)))", example: "array_union(array[1, 2], array[2, 3]) → [1,2,3]"},
	{sig: "array_join(array(T), varchar) varchar", print: joined("list_filter($1, lambda e: e IS NOT NULL)"), example: "array_join(array['a', null, 'b'], '-') → a-b"},
	{sig: "array_join(array(T), varchar, varchar) varchar", print: joined("list_transform($1, lambda e: coalesce(CAST(e AS VARCHAR), $3))"), example: "array_join(array['a', null, 'b'], '-', '?') → a-?-b"},
	{sig: "array_max(array(T)) T", duck: "list_max($1)", example: "array_max(array[1, 3, 2]) → 3"},
	{sig: "array_min(array(T)) T", duck: "list_min($1)", example: "array_min(array[3, 1, 2]) → 1"},
	{sig: "array_position(array(T), T) bigint", duck: "coalesce(CAST(array_position($1, $2) AS BIGINT), 0)", example: "array_position(array['a', 'b'], 'b') → 2"},
	{sig: "array_remove(array(T), T) array(T)", duck: "list_filter($1, lambda e: e <> $2)", example: "array_remove(array[1, 2, 1], 1) → [2]"},
	{sig: "array_sort(array(T)) array(T)", duck: "list_sort($1)", example: "array_sort(array[3, null, 1]) → [1,3,null]"},
	{
		sig: "array_transpose(array(array(T))) array(array(T))", duck: "list_transform([$1], lambda m: list_transform(range(1, len(m[1]) + 1), lambda i: list_transform(m, lambda r: r[i])))[1]",
		example: "array_transpose(array[array[1, 2], array[3, 4]]) → [[1,3],[2,4]]",
	},
	{sig: "arrays_overlap(array(T), array(T)) boolean", duck: "list_has_any($1, $2)", example: "arrays_overlap(array[1, 2], array[2, 3]) → true"},
	{sig: "cardinality(array(T)) bigint", duck: "len($1)", example: "cardinality(array[1, 2]) → 2"},
	{sig: "concat(array(T)...) array(T)", print: func(p *duckPrinter, c *call) string { return joinAll(p, c) }, example: "concat(array[1], array[2]) → [1,2]"},
	{sig: "contains(array(T), T) boolean", duck: "list_contains($1, $2)", example: "contains(array['a', 'b'], 'b') → true"},
	{sig: "element_at(array(T), bigint) T", duck: "list_extract($1, $2)", example: "element_at(array['a', 'b'], -1) → b"},
	{sig: "flatten(array(array(T))) array(T)", duck: "flatten($1)", example: "flatten(array[array[1], array[2, 3]]) → [1,2,3]"},
	{sig: "sequence(bigint, bigint) array(bigint)", print: sequence("$1", "$2", "CASE WHEN $1 <= $2 THEN 1::BIGINT ELSE -1::BIGINT END", "abs($2 - $1)"), example: "sequence(1, 3) → [1,2,3]"},
	{sig: "sequence(bigint, bigint, bigint) array(bigint)", print: sequence("$1", "$2", "$3", "abs(($2 - $1) // $3)"), example: "sequence(1, 7, 3) → [1,4,7]"},
	{
		sig: "sequence(timestamp, timestamp, interval) array(timestamp)", print: sequence("CAST($1 AS TIMESTAMP)", "CAST($2 AS TIMESTAMP)", "$3", "abs((epoch_ms(CAST($2 AS TIMESTAMP)) - epoch_ms(CAST($1 AS TIMESTAMP))) // CAST(epoch($3) * 1000 AS BIGINT))"),
		example: "cardinality(sequence(date '2021-01-01', date '2021-01-03', interval '1' day)) → 3",
	},
	{sig: "shuffle(array(T)) array(T)", duck: "list_transform(list_sort(list_transform($1, lambda e: struct_pack(r := random(), e := e))), lambda t: t.e)", example: "cardinality(shuffle(array[1, 2, 3])) → 3"},
	{
		sig:     "slice(array(T), bigint, bigint) array(T)",
		duck:    "CASE WHEN $2 > 0 THEN list_slice($1, $2, $2 + $3 - 1) ELSE list_slice($1, len($1) + $2 + 1, len($1) + $2 + $3) END",
		example: "slice(array[1, 2, 3, 4], -3, 2) → [2,3]",
	},
	{sig: "reverse(array(T)) array(T)", duck: "list_reverse($1)", example: "reverse(array[1, 2]) → [2,1]"},
	{sig: "zip(array(T), array(U)) array(row(T, U))", duck: "list_transform(list_zip($*), lambda t: struct_pack(f1 := t[1], f2 := t[2]))", example: "zip(array[1, 2], array['a', 'b']) → [[1,\"a\"],[2,\"b\"]]"},
	{
		sig: "zip(array(T), array(U), array(V)) array(row(T, U, V))", duck: "list_transform(list_zip($*), lambda t: struct_pack(f1 := t[1], f2 := t[2], f3 := t[3]))",
		example: "zip(array[1], array['a'], array[true]) → [[1,\"a\",true]]",
	},
	{sig: "zip_with(array(T), array(U), (T, U)->R) array(R)", print: zipWith, example: "zip_with(array[1, 2], array[3, 4], (a, b) -> a * b) → [3,8]"},
	{sig: "filter(array(T), (T)->boolean) array(T)", duck: "list_filter($1, $2)", example: "filter(array[1, 5, 3], e -> e > 2) → [5,3]"},
	{sig: "transform(array(T), (T)->R) array(R)", duck: "list_transform($1, $2)", example: "transform(array[1, 2], e -> e * 2) → [2,4]"},
	{sig: "reduce(array(T), S, (S, T)->S, (S)->R) R", duck: "list_transform([list_reduce($1, $3, $2)], $4)[1]", example: "reduce(array[1, 2, 3], 0, (s, e) -> s + e, s -> s * 10) → 60"},
	{sig: "any_match(array(T), (T)->boolean) boolean", duck: "coalesce(list_bool_or(list_transform($1, $2)), false)", example: "any_match(array[1, 2], e -> e > 1) → true"},
	{sig: "all_match(array(T), (T)->boolean) boolean", duck: "coalesce(list_bool_and(list_transform($1, $2)), true)", example: "all_match(array[1, 2], e -> e > 1) → false"},
	{sig: "none_match(array(T), (T)->boolean) boolean", duck: "(NOT coalesce(list_bool_or(list_transform($1, $2)), false))", example: "none_match(array[1, 2], e -> e > 2) → true"},
}}

const maxSequence = 10_000

// sequence is a list from a to b.
func sequence(a, b, step, steps string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		return p.sequence(c, steps, "generate_series("+a+", "+b+", "+step+")")
	}
}

func joinAll(p *duckPrinter, c *call) string {
	sql := p.arg(c, 0)
	for i := range c.args[1:] {
		sql = p.joinLists(sql, p.arg(c, i+1))
	}
	return sql
}

// joined: the engine joins with a constant between the elements, or else one after another.
func joined(list string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		if _, constant := c.args[1].(*stringLit); constant {
			return p.joining(c, p.template("array_to_string("+list+", $2)", c))
		}
		return p.joining(c, p.template("substr(list_reduce(list_transform("+list+", lambda e: $2 || CAST(e AS VARCHAR)), lambda a, e: a || e, ''), length($2) + 1)", c))
	}
}

// rename prints the parameters of a lambda as parts of something else.
func (p *duckPrinter) rename(f *lambda, parts ...string) {
	if p.renamed == nil {
		p.renamed = map[*column]string{}
	}
	for i, col := range p.info.params[f] {
		p.renamed[col] = parts[i]
	}
}

func zipWith(p *duckPrinter, c *call) string {
	f, ok := c.args[2].(*lambda)
	if !ok {
		p.fail(c.args[2].at(), "a lambda is wanted here, as in (a, b) -> a + b")
	}
	t := p.fresh("t")
	p.rename(f, t+"[1]", t+"[2]")
	return "list_transform(list_zip(" + p.expr(c.args[0]) + ", " + p.expr(c.args[1]) + "), lambda " + t + ": " + p.lambdaBody(f) + ")"
}

var mapFunctions = section{"Maps", scalar, []row{
	{sig: "map() map(unknown, unknown)", duck: "MAP {}", example: "cardinality(map()) → 0"},
	{sig: "map(array(K), array(V)) map(K, V)", duck: "map($1, $2)", example: "map(array['a'], array[1]) → {\"a\":1}"},
	{sig: "cardinality(map(K, V)) bigint", duck: "CAST(cardinality($1) AS BIGINT)", example: "cardinality(map(array['a'], array[1])) → 1"},
	{sig: "element_at(map(K, V), K) V", duck: "map_extract_value($1, $2)", example: "element_at(map(array['a'], array[1]), 'b') → null"},
	{sig: "map_concat(map(K, V)...) map(K, V)", duck: "map_concat($*)", example: "map_concat(map(array['a'], array[1]), map(array['a'], array[2])) → {\"a\":2}"},
	{
		sig: "map_from_entries(array(row(K, V))) map(K, V)", duck: "map_from_entries($1)",
		example: "map_from_entries(array[(1, 'x'), (2, 'y')]) → {\"1\":\"x\",\"2\":\"y\"}",
	},
	{
		sig: "map_entries(map(K, V)) array(row(K, V))", duck: "list_transform(map_entries($1), lambda e: struct_pack(f1 := e.key, f2 := e.value))",
		example: "map_entries(map(array['a'], array[1])) → [[\"a\",1]]",
	},
	{sig: "map_keys(map(K, V)) array(K)", duck: "map_keys($1)", example: "map_keys(map(array['a'], array[1])) → [\"a\"]"},
	{sig: "map_values(map(K, V)) array(V)", duck: "map_values($1)", example: "map_values(map(array['a'], array[1])) → [1]"},
	{sig: "map_filter(map(K, V), (K, V)->boolean) map(K, V)", print: mapLambda("map_from_entries(list_filter(map_entries($1), lambda $E: $B))"), example: "map_filter(map(array['a', 'b'], array[1, 2]), (k, v) -> v > 1) → {\"b\":2}"},
	{sig: "transform_values(map(K, V), (K, V)->R) map(K, R)", print: mapLambda("map_from_entries(list_transform(map_entries($1), lambda $E: struct_pack(k := $E.key, v := $B)))"), example: "transform_values(map(array['a'], array[1]), (k, v) -> v + 1) → {\"a\":2}"},
	{sig: "transform_keys(map(K, V), (K, V)->R) map(R, V)", print: mapLambda("map_from_entries(list_transform(map_entries($1), lambda $E: struct_pack(k := $B, v := $E.value)))"), example: "transform_keys(map(array['a'], array[1]), (k, v) -> k || '!') → {\"a!\":1}"},
	{
		sig: "cosine_similarity(map(K, double), map(K, double)) double",
		duck: "list_transform([struct_pack(a := $1, b := $2)], lambda t: coalesce(list_sum(list_transform(map_entries(t.a), lambda e: e.value * coalesce(map_extract_value(t.b, e.key), 0))), 0) / " +
			"(sqrt(list_sum(list_transform(map_values(t.a), lambda v: v * v))) * sqrt(list_sum(list_transform(map_values(t.b), lambda v: v * v)))))[1]",
		example: "round(cosine_similarity(map(array['a'], array[1.0]), map(array['a', 'b'], array[2.0, 3.0])), 4) → 0.5547",
	},
}}

// mapLambda prints a template over the entries of a map: $E names an entry, $B is the body with key and value taken from it.
func mapLambda(template string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		f, ok := c.args[1].(*lambda)
		if !ok {
			p.fail(c.args[1].at(), "a lambda is wanted here, as in (k, v) -> v > 1")
		}
		e := p.fresh("e")
		p.rename(f, e+".key", e+".value")
		return p.templateWith(template, c, map[string]string{"$E": e, "$B": p.lambdaBody(f)})
	}
}
