package statement

import "strconv"

// cast prints CAST and TRY_CAST, whose values differ between the dialects here and there.
func (p *duckPrinter) cast(c *cast) string {
	from, to := p.info.types[c.x], c.typ
	x := p.expr(c.x)
	verb := "CAST("
	if c.try {
		verb = "TRY_CAST("
	}
	plain := func(x string) string { return verb + x + " AS " + DuckType(to) + ")" }
	switch {
	case from.Equal(to) && to.Kind != Decimal && to.precision == 0:
		return x
	case to.Kind == JSON && from.Kind != Unknown:
		return "to_json(" + x + ")"
	case from.Kind == JSON && len(to.Elems) == 0:
		return p.castJSON(x, to, plain)
	case to.Kind == Varchar:
		return p.castText(x, from, to.precision, plain)
	case from.Kind == Varchar && to.Kind == Bigint && c.try:
		// The engine reads ' 12 ', '1.5' and '0x1f' too.
		return "CASE WHEN regexp_full_match(" + x + ", '[+-]?[0-9]+') THEN " + plain(x) + " END"
	case from.Kind == Double && to.Kind == Bigint: // halves go up, to even in the engine
		return plain("floor(" + x + " + 0.5e0)")
	case from.Kind == Varchar && to.Kind == Timestamp:
		return verb + verb + x + " AS TIMESTAMPTZ) AS TIMESTAMP)"
	case from.Kind == Bigint && to.Kind == Boolean, from.Kind == Double && to.Kind == Boolean:
		return "(" + x + " <> 0)"
	}
	return plain(x)
}

// castJSON: a JSON text gives its value; NULL is the null of JSON too.
func (p *duckPrinter) castJSON(x string, to Type, plain func(string) string) string {
	text := "(" + x + " ->> '$')"
	if to.Kind == Varchar {
		return text
	}
	return plain(text)
}

// castText writes numbers and times as the dialect does.
func (p *duckPrinter) castText(x string, from Type, length int, plain func(string) string) string {
	var sql string
	switch from.Kind {
	case Double:
		sql = "CASE WHEN abs(" + x + ") BETWEEN 1e-3 AND 9999999e0 OR " + x + " = 0 THEN CAST(" + x + " AS VARCHAR) ELSE sluice_double_text(" + x + ") END"
	case Timestamp:
		sql = "strftime(" + x + ", '%Y-%m-%d %H:%M:%S.%g')"
	case TimestampTZ:
		sql = "(strftime(CAST(" + x + " AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g') || ' ' || current_setting('TimeZone'))"
	case Varbinary:
		sql = "sluice_from_utf8(" + x + ", '\uFFFD')"
	case Varchar:
		sql = x
	default:
		sql = plain(x)
	}
	if length > 0 {
		return "substr(" + sql + ", 1, " + strconv.Itoa(length) + ")"
	}
	return sql
}
