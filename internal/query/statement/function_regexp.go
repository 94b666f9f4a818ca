package statement

import (
	"regexp"
	"strings"
)

var regexpFunctions = section{"Regular expressions", scalar, []row{
	{sig: "regexp_like(varchar, varchar) boolean", print: regexpLike, example: `regexp_like('abc123', '\d+') → true`},
	{sig: "regexp_extract(varchar, varchar) varchar", duck: regexpExtract + ", 0) END", example: `regexp_extract('a1b22', '\d+') → 1`},
	{sig: "regexp_extract(varchar, varchar, bigint) varchar", duck: regexpExtract + regexpGroup, example: `regexp_extract('k=v', '(\w)=(\w)', 2) → v`},
	{sig: "regexp_extract_all(varchar, varchar) array(varchar)", duck: "regexp_extract_all($1, $2)", example: `regexp_extract_all('a1b22', '\d+') → ["1","22"]`},
	{sig: "regexp_extract_all(varchar, varchar, bigint) array(varchar)", duck: "regexp_extract_all($1, $2, CAST($3 AS INTEGER))", example: `regexp_extract_all('a1b2', '([a-z])\d', 1) → ["a","b"]`},
	{sig: "regexp_extract_bool(varchar, varchar) boolean", duck: "TRY_CAST(" + regexpExtract + ", 0) END AS BOOLEAN)", example: `regexp_extract_bool('is true', 'true|false') → true`},
	{sig: "regexp_extract_bool(varchar, varchar, bigint) boolean", duck: "TRY_CAST(" + regexpExtract + regexpGroup + " AS BOOLEAN)", example: `regexp_extract_bool('ok=false', 'ok=(\w+)', 1) → false`},
	{sig: "regexp_extract_long(varchar, varchar) bigint", duck: "TRY_CAST(" + regexpExtract + ", 0) END AS BIGINT)", example: `regexp_extract_long('took 42 ms', '\d+') → 42`},
	{sig: "regexp_extract_long(varchar, varchar, bigint) bigint", duck: "TRY_CAST(" + regexpExtract + regexpGroup + " AS BIGINT)", example: `regexp_extract_long('t=42', 't=(\d+)', 1) → 42`},
	{sig: "regexp_extract_double(varchar, varchar) double", duck: "TRY_CAST(" + regexpExtract + ", 0) END AS DOUBLE)", example: `regexp_extract_double('took 4.2 ms', '[\d.]+') → 4.2`},
	{sig: "regexp_extract_double(varchar, varchar, bigint) double", duck: "TRY_CAST(" + regexpExtract + regexpGroup + " AS DOUBLE)", example: `regexp_extract_double('t=4.2', 't=([\d.]+)', 1) → 4.2`},
	{sig: "regexp_extract_map(varchar, varchar) map(varchar, varchar)", duck: "CAST(CAST(sluice_regexp_map($1, $2, '', '') AS JSON) AS MAP(VARCHAR, VARCHAR))", example: `regexp_extract_map('GET /x', '(?P<method>\w+) (?P<path>\S+)') → {"method":"GET","path":"/x"}`},
	{sig: "regexp_extract_map(varchar, varchar, varchar, varchar) map(varchar, varchar)", duck: "CAST(CAST(sluice_regexp_map($1, $2, $3, $4) AS JSON) AS MAP(VARCHAR, VARCHAR))", example: `regexp_extract_map('a=1,b=2', '(?P<k>\w+)=(?P<v>\w+)', 'k', 'v') → {"a":"1","b":"2"}`},
	{sig: "regexp_replace(varchar, varchar) varchar", duck: "regexp_replace($1, $2, '', 'g')", example: `regexp_replace('a1b2', '\d') → ab`},
	{sig: "regexp_replace(varchar, varchar, varchar) varchar", print: regexpReplace, example: `regexp_replace('k=v', '(\w)=(\w)', '$2:$1') → v:k`},
	{sig: "regexp_split(varchar, varchar) array(varchar)", duck: "regexp_split_to_array($1, $2)", example: `regexp_split('a1b22c', '\d+') → ["a","b","c"]`},
}}

const (
	regexpExtract = "CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2"
	regexpGroup   = ", CAST($3 AS INTEGER)) END"
)

var groupReference = regexp.MustCompile(`\\\$|\\\\|\\|\$\d`)

// regexpReplace turns the dialect's $1 into the engine's \1.
func regexpReplace(p *duckPrinter, c *call) string {
	s, ok := c.args[2].(*stringLit)
	if !ok {
		return p.replacement(c, p.template(`regexp_replace($1, $2, regexp_replace($3, '\$$(\d)', '\\\1', 'g'), 'g')`, c))
	}
	engine := groupReference.ReplaceAllStringFunc(s.value, func(m string) string {
		switch {
		case m == `\$`:
			return "$"
		case strings.HasPrefix(m, `\`):
			return `\\`
		}
		return `\` + m[1:]
	})
	return p.replacement(c, p.templateWith("regexp_replace($1, $2, $P, 'g')", c, map[string]string{"$P": quoteText(engine)}))
}
