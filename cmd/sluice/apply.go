package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/blueprint"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// maxBlueprint is the largest file that apply reads.
const maxBlueprint = 16 << 20

// blueprintFlags say which files, and whether what they leave out goes.
type blueprintFlags struct {
	files []string
	prune bool
}

func (f *blueprintFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.files, "file", "f", nil, "`file` that says how projects are to be, a directory of .yaml, .yml and .json files, or - for standard input; repeat for several")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "also delete what sections of the files do not name")
	cmd.MarkFlagRequired("file") //nolint:errcheck // the flag is two lines up
}

// projects reads all files.
func (a *app) blueprints(ctx context.Context, f *blueprintFlags) (all []blueprint.Project, err error) {
	for _, name := range f.files {
		files := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			files = files[:0]
			for _, pattern := range []string{"*.yaml", "*.yml", "*.json"} {
				found, _ := filepath.Glob(filepath.Join(name, pattern)) // the pattern is well formed
				files = append(files, found...)
			}
			slices.Sort(files)
			if len(files) == 0 {
				return nil, fmt.Errorf("%s has no .yaml, .yml or .json files", name)
			}
		}
		for _, file := range files {
			raw, err := a.readAll(ctx, file, maxBlueprint)
			if err != nil {
				return nil, err
			}
			projects, err := blueprint.Read(bytes.NewReader(raw))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", inputName(file), err)
			}
			if len(projects) == 0 {
				return nil, fmt.Errorf("%s describes no project", inputName(file))
			}
			all = append(all, projects...)
		}
	}
	for i, p := range all {
		if slices.ContainsFunc(all[:i], func(q blueprint.Project) bool { return q.Name == p.Name }) {
			return nil, fmt.Errorf("project %s is described twice", p.Name)
		}
	}
	return all, nil
}

func (a *app) plan(ctx context.Context, f *blueprintFlags) (*blueprint.Plan, error) {
	projects, err := a.blueprints(ctx, f)
	if err != nil {
		return nil, err
	}
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	return blueprint.Make(ctx, c, projects, f.prune)
}

const blueprintHelp = `A file has a document for each project, in YAML or JSON:

  project: web
  logstores:
    access:
      ttl: 14
      shards: 4
      index: {line: {token: [" ", ","]}, keys: {status: {type: long, doc_value: true}}}
      consumerGroups: {readers: {timeout: 60, order: true}}
  deliveries:
    errors: {source: {logstore: access}, filter: {search: "status >= 500"}, sink: {type: sls, project: web, logstore: errors}}

Sections: tags, logstores, externalStores, configs, pipelineConfigs, machineGroups, applied, savedSearches, dashboards, alerts, scheduledSQLs,
ingestions, deliveries. What a file leaves out stays as it is. "sluice export PROJECT" writes such a file.`

func (a *app) applyCommand() *cobra.Command {
	var f blueprintFlags
	var dry, yes bool
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make projects as files say, and change nothing else",
		Long: `Make projects as files say: create what is missing, change what is different. A second time it changes nothing.

` + blueprintHelp + `

With --prune, what a section of a file does not name is deleted, logstores with their logs too; sections that a file does not have are left
alone, and projects are never deleted.`,
		Example: `  sluice apply -f web.yaml --dry-run
  sluice apply -f projects/ --prune`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.form(cmd); err != nil {
				return err
			}
			plan, err := a.plan(cmd.Context(), &f)
			if err != nil {
				return err
			}
			if dry {
				return a.show(cmd, plan, func() error { return a.planTable(plan) })
			}
			deletes := 0
			for _, s := range plan.Steps {
				if s.Action == blueprint.Delete {
					a.note("%s", a.stepLine(s))
					deletes++
				}
			}
			if deletes > 0 {
				if err := a.confirm(cmd, yes, "Delete %s for good?", plural(deletes, "thing")); err != nil {
					return err
				}
			}
			return a.runPlan(cmd, plan)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only show what would be done")
	yesFlag(cmd, &yes)
	return cmd
}

