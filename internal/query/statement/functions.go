package statement

import (
	"slices"
	"strings"
)

// class says where a function may stand.
type class uint8

const (
	scalar    class = iota
	aggregate       // over the rows of a group, or of a window
	windowed        // with OVER only
	rowMaker        // an entry of the select list that makes rows
	compared        // compare and ts_compare, over several time ranges
	padded          // time_series, which fills gaps
)

// function is a row of the table. Only what is in the table can be called.
//
// duck is how DuckDB says it: $1 to $9 are the arguments, $* all of them, $T1 the type of the first as DuckDB names it. A part
// in braces, as in "CAST({sum $1} AS BIGINT)", is the engine's aggregate, to which DISTINCT, ORDER BY, FILTER and OVER of the
// call belong. Functions named sluice_* are ours: package duck adds them to the engine. print is for what a text cannot say.
// A result of type bigint must be BIGINT in the engine, not a smaller integer: see [duckPrinter].
type function struct {
	signature
	class    class
	category string
	duck     string
	print    func(p *duckPrinter, c *call) string
	example  string
	needs    need
}

// need is what a function cannot work without, and an operator has to give.
type need string

const (
	needsPlaces    need = "a database of places: set query.geo_database to a city file in MMDB format, such as GeoLite2-City.mmdb"
	needsProviders need = "a database of providers: set query.isp_database to an ISP or ASN file in MMDB format, such as GeoLite2-ASN.mmdb"
)

// row is how files function_*.go write a function: signature, DuckDB, and an example "expression → result" over the table of
// the tests (five rows; n bigint 1 to 5; x double 1.5 to 5.5; s varchar a, b, a, c, NULL).
type row struct {
	sig, duck, example string
	print              func(p *duckPrinter, c *call) string
	needs              need
}

type section struct {
	category string
	class    class
	rows     []row
}

// functions holds the table by name.
var functions = index(
	aggregateFunctions, sketchFunctions, sketchValues, windowFunctions, stringFunctions, timeFunctions, jsonFunctions, regexpFunctions,
	arrayFunctions, mapFunctions, mathFunctions, conditionalFunctions, urlFunctions, binaryFunctions, networkFunctions, placeFunctions,
	unitFunctions, rowMakers, compareFunctions, seriesFunctions,
)

func index(sections ...section) map[string][]*function {
	all := map[string][]*function{}
	for _, s := range sections {
		for _, r := range s.rows {
			f := &function{
				signature: parseSignature(r.sig), class: s.class, category: s.category, duck: r.duck, print: r.print, example: r.example, needs: r.needs,
			}
			all[f.name] = append(all[f.name], f)
		}
	}
	return all
}

// Function describes a supported function, for documentation and tests.
type Function struct {
	Category  string
	Signature string
	Example   string // expression → result
	Meaning   string
	Aggregate bool
}

// Functions lists what is supported, by category and signature.
func Functions() []Function {
	var all []Function
	for _, overloads := range functions {
		for _, f := range overloads {
			all = append(all, Function{Category: f.category, Signature: f.text, Example: f.example, Meaning: meanings[f.name], Aggregate: f.class == aggregate})
		}
	}
	slices.SortFunc(all, func(a, b Function) int {
		if a.Category != b.Category {
			return strings.Compare(a.Category, b.Category)
		}
		return strings.Compare(a.Signature, b.Signature)
	})
	return all
}
