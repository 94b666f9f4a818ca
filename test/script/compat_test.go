//go:build compat

package script_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The commands of the pages about SDKs of other languages. make compat installs those SDKs: the Python one for the interpreter
// that PYTHON names, the Node.js one in test/compat/node.
func TestCompatPages(t *testing.T) {
	modules, err := filepath.Abs(filepath.Join(root, "test/compat/node/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("NODE_PATH") == "" {
		t.Setenv("NODE_PATH", modules)
	}
	for page, want := range map[string]string{
		"docs/howto/connect-python-sdk.md": "greetings msg hello from Python",
		"docs/howto/connect-nodejs-sdk.md": "stored in howto-node/app",
		"docs/howto/open-with-duckdb.md":   "│    503 │     1 │    0.25 │",
	} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			script := scriptOf(t, page, "compat")
			if page == "docs/howto/open-with-duckdb.md" { // it looks at what the rest of the page has made
				script = scriptOf(t, page, "") + script
			}
			if out := runPage(t, script, false); !strings.Contains(out, want) {
				t.Errorf("the output does not show %q:\n%s", want, out)
			}
		})
	}
}