func (a *app) runPlan(cmd *cobra.Command, plan *blueprint.Plan) error {
	form, err := a.form(cmd)
	if err != nil {
		return err
	}
	table := form.name == "table" && form.query == nil
	err = plan.Apply(cmd.Context(), func(s blueprint.Step) {
		if table {
			fmt.Fprintln(a.out, a.stepLine(s))
		}
	})
	var failed *blueprint.StepError
	if errors.As(err, &failed) {
		what, next := explain(failed.Err)
		s := failed.Step
		return &hinted{
			fmt.Errorf("%s %s %s: %s", s.Action, s.Kind, s.Name, what),
			strings.TrimSpace(next + "\nWhat was done before it stays. The same command goes on there."),
		}
	}
	if err != nil {
		return err
	}
	a.note("%s, %d as they are to be", changes(len(plan.Steps)), plan.Unchanged)
	if table {
		return nil
	}
	return a.show(cmd, plan, nil)
}

func changes(n int) string {
	if n == 0 {
		return "nothing changed"
	}
	return plural(n, "change")
}

// exitCode is an error with an exit code of its own.
type exitCode struct {
	error
	code int
}

func (e *exitCode) Unwrap() error { return e.error }

func (a *app) diffCommand() *cobra.Command {
	var f blueprintFlags
	cmd := &cobra.Command{
		Use:   "diff -f FILE",
		Short: "Show what apply would change",
		Long: `Show what apply would change, and change nothing. The exit code is 0 if that is nothing, 1 if it is something, and 2 if it could not be found
out, as that of diff.

` + blueprintHelp,
		Example: "  sluice diff -f web.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := a.plan(cmd.Context(), &f)
			if err == nil {
				err = a.show(cmd, plan, func() error { return a.planTable(plan) })
			}
			if err != nil {
				return &exitCode{err, exitMisused}
			}
			if len(plan.Steps) > 0 {
				return &silent{errors.New("something is different")}
			}
			return nil
		},
	}
	f.add(cmd)
	return cmd
}

// planTable shows each step, and below an update what is different.
func (a *app) planTable(plan *blueprint.Plan) error {
	var text strings.Builder
	for _, s := range plan.Steps {
		text.WriteString(a.stepLine(s) + "\n")
		for _, d := range s.Differences {
			fmt.Fprintf(&text, "    %s: %s → %s\n", tty.Visible(d.Path), a.out.Red(valueOf(d.Have)), a.out.Green(valueOf(d.Want)))
		}
	}
	_, err := fmt.Fprint(a.out, text.String())
	if err == nil {
		a.note("%s to make, %d as they are to be", plural(len(plan.Steps), "change"), plan.Unchanged)
	}
	return err
}

func (a *app) stepLine(s blueprint.Step) string {
	mark := map[blueprint.Action]string{
		blueprint.Create: a.out.Green("+"), blueprint.Update: a.out.Yellow("~"), blueprint.Delete: a.out.Red("-"),
	}[s.Action]
	return fmt.Sprintf("%s %s %s", mark, s.Kind, tty.Visible(s.Name))
}

// valueOf is a value on one line, cut where it gets long.
func valueOf(v any) string {
	if v == nil {
		return "none"
	}
	line, err := oneLine(v)
	if err != nil {
		return err.Error()
	}
	const enough = 80
	text := []rune(tty.Visible(line))
	if len(text) > enough {
		text = append(text[:enough-1], '…')
	}
	return string(text)
}

func (a *app) exportCommand() *cobra.Command {
	cmd := a.projectVerb("export", "Write how a project is, for apply and diff", func(cmd *cobra.Command, c *client.Client, name string) error {
		p, err := blueprint.Export(cmd.Context(), c, name)
		if err != nil {
			return suggest(cmd.Context(), c, sluice.LogstoreRef{Project: name}, err)
		}
		return a.show(cmd, p, func() error { return a.yaml(p) })
	})
	cmd.Long = `Write how a project is as a file for apply and diff, in YAML. Secrets are masked; apply leaves a secret as it is where a file has the mask. To make the
project elsewhere, put them in.`
	cmd.Example = "  sluice export web > web.yaml"
	return cmd
}
