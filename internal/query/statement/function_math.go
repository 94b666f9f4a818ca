package statement

var mathFunctions = section{"Mathematics", scalar, []row{
	{sig: "abs(bigint) bigint", duck: "abs($1)", example: "abs(-5) → 5"},
	{sig: "abs(double) double", duck: "abs($1)", example: "abs(-1.5) → 1.5"},
	{sig: "cbrt(double) double", duck: "cbrt($1)", example: "cbrt(8) → 2.0"},
	{sig: "ceil(bigint) bigint", duck: "$1", example: "ceil(2) → 2"},
	{sig: "ceil(double) double", duck: "ceil($1)", example: "ceil(1.2) → 2.0"},
	{sig: "ceiling(bigint) bigint", duck: "$1", example: "ceiling(2) → 2"},
	{sig: "ceiling(double) double", duck: "ceil($1)", example: "ceiling(1.2) → 2.0"},
	{sig: "floor(bigint) bigint", duck: "$1", example: "floor(2) → 2"},
	{sig: "floor(double) double", duck: "floor($1)", example: "floor(1.8) → 1.0"},
	{sig: "exp(double) double", duck: "exp($1)", example: "exp(0) → 1.0"},
	{sig: "sign(bigint) bigint", duck: "CAST(sign($1) AS BIGINT)", example: "sign(-3) → -1"},
	{sig: "sign(double) double", duck: "CAST(sign($1) AS DOUBLE)", example: "sign(2.5) → 1.0"},
	{sig: "degrees(double) double", duck: "degrees($1)", example: "degrees(pi()) → 180.0"},
	{sig: "radians(double) double", duck: "radians($1)", example: "round(radians(180), 4) → 3.1416"},
	{sig: "pi() double", duck: "pi()", example: "pi() → 3.141592653589793"},
	{sig: "e() double", duck: "exp(1)", example: "e() → 2.718281828459045"},
	{sig: "acos(double) double", duck: ifBetween("acos($1)"), example: "acos(1) → 0.0"},
	{sig: "asin(double) double", duck: ifBetween("asin($1)"), example: "asin(0) → 0.0"},
	{sig: "atan(double) double", duck: "atan($1)", example: "atan(0) → 0.0"},
	{sig: "atan2(double, double) double", duck: "atan2($1, $2)", example: "round(atan2(1, 1), 4) → 0.7854"},
	{sig: "cos(double) double", duck: "cos($1)", example: "cos(0) → 1.0"},
	{sig: "cosh(double) double", duck: "cosh($1)", example: "cosh(0) → 1.0"},
	{sig: "sin(double) double", duck: "sin($1)", example: "sin(0) → 0.0"},
	{sig: "tan(double) double", duck: "tan($1)", example: "tan(0) → 0.0"},
	{sig: "tanh(double) double", duck: "tanh($1)", example: "tanh(0) → 0.0"},
	{sig: "infinity() double", duck: "'inf'::DOUBLE", example: "infinity() → Infinity"},
	{sig: "nan() double", duck: "'nan'::DOUBLE", example: "nan() → NaN"},
	{sig: "is_finite(double) boolean", duck: "isfinite(CAST($1 AS DOUBLE))", example: "is_finite(1.0) → true"},
	{sig: "is_infinite(double) boolean", duck: "isinf(CAST($1 AS DOUBLE))", example: "is_infinite(infinity()) → true"},
	{sig: "is_nan(double) boolean", duck: "isnan(CAST($1 AS DOUBLE))", example: "is_nan(nan()) → true"},
	{sig: "ln(double) double", duck: logarithm("ln($1)"), example: "ln(0) → -Infinity"},
	{sig: "log2(double) double", duck: logarithm("log2($1)"), example: "log2(8) → 3.0"},
	{sig: "log10(double) double", duck: logarithm("log10($1)"), example: "log10(1000) → 3.0"},
	{sig: "log(double, double) double", duck: "(" + logarithm("ln($1)") + " / ln($2))", example: "log(8, 2) → 3.0"},
	{sig: "mod(bigint, bigint) bigint", duck: "($1 % $2)", example: "mod(-7, 3) → -1"},
	{sig: "mod(double, double) double", duck: "($1 % $2)", example: "mod(7.5, 2) → 1.5"},
	{sig: "pow(double, double) double", duck: "pow($1, $2)", example: "pow(2, 10) → 1024.0"},
	{sig: "power(double, double) double", duck: "pow($1, $2)", example: "power(2, 3) → 8.0"},
	{sig: "sqrt(double) double", duck: "CASE WHEN $1 < 0 THEN 'nan'::DOUBLE ELSE sqrt($1) END", example: "sqrt(-1) → NaN"},
	{sig: "rand() double", duck: "random()", example: "rand() < 1 → true"},
	{sig: "random() double", duck: "random()", example: "random() >= 0 → true"},
	{sig: "random(bigint) bigint", duck: "CAST(floor(random() * $1) AS BIGINT)", example: "random(1) → 0"},
	{sig: "round(bigint) bigint", duck: "$1", example: "round(3) → 3"},
	{sig: "round(bigint, bigint) bigint", duck: "round($1, CAST($2 AS INTEGER))", example: "round(1250, -2) → 1300"},
	{sig: "round(double) double", duck: "round($1)", example: "round(-2.5) → -3.0"},
	{sig: "round(double, bigint) double", duck: "round($1, CAST($2 AS INTEGER))", example: "round(3.14159, 2) → 3.14"},
	{sig: "truncate(double) double", duck: "trunc($1)", example: "truncate(-2.7) → -2.0"},
	{sig: "truncate(double, bigint) double", duck: "(trunc($1 * pow(10, $2)) / pow(10, $2))", example: "truncate(3.149, 2) → 3.14"},
	{sig: "from_base(varchar, bigint) bigint", duck: "sluice_from_base($1, $2)", example: "from_base('ff', 16) → 255"},
	{sig: "to_base(bigint, bigint) varchar", duck: "sluice_to_base($1, $2)", example: "to_base(255, 16) → ff"},
	{
		sig: "width_bucket(double, double, double, bigint) bigint",
		duck: "CAST(CASE WHEN $2 <= $3 THEN CASE WHEN $1 < $2 THEN 0 WHEN $1 >= $3 THEN $4 + 1 ELSE floor(($1 - $2) * $4 / ($3 - $2)) + 1 END " +
			"ELSE CASE WHEN $1 > $2 THEN 0 WHEN $1 <= $3 THEN $4 + 1 ELSE floor(($2 - $1) * $4 / ($2 - $3)) + 1 END END AS BIGINT)",
		example: "width_bucket(3.5, 0, 10, 5) → 2",
	},
	{sig: "width_bucket(double, array(double)) bigint", duck: "CAST(len(list_filter($2, lambda b: b <= $1)) AS BIGINT)", example: "width_bucket(3, array[1.0, 2.0, 4.0]) → 2"},
	{sig: "greatest(T...) T", duck: anyNull("greatest($*)"), example: "greatest(1, 3, 2) → 3"},
	{sig: "least(T...) T", duck: anyNull("least($*)"), example: "least(1, null) → null"},
}}

