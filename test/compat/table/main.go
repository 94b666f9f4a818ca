// Command table compares the table of clients in docs/compat.md with what a run of `make compat` has shown, and fails if the page claims
// anything else; with -write it makes the table anew.
//
//	go run ./test/compat/table [-write] [-page docs/compat.md] RESULTS
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/sluicelog/sluice/test/compat/results"
)

func main() {
	write := flag.Bool("write", false, "make the table from the results")
	page := flag.String("page", "docs/compat.md", "the page")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: table [-write] [-page FILE] RESULTS, the directory that SLUICE_COMPAT_RESULTS named")
		os.Exit(2)
	}
	if err := run(*page, flag.Arg(0), *write); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(page, dir string, write bool) error {
	table, err := results.Read(dir)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	if write {
		text, err := table.Replace(string(raw))
		if err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
		return os.WriteFile(page, []byte(text), 0o644)
	}
	claims, err := results.Parse(string(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	if unsaid := table.Unsaid(claims); len(unsaid) > 0 {
		fmt.Printf("%s does not speak of (make compat-table would):\n  %s\n", page, strings.Join(unsaid, "\n  "))
	}
	if unproven := table.Unproven(claims); len(unproven) > 0 {
		return fmt.Errorf("%s claims what this run has not shown; mend the server, or make compat-table:\n  %s", page, strings.Join(unproven, "\n  "))
	}
	return nil
}
