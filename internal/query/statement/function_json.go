package statement

import "strings"

var jsonFunctions = section{"JSON", scalar, []row{
	{sig: "json_parse(varchar) json", duck: "TRY_CAST($1 AS JSON)", example: `json_parse('{"a": 1}') → {"a": 1}`},
	{sig: "json_parse(json) json", duck: "$1", example: `json_parse(json '[1]') → [1]`},
	{sig: "json_format(json) varchar", duck: "CAST($1 AS VARCHAR)", example: `json_format(json_parse('[1]')) → [1]`},
	{sig: "json_extract(document, varchar) json", print: jsonPath("TRY(json_extract($1, $P))"), example: `json_extract('{"a":{"b":[1,2]}}', '$.a.b[1]') → 2`},
	{sig: "json_extract_scalar(document, varchar) varchar", print: jsonPath(jsonScalar), example: `json_extract_scalar('{"a.b":"x"}', '$["a.b"]') → x`},
	{sig: "json_extract_bool(document, varchar) boolean", print: jsonPath("TRY_CAST(" + jsonScalar + " AS BOOLEAN)"), example: `json_extract_bool('{"a":true}', '$.a') → true`},
	{sig: "json_extract_long(document, varchar) bigint", print: jsonPath("TRY_CAST(" + jsonScalar + " AS BIGINT)"), example: `json_extract_long('{"a":42}', '$.a') → 42`},
	{sig: "json_extract_double(document, varchar) double", print: jsonPath("TRY_CAST(" + jsonScalar + " AS DOUBLE)"), example: `json_extract_double('{"a":4.5}', '$.a') → 4.5`},
	{
		sig: "json_array_get(document, bigint) json", duck: "TRY(json_extract($1, CASE WHEN $2 < 0 THEN '$$[#' || $2 || ']' ELSE '$$[' || $2 || ']' END))",
		example: `json_array_get('["a","b","c"]', -1) → "c"`,
	},
	{sig: "json_array_length(document) bigint", duck: "TRY(CAST(json_array_length($1) AS BIGINT))", example: `json_array_length('[1,2,3]') → 3`},
	{
		sig: "json_array_contains(document, any) boolean", duck: "list_contains(TRY(json_extract_string($1, '$$[*]')), CAST($2 AS VARCHAR))",
		example: `json_array_contains('[1,2,3]', 2) → true`,
	},
	{
		sig: "json_size(document, varchar) bigint", print: jsonPath("CAST(CASE TRY(json_type($1, $P)) WHEN 'OBJECT' THEN len(json_keys($1, $P)) WHEN 'ARRAY' THEN json_array_length($1, $P) WHEN NULL THEN NULL ELSE 0 END AS BIGINT)"),
		example: `json_size('{"a":{"b":1,"c":2}}', '$.a') → 2`,
	},
	{
		sig: "json_object_flatten(document) map(varchar, varchar)", duck: "CAST(CAST(sluice_json_flatten(CAST($1 AS VARCHAR)) AS JSON) AS MAP(VARCHAR, VARCHAR))",
		example: `json_object_flatten('{"a":{"b":1},"c":"x"}') → {"a.b":"1","c":"x"}`,
	},
}}

// jsonScalar is NULL for objects and arrays.
const jsonScalar = "CASE WHEN TRY(json_type($1, $P)) IN ('OBJECT', 'ARRAY') THEN NULL ELSE TRY(json_extract_string($1, $P)) END"

// jsonPath prints a template in which $P is the path in the engine's spelling.
func jsonPath(template string) func(*duckPrinter, *call) string {
	return func(p *duckPrinter, c *call) string {
		path := p.expr(c.args[1])
		if s, ok := c.args[1].(*stringLit); ok {
			engine, ok := enginePath(s.value)
			if !ok {
				p.fail(s.pos, "Invalid JSON path: '%s'; write it as '$.a.b[0]' or '$[\"a.b\"]'", s.value)
			}
			path = quoteText(engine)
		}
		return p.templateWith(template, c, map[string]string{"$P": path})
	}
}

// enginePath rewrites $.a.b[0], $["a.b"] and $['a.b'] to the engine's $."a"."b"[0], $."a.b". Wildcards would give lists.
func enginePath(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok && path != "" && path[0] != '[' {
		rest = "." + path
	}
	var b strings.Builder
	b.WriteByte('$')
	key := func(k string) bool {
		b.WriteString(`."` + k + `"`)
		return k != "" && !strings.ContainsAny(k, `"\*`)
	}
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, "."):
			rest = rest[1:]
			n := strings.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			if !key(strings.Trim(rest[:n], `"`)) {
				return "", false
			}
			rest = rest[n:]
		case strings.HasPrefix(rest, `["`), strings.HasPrefix(rest, `['`):
			end := strings.Index(rest, rest[1:2]+"]")
			if end < 2 || !key(rest[2:end]) {
				return "", false
			}
			rest = rest[end+2:]
		case strings.HasPrefix(rest, "["):
			end := strings.IndexByte(rest, ']')
			if end < 2 || strings.Trim(rest[1:end], "0123456789") != "" {
				return "", false
			}
			b.WriteString(rest[:end+1])
			rest = rest[end+1:]
		default:
			return "", false
		}
	}
	return b.String(), true
}
