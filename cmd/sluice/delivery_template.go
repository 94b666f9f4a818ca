package main

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// templates are documents of tasks to begin with. The first line of each, a comment, says what it is for.
//
//go:embed templates/*.yaml
var templates embed.FS

func (a *app) deliveryTemplate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "template [NAME]",
		Short: "Print a document to begin with, or list those there are",
		Example: `  sluice delivery template
  sluice delivery template splunk > task.yaml`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return templateNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				table := tty.NewTable("TEMPLATE", "FOR")
				for _, name := range templateNames() {
					first, _, _ := strings.Cut(template(name), "\n")
					table.Add(name, strings.TrimPrefix(first, "# "))
				}
				return table.Write(a.out)
			}
			text := template(args[0])
			if text == "" {
				return misused(cmd, fmt.Errorf("there is no template %q; there are %s", args[0], strings.Join(templateNames(), ", ")))
			}
			_, err := fmt.Fprint(a.out, text)
			return err
		},
	}
	return cmd
}

// template is the text of a template, "" if there is none.
func template(name string) string {
	raw, err := templates.ReadFile(path.Join("templates", path.Base(name)+".yaml"))
	if err != nil {
		return ""
	}
	return string(raw)
}

func templateNames() []string {
	entries, err := templates.ReadDir("templates")
	if err != nil {
		panic(err) // they are part of the program
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}
