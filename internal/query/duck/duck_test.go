package duck_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/places/placestest"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// five is the table that the examples of functions read.
var five = duck.Table{
	Columns: []statement.Column{
		{Name: "__time__", Type: statement.TypeOf(statement.Bigint)},
		{Name: "n", Type: statement.TypeOf(statement.Bigint)},
		{Name: "x", Type: statement.TypeOf(statement.Double)},
		{Name: "s", Type: statement.TypeOf(statement.Varchar)},
	},
	Parts: []duck.Part{{
		Names: []string{"__time__", "n", "x", "s"},
		Rows: &duck.Rowset{Len: 5, Columns: []duck.Vector{
			{Name: "__time__", Ints: []int64{1_700_000_000, 1_700_000_060, 1_700_000_120, 1_700_003_600, 1_700_007_200}},
			{Name: "n", Ints: []int64{1, 2, 3, 4, 5}},
			{Name: "x", Doubles: []float64{1.5, 2.5, 3.5, 4.5, 5.5}},
			{Name: "s", Texts: []string{"a", "b", "a", "c", ""}, Null: []bool{false, false, false, false, true}},
		}},
	}},
}

func open(t *testing.T, o duck.Options) *duck.Engine {
	t.Helper()
	if o.Places == nil {
		o.Places = placestest.Open(t)
	}
	e, err := duck.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func planOf(text string, table duck.Table) (*statement.Plan, error) {
	s, err := statement.Parse(text)
	if err != nil {
		return nil, err
	}
	return s.Plan(statement.Schema{Log: table.Columns}, statement.Options{From: 1_700_000_000, To: 1_700_010_800, Places: true, Providers: true})
}

// run returns the rows of a statement over one table, for every input.
func run(ctx context.Context, e *duck.Engine, text string, table duck.Table) ([][]string, error) {
	plan, err := planOf(text, table)
	if err != nil {
		return nil, err
	}
	tables := map[string]duck.Table{}
	for _, in := range plan.Inputs {
		tables[in.Key] = table
	}
	rows, err := e.Run(ctx, plan, tables)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all [][]string
	for rows.Next() {
		all = append(all, rows.Row())
	}
	return all, rows.Err()
}

// withoutExample are functions whose calls do not fit into one expression; they have tests of their own.
var withoutExample = []string{"histogram_u", "numeric_histogram_u", "compare", "ts_compare", "time_series", "grouping"}

// Every row of the function table has an example, and the engine gives its result.
func TestFunctions(t *testing.T) {
	e := open(t, duck.Options{})
	for _, f := range statement.Functions() {
		name, _, _ := strings.Cut(f.Signature, "(")
		if slices.Contains(withoutExample, name) {
			continue
		}
		expression, want, ok := strings.Cut(f.Example, " → ")
		if !ok {
			t.Errorf("%s has no example", f.Signature)
			continue
		}
		text := "select " + expression
		if strings.Contains(expression, " over (") {
			text += " order by n"
		}
		plan, err := planOf(text, five)
		if err != nil {
			t.Errorf("%s: %s\n%v", f.Signature, text, err)
			continue
		}
		if !slices.Contains(plan.Functions(), f.Signature) {
			t.Errorf("%s: the example %s is of %v", f.Signature, text, plan.Functions())
		}
		rows, err := run(t.Context(), e, text, five)
		if err != nil {
			t.Errorf("%s: %s\n%v\n%s", f.Signature, text, err, plan.DuckDB(map[string]statement.Relation{"log": {SQL: "log"}}))
			continue
		}
		if got := rows[0][0]; got != want {
			t.Errorf("%s: %s is %s, want %s", f.Signature, expression, got, want)
		}
	}
}

func TestRowsAndColumns(t *testing.T) {
	e := open(t, duck.Options{})
	for _, tt := range []struct {
		text string
		want [][]string
	}{
		{"select s, count(*) as c group by s order by c desc, s", [][]string{{"a", "2"}, {"b", "1"}, {"c", "1"}, {"null", "1"}}},
	} {
		got, err := run(t.Context(), e, tt.text, five)
		if err != nil {
			t.Errorf("%s\n%v", tt.text, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.text, diff)
		}
	}
}
