package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/client"
)

// documentFlags are where a task's document comes from.
type documentFlags struct {
	file string
	set  []string
}

func (f *documentFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "`file` with the task's document in YAML or JSON, - for standard input")
	cmd.Flags().StringArrayVar(&f.set, "set", nil, "set a field of it: `path=value`, such as source.logstore=access or sink.type=http")
}

// document reads the file, if there is one, and sets what is to be set, the name among it.
func (f *documentFlags) document(cmd *cobra.Command, stdin io.Reader, name string) (map[string]any, error) {
	document := map[string]any{}
	if f.file == "" && len(f.set) == 0 {
		return nil, misused(cmd, errNoDocument)
	}
	if f.file != "" {
		raw, err := readFile(f.file, stdin)
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(raw, &document); err != nil {
			return nil, fmt.Errorf("%s is not a document in YAML or JSON: %w", f.file, err)
		}
		if document == nil {
			return nil, fmt.Errorf("%s is empty", f.file)
		}
	}
	if name != "" {
		document["name"] = name
	}
	for _, assignment := range f.set {
		if err := setField(document, assignment); err != nil {
			return nil, misused(cmd, fmt.Errorf("--set %s: %w", assignment, err))
		}
	}
	return document, nil
}

func readFile(name string, stdin io.Reader) ([]byte, error) {
	const most = 1 << 20
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, most))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// setField sets one field: path=value, the value in YAML, the path made of names with dots between them.
func setField(document map[string]any, assignment string) error {
	path, text, ok := strings.Cut(assignment, "=")
	if !ok || path == "" {
		return errors.New("is not of the form path=value")
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return err
	}
	names := strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		inner, ok := document[name].(map[string]any)
		if !ok {
			if document[name] != nil {
				return fmt.Errorf("%s holds no fields", name)
			}
			inner = map[string]any{}
			document[name] = inner
		}
		document = inner
	}
	document[names[len(names)-1]] = value
	return nil
}

func (a *app) deliveryCreate() *cobra.Command {
	var f documentFlags
	var draft bool
	cmd := a.deliveryVerbCommand("create", "Make a task, test its connection, and bring it online",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			document, err := f.document(cmd, a.input(cmd.Context()), ref.task)
			if err != nil {
				return err
			}
			raw, err := json.Marshal(document)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			if _, err := c.CreateDelivery(ctx, ref.project, raw); err != nil {
				return err
			}
			if draft {
				a.note("%s is a draft; next: sluice delivery verify %s", ref, ref)
				return nil
			}
			if _, err := c.VerifyDelivery(ctx, ref.project, ref.task); err != nil {
				return &hinted{err, fmt.Sprintf("The task is there as a draft. Mend it: sluice delivery apply %s --file FILE, or start it all the same: sluice delivery start %s", ref, ref)}
			}
			if _, err := c.StartDelivery(ctx, ref.project, ref.task, false); err != nil {
				return err
			}
			a.note("%s is online; watch it: sluice delivery watch %s", ref, ref)
			return nil
		})
	cmd.ValidArgsFunction = a.completeProjectSlash
	cmd.Example = `  sluice delivery template http > errors.yaml
  sluice delivery create web/errors --file errors.yaml --set sink.url=https://logs.example/in
  sluice delivery create web/copy --set source.logstore=access --set filter.search='status >= 500' --set sink.type=sls --set sink.logstore=errors`
	f.add(cmd)
	cmd.Flags().BoolVar(&draft, "draft", false, "only make it")
	return cmd
}

func (a *app) deliveryApply() *cobra.Command {
	var f documentFlags
	cmd := a.deliveryVerbCommand("apply", "Change a task's document, or make the task",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			ctx := cmd.Context()
			old, err := c.Delivery(ctx, ref.project, ref.task)
			fresh := client.Code(err) == "DeliveryTaskNotExist"
			if err != nil && !fresh {
				return err
			}
			document, err := f.document(cmd, a.input(cmd.Context()), ref.task)
			if err != nil {
				return err
			}
			if !fresh && f.file == "" { // --set alone changes what is there
				whole := map[string]any{}
				if err := json.Unmarshal(old.Spec, &whole); err != nil {
					return err
				}
				for _, assignment := range f.set {
					if err := setField(whole, assignment); err != nil {
						return misused(cmd, fmt.Errorf("--set %s: %w", assignment, err))
					}
				}
				document = whole
			}
			raw, err := json.Marshal(document)
			if err != nil {
				return err
			}
			if fresh {
				if _, err := c.CreateDelivery(ctx, ref.project, raw); err != nil {
					return err
				}
				a.note("%s is a draft; next: sluice delivery verify %s", ref, ref)
				return nil
			}
			t, err := c.UpdateDelivery(ctx, ref.project, ref.task, old.Revision, raw)
			if err != nil {
				return err
			}
			a.note("%s is changed, and %s", ref, t.State)
			return nil
		})
	cmd.Example = `  sluice delivery apply web/errors --file errors.yaml
  sluice delivery apply web/errors --set sample=10`
	f.add(cmd)
	return cmd
}

// completeProjectSlash offers projects with a slash behind them, for names that are yet to be made.
func (a *app) completeProjectSlash(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Contains(typed, "/") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeRef(cmd, args, typed)
}