// logarithm: where the engine raises, the dialect has -Infinity and NaN.
func logarithm(f string) string {
	return "CASE WHEN $1 > 0 THEN " + f + " WHEN $1 = 0 THEN '-inf'::DOUBLE WHEN $1 < 0 THEN 'nan'::DOUBLE END"
}

func ifBetween(f string) string {
	return "CASE WHEN $1 BETWEEN -1 AND 1 THEN " + f + " WHEN $1 IS NOT NULL THEN 'nan'::DOUBLE END"
}

// anyNull: the engine's greatest and least skip NULL.
func anyNull(f string) string {
	return "CASE WHEN NOT list_contains(list_transform([$*], lambda e: e IS NULL), true) THEN " + f + " END"
}

var conditionalFunctions = section{"Conditions and types", scalar, []row{
	{sig: "if(boolean, T) T", duck: "CASE WHEN $1 THEN $2 END", example: "if(1 > 2, 'yes') → null"},
	{sig: "if(boolean, T, T) T", duck: "CASE WHEN $1 THEN $2 ELSE $3 END", example: "if(1 > 2, 'yes', 'no') → no"},
	{sig: "coalesce(T...) T", duck: "coalesce($*)", example: "coalesce(null, 'a') → a"},
	{sig: "nullif(T, T) T", duck: "nullif($1, $2)", example: "nullif(1, 1) → null"},
	{sig: "try(T) T", duck: "TRY($1)", example: "try(cast('a' as bigint)) → null"},
	{sig: "typeof(any) varchar", print: typeOf, example: "typeof(array[1]) → array(bigint)"},
	{sig: "grouping(any...) bigint", duck: "CAST(grouping($*) AS BIGINT)"},
}}

func typeOf(p *duckPrinter, c *call) string { return quoteText(p.info.types[c.args[0]].String()) }
