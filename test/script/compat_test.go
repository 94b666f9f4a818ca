//go:build compat

package script_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/javanet"
	"github.com/sluicelog/sluice/test/tools"
)

// The commands of the pages about SDKs of other languages. make compat installs those SDKs: the Python one for the interpreter
// that PYTHON names, the Node.js one in test/compat/node, the Java ones in .tools/java.
func TestCompatPages(t *testing.T) {
	modules, err := filepath.Abs(filepath.Join(root, "test/compat/node/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("NODE_PATH") == "" {
		t.Setenv("NODE_PATH", modules)
	}
	t.Setenv("CLASSPATH", filepath.Join(tools.Dir(t, "java"), "*"))
	t.Setenv("PATH", filepath.Dir(os.Getenv("PYTHON"))+":"+filepath.Dir(os.Getenv("AWSCLI"))+":"+os.Getenv("PATH"))
	t.Setenv("HOME", t.TempDir()) // the command line of SLS writes there
	for page, want := range map[string]string{
		"docs/howto/connect-python-sdk.md": "greetings msg hello from Python",
		"docs/howto/connect-nodejs-sdk.md": "stored in howto-node/app",
		"docs/howto/connect-cli.md":        "hello from the command line",
		"docs/howto/connect-java-sdk.md":   "greetings msg hello from Java",
		"docs/howto/connect-log4j.md":      "hello from logback",
		"docs/howto/connect-java-tools.md": "greetings msg hello from the producer",
		"docs/howto/connect-openapi.md":    "hello to the OpenAPI client",
		"docs/howto/cloudtrail.md":         `"EventName": "CreateProject"`,
		"docs/howto/open-with-duckdb.md":   "│    503 │     1 │    0.25 │",
	} {
		t.Run(filepath.Base(page), func(t *testing.T) {
			script := scriptOf(t, page, "compat")
			if page == "docs/howto/open-with-duckdb.md" { // it looks at what the rest of the page has made
				script = scriptOf(t, page, "") + script
			}
			server := testenv.Start(t)
			// Names that resolve and port 80, which the Java appenders have to have.
			t.Setenv("JAVA_TOOL_OPTIONS", javanet.Options(t, server.Addr, "localhost", "howto-log4j", "howto-java-tools"))
			if out := runPageOn(t, server, script, false); !strings.Contains(out, want) {
				t.Errorf("the output does not show %q:\n%s", want, out)
			}
		})
	}
}
