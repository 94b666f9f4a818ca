package duck_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/query/duck"
	"github.com/sluicelog/sluice/internal/query/places/placestest"
	"github.com/sluicelog/sluice/internal/query/statement"
)

// Whatever the first wall lets through, the engine understands: it may find values that do not fit, but no syntax, function or
// column that it does not know.
func FuzzRun(f *testing.F) {
	files, err := filepath.Glob("testdata/run/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, text := range strings.Split(string(raw), "\n\n") {
			input, _, _ := strings.Cut(text, "\n----")
			f.Add(input)
		}
	}
	for _, fn := range statement.Functions() {
		expression, _, _ := strings.Cut(fn.Example, " → ")
		f.Add("select " + expression)
	}
	e, err := duck.Open(duck.Options{MemoryBytes: 200 << 20, Threads: 1, Places: placestest.Open(f)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		plan, err := planOf(text, five)
		if err != nil {
			t.Skip()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err = run(ctx, e, text, five)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && (sluice.KindOf(err) == sluice.Internal || unbound(err)) {
			t.Errorf("%s\n%v\n%s", text, errors.Unwrap(err), plan.DuckDB(map[string]statement.Relation{"log": {SQL: "log"}, "log#2": {SQL: "log"}}))
		}
	})
}

// unbound reports whether the engine did not know what to do with a statement.
func unbound(err error) bool {
	var de *duckdb.Error
	return errors.As(err, &de) && !strings.Contains(de.Msg, "Unknown TimeZone") && (de.Type == duckdb.ErrorTypeBinder || de.Type == duckdb.ErrorTypeCatalog || de.Type == duckdb.ErrorTypeNotImplemented)
}
