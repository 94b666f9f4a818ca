package statement

var stringFunctions = section{"Strings", scalar, []row{
	{sig: "chr(bigint) varchar", duck: "chr(CAST($1 AS INTEGER))", example: "chr(65) → A"},
	{sig: "codepoint(varchar) bigint", duck: "CAST(unicode($1) AS BIGINT)", example: "codepoint('n') → 110"},
	{sig: "concat(varchar...) varchar", print: concat, example: "concat('aliyun', '-', 'sls') → aliyun-sls"},
	{sig: "from_utf8(varbinary) varchar", duck: "sluice_from_utf8($1, '\uFFFD')", example: "from_utf8(from_hex('e4b8ad')) → 中"},
	{sig: "from_utf8(varbinary, varchar) varchar", duck: "sluice_from_utf8($1, $2)", example: "from_utf8(from_hex('41ff'), '?') → A?"},
	{sig: "to_utf8(varchar) varbinary", duck: "encode($1)", example: "to_utf8('log') → bG9n"},
	{sig: "length(varchar) bigint", duck: "length($1)", example: "length('日志ab') → 4"},
	{sig: "levenshtein_distance(varchar, varchar) bigint", duck: "CASE WHEN length($1) * length($2) > 1000000 THEN error('the texts are too long for levenshtein_distance') ELSE levenshtein($1, $2) END", example: "levenshtein_distance('kitten', 'sitting') → 3"},
	{sig: "hamming_distance(varchar, varchar) bigint", duck: "hamming($1, $2)", example: "hamming_distance('abc', 'abd') → 1"},
	{sig: "lower(varchar) varchar", duck: "lower($1)", example: "lower('SlS') → sls"},
	{sig: "upper(varchar) varchar", duck: "upper($1)", example: "upper('SlS') → SLS"},
	{sig: "lpad(varchar, bigint, varchar) varchar", print: (*duckPrinter).padding, example: "lpad('7', 3, '0') → 007"},
	{sig: "rpad(varchar, bigint, varchar) varchar", print: (*duckPrinter).padding, example: "rpad('abcd', 2, 'x') → ab"},
	{sig: "trim(varchar) varchar", duck: "trim($1)", example: "trim('  a b ') → a b"},
	{sig: "trim(varchar, varchar) varchar", duck: "trim($1, $2)", example: "trim('xxaxx', 'x') → a"},
	{sig: "ltrim(varchar) varchar", duck: "ltrim($1)", example: "ltrim('  a') → a"},
	{sig: "ltrim(varchar, varchar) varchar", duck: "ltrim($1, $2)", example: "ltrim('xxax', 'x') → ax"},
	{sig: "rtrim(varchar) varchar", duck: "rtrim($1)", example: "rtrim('a  ') → a"},
	{sig: "rtrim(varchar, varchar) varchar", duck: "rtrim($1, $2)", example: "rtrim('axx', 'x') → a"},
	{sig: "normalize(varchar) varchar", duck: "nfc_normalize($1)", example: "length(normalize(U&'e\\0301')) → 1"},
	{sig: "normalize(varchar, varchar) varchar", duck: "sluice_normalize($1, $2)", example: "length(normalize('é', NFD)) → 2"},
	{sig: "strpos(varchar, varchar) bigint", duck: "strpos($1, $2)", example: "strpos('hello', 'l') → 3"},
	{sig: "strpos(varchar, varchar, bigint) bigint", duck: "sluice_strpos($1, $2, $3)", example: "strpos('hello', 'l', 2) → 4"},
	{sig: "strrpos(varchar, varchar) bigint", duck: "sluice_strpos($1, $2, -1::BIGINT)", example: "strrpos('hello', 'l') → 4"},
	{sig: "strrpos(varchar, varchar, bigint) bigint", duck: "sluice_strpos($1, $2, -$3)", example: "strrpos('hello', 'l', 2) → 3"},
	{sig: "replace(varchar, varchar) varchar", duck: "replace($1, $2, '')", example: "replace('a-b-c', '-') → abc"},
	{sig: "replace(varchar, varchar, varchar) varchar", print: replaceText, example: "replace('a-b', '-', '+') → a+b"},
	{sig: "reverse(varchar) varchar", duck: "reverse($1)", example: "reverse('abc') → cba"},
	{sig: "split(varchar, varchar) array(varchar)", duck: "string_split($1, $2)", example: "split('a:b:c', ':') → [\"a\",\"b\",\"c\"]"},
	{
		sig: "split(varchar, varchar, bigint) array(varchar)",
		duck: "list_transform([struct_pack(s := $1, l := string_split($1, $2), d := length($2), n := $3)], lambda t: " +
			"CASE WHEN len(t.l) <= t.n THEN t.l ELSE list_append(t.l[1:t.n - 1], " +
			"substr(t.s, 1 + CAST(coalesce(list_sum(list_transform(t.l[1:t.n - 1], lambda e: length(e) + t.d)), 0) AS BIGINT))) END)[1]",
		example: "split('a:b:c', ':', 2) → [\"a\",\"b:c\"]",
	},
	{sig: "split_part(varchar, varchar, bigint) varchar", duck: "string_split($1, $2)[$3]", example: "split_part('a:b:c', ':', 2) → b"},
	{
		sig:     "split_to_map(varchar, varchar, varchar) map(varchar, varchar)",
		duck:    "list_transform([struct_pack(l := string_split($1, $2), d := $3)], lambda t: map_from_entries(list_transform(t.l, lambda e: struct_pack(k := split_part(e, t.d, 1), v := split_part(e, t.d, 2)))))[1]",
		example: "split_to_map('upstream=123,time=0.5', ',', '=') → {\"upstream\":\"123\",\"time\":\"0.5\"}",
	},
	{sig: "substr(varchar, bigint) varchar", print: substr, example: "substr('abcdef', 3) → cdef"},
	{sig: "substr(varchar, bigint, bigint) varchar", print: substr, example: "substr('abcdef', -3, 2) → de"},
	{sig: "starts_with(varchar, varchar) boolean", duck: "starts_with($1, $2)", example: "starts_with('sls-1', 'sls') → true"},
	{sig: "ascii_escape(varchar) varchar", duck: "sluice_ascii_escape($1)", example: "ascii_escape('a中') → a\\u4e2d"},
	{sig: "ascii_unescape(varchar) varchar", duck: "sluice_unescape($1)", example: "ascii_unescape('a\\u4e2d') → a中"},
	{sig: "unicode_unescape(varchar) varchar", duck: "sluice_unescape($1)", example: "unicode_unescape('\\u4e2d\\u6587') → 中文"},
	{sig: "base64_encode(varchar) varchar", duck: "to_base64(encode($1))", example: "base64_encode('log') → bG9n"},
	{sig: "base64_decode(varchar) varchar", duck: "sluice_from_utf8(from_base64($1), '\uFFFD')", example: "base64_decode('bG9n') → log"},
}}

func concat(p *duckPrinter, c *call) string { return p.concat(c.args) }

func replaceText(p *duckPrinter, c *call) string {
	return p.replacement(c, p.template("replace($1, $2, $3)", c))
}

// substr: a start of 0, or before the text, gives nothing.
func substr(p *duckPrinter, c *call) string {
	if n, ok := c.args[1].(*intLit); ok && n.value > 0 {
		return p.template("substr($*)", c)
	}
	return p.template("CASE WHEN $2 = 0 OR $2 < -length($1) THEN '' ELSE substr($*) END", c)
}
