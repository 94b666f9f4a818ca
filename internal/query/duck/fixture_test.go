package duck_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice/internal/query/duck"
)

var update = flag.Bool("update", false, "rewrite the outputs of testdata by what is found now")

// TestStatements runs the statements of testdata/run over the table five: blank lines separate cases, ---- the statement from
// the rows of its result.
func TestStatements(t *testing.T) {
	e := open(t, duck.Options{})
	files, err := filepath.Glob("testdata/run/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, text := range strings.Split(strings.TrimSpace(string(raw)), "\n\n") {
				input, want, _ := strings.Cut(text, "\n----")
				got := ""
				if rows, err := run(t.Context(), e, input, five); err != nil {
					got = "\nerror: " + err.Error()
				} else {
					for _, r := range rows {
						got += "\n" + strings.Join(r, " | ")
					}
				}
				out = append(out, input+"\n----"+got)
				if diff := cmp.Diff(want, got); diff != "" && !*update {
					t.Errorf("%s\n(-want +got)\n%s", input, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
