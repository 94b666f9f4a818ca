package duck_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/query/duck"
)

// BenchmarkSmall is what a statement costs beside its work.
func BenchmarkSmall(b *testing.B) {
	e, err := duck.Open(duck.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	for b.Loop() {
		if _, err := run(b.Context(), e, "select s, count(*) as c group by s order by c desc", five); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is what an engine of its own would cost each statement.
func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		e, err := duck.Open(duck.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
