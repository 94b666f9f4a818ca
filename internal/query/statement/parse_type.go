package statement

import (
	"strconv"
	"strings"
)

// typeNames: smaller integers and floats are widened, so that every number is a bigint or a double.
var typeNames = map[string]Type{
	"BOOLEAN":   {Kind: Boolean},
	"TINYINT":   {Kind: Bigint},
	"SMALLINT":  {Kind: Bigint},
	"INTEGER":   {Kind: Bigint},
	"INT":       {Kind: Bigint},
	"LONG":      {Kind: Bigint},
	"BIGINT":    {Kind: Bigint},
	"REAL":      {Kind: Double},
	"FLOAT":     {Kind: Double},
	"DOUBLE":    {Kind: Double},
	"DECIMAL":   {Kind: Decimal, precision: 38},
	"VARCHAR":   {Kind: Varchar},
	"CHAR":      {Kind: Varchar},
	"STRING":    {Kind: Varchar},
	"TEXT":      {Kind: Varchar},
	"VARBINARY": {Kind: Varbinary},
	"DATE":      {Kind: Date},
	"TIME":      {Kind: Time},
	"TIMESTAMP": {Kind: Timestamp},
	"JSON":      {Kind: JSON},

	"HYPERLOGLOG": {Kind: HyperLogLog},
}

// typeNamed finds a type without arguments by its name in upper case.
func typeNamed(name string) (Type, bool) {
	t, ok := typeNames[name]
	return t, ok
}

// ParseType reads the name of a type: bigint, array(varchar), map(varchar, double).
func ParseType(text string) (t Type, err error) {
	defer catch(&err)
	p := &parser{text: text, tokens: tokens(text)}
	t = p.parseType()
	if p.peek().kind != tokenEnd {
		p.mismatch("end of the type")
	}
	return t, nil
}

func (p *parser) parseType() Type {
	defer p.enter()()
	tok := p.peek()
	if tok.kind != tokenWord {
		p.mismatch("a type")
	}
	p.next++
	switch w := strings.ToUpper(tok.text); w {
	case "ARRAY":
		return ArrayOf(p.parseTypeArgs(1)[0])
	case "MAP":
		kv := p.parseTypeArgs(2)
		return MapOf(kv[0], kv[1])
	case "ROW":
		return p.parseRowType()
	case "INTERVAL":
		for p.acceptUnit() || p.accept("TO") {
		}
		return TypeOf(Interval)
	case "DECIMAL":
		return p.parseDecimalType()
	case "TIME", "TIMESTAMP":
		if p.accept("WITH", "TIME", "ZONE") && w == "TIMESTAMP" {
			return TypeOf(TimestampTZ)
		}
		return typeNames[w]
	default:
		t, ok := typeNamed(w)
		if !ok {
			p.fail(tok.pos, "Unknown type: %s", tok.text)
		}
		if w == "DOUBLE" {
			p.accept("PRECISION")
		}
		if t.Kind == Varchar && p.acceptSymbol("(") {
			t.precision = int(min(p.parseCount(), 1<<30))
			p.expectSymbol(")")
		}
		return t
	}
}

func (p *parser) acceptUnit() bool {
	for _, u := range intervalUnits {
		if p.accept(u) {
			return true
		}
	}
	return false
}

// parseTypeArgs: (a, b) or <a, b>
func (p *parser) parseTypeArgs(n int) []Type {
	end := ")"
	if p.acceptSymbol("<") {
		end = ">"
	} else {
		p.expectSymbol("(")
	}
	args := list(p, p.parseType)
	if len(args) != n {
		p.fail(p.peek().pos, "the type takes %d types in brackets, not %d", n, len(args))
	}
	p.expectSymbol(end)
	return args
}

// parseRowType: (name type, ...) or (type, ...)
func (p *parser) parseRowType() Type {
	var names []string
	p.expectSymbol("(")
	elems := list(p, func() Type {
		field := ""
		if n := p.peekAt(1); n.kind == tokenWord || p.peek().kind == tokenQuoted {
			if startsType(n.text) {
				field = p.parseIdent("a name").text
			}
		}
		names = append(names, field)
		return p.parseType()
	})
	p.expectSymbol(")")
	return RowOf(names, elems)
}

func startsType(word string) bool {
	w := strings.ToUpper(word)
	_, simple := typeNamed(w)
	return simple || w == "ARRAY" || w == "MAP" || w == "ROW" || w == "INTERVAL"
}

func (p *parser) parseDecimalType() Type {
	t := typeNames["DECIMAL"]
	if !p.acceptSymbol("(") {
		return t
	}
	pos := p.peek().pos
	precision, scale := p.parseCount(), int64(0)
	if p.acceptSymbol(",") {
		scale = p.parseCount()
	}
	p.expectSymbol(")")
	if precision < 1 || precision > 38 || scale > precision {
		p.fail(pos, "decimal(%s,%s) is not a type: 1 to 38 digits, of which some are behind the point",
			strconv.FormatInt(precision, 10), strconv.FormatInt(scale, 10))
	}
	t.precision, t.scale = int(precision), int(scale)
	return t
}
