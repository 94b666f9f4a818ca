package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// resourceSpec is a kind of documents with its command.
type resourceSpec struct {
	use, short string
	kind       client.ResourceKind
	jobType    string // of documents that are jobs
	actions    []string
	more       func(a *app) []*cobra.Command
}

// resourceSpecs are the kinds of the command line.
var resourceSpecs = []resourceSpec{
	{use: "machine-group", short: "Machine groups: where Logtail configurations apply", kind: client.MachineGroups, more: (*app).machineGroupVerbs},
	{use: "config", short: "Logtail configurations", kind: client.Configs, more: (*app).configVerbs},
	{use: "pipeline-config", short: "Pipeline configurations of LoongCollector", kind: client.PipelineConfigs},
	{use: "saved-search", short: "Saved searches", kind: client.SavedSearches},
	{use: "dashboard", short: "Dashboards", kind: client.Dashboards},
	{use: "alert", short: "Alerts", kind: client.Alerts, jobType: "Alert", actions: []string{"enable", "disable"}},
	{use: "scheduled-sql", short: "Scheduled SQL jobs", kind: client.ScheduledSQLs, jobType: "ScheduledSQL", actions: []string{"enable", "disable"}},
	{use: "etl", short: "Data transformation jobs", kind: client.ETLs, jobType: "ETL", actions: []string{"start", "stop"}},
	{use: "ingestion", short: "Data import jobs", kind: client.Ingestions, jobType: "Ingestion", actions: []string{"start", "stop"}},
	{use: "job", short: "Jobs of all types", kind: client.Jobs, actions: []string{"enable", "disable", "start", "stop"}},
	{use: "external-store", short: "External stores: databases and buckets to join with", kind: client.ExternalStores},
	{use: "store-view", short: "Store views: logstores that are searched together", kind: client.StoreViews},
	{use: "metric-store", short: "Metric stores", kind: client.MetricStores},
	{use: "resource", short: "Resources of the account, with records", kind: client.Resources, more: (*app).recordVerbs},
	{use: "topostore", short: "Topology stores of the account", kind: client.TopoStores},
}

// resourceCommands are a command for each kind, and one for tags.
func (a *app) resourceCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, s := range resourceSpecs {
		r := &resource{a: a, resourceSpec: s}
		cmd := parent(s.use, s.short, r.verbs()...)
		if s.more != nil {
			cmd.AddCommand(s.more(a)...)
		}
		all = append(all, cmd)
	}
	return append(all, a.tagCommand())
}

// resource makes the verbs of a kind.
type resource struct {
	a *app
	resourceSpec
	records bool // of a resource: the place is its name, and names are ids
}

// place is what stands in front of the name of a document.
func (r *resource) place() string {
	switch {
	case r.records:
		return "RESOURCE"
	case r.kind.InAccount():
		return ""
	}
	return "PROJECT"
}

func (r *resource) nameArg() string { return strings.TrimPrefix(r.place()+"/NAME", "/") }

// named splits the argument of a verb about one document.
func (r *resource) named(cmd *cobra.Command, arg string) (kind client.ResourceKind, project, name string, err error) {
	kind, name = r.kind, arg
	if r.place() != "" {
		var ok bool
		if project, name, ok = strings.Cut(arg, "/"); !ok || !nameForm.MatchString(project) {
			return kind, "", "", misused(cmd, fmt.Errorf("%q is not of the form %s", arg, r.nameArg()))
		}
	}
	if name == "" {
		return kind, "", "", misused(cmd, fmt.Errorf("%q has no name", arg))
	}
	if r.records {
		return client.Records(project), "", name, nil
	}
	return kind, project, name, nil
}

func (r *resource) verbs() []*cobra.Command {
	verbs := []*cobra.Command{r.list(), r.show(), r.create(), r.update(), r.delete()}
	for _, action := range r.actions {
		verbs = append(verbs, r.action(action))
	}
	return verbs
}

func (r *resource) list() *cobra.Command {
	cmd := &cobra.Command{
		Use: strings.TrimSpace("list " + r.place()), Short: "List the names", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, project := r.kind, ""
			if len(args) > 0 {
				project = args[0]
			}
			if r.records {
				kind, project = client.Records(project), ""
			}
			c, err := r.a.client()
			if err != nil {
				return err
			}
			names, err := c.ResourceNames(cmd.Context(), kind, project)
			if err != nil {
				return err
			}
			return r.a.showNames(cmd, strings.ToUpper(strings.ReplaceAll(r.use, "-", " ")), names)
		},
	}
	if r.place() != "" {
		cmd.Args = cobra.ExactArgs(1)
		cmd.ValidArgsFunction = r.a.completeProject
	}
	return cmd
}

// verb is a command about one document.
func (r *resource) verb(use, short string, run func(cmd *cobra.Command, c *client.Client, kind client.ResourceKind, project, name string) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " " + r.nameArg(), Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: r.complete,
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, project, name, err := r.named(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := r.a.client()
			if err != nil {
				return err
			}
			return run(cmd, c, kind, project, name)
		},
	}
}

func (r *resource) show() *cobra.Command {
	return r.verb("show", "Show one, as YAML or JSON", func(cmd *cobra.Command, c *client.Client, kind client.ResourceKind, project, name string) error {
		d, err := c.Resource(cmd.Context(), kind, project, name)
		if err != nil {
			return err
		}
		return r.a.show(cmd, d, func() error { return r.a.yaml(d) })
	})
}

// document reads a document in YAML or JSON and gives it its name.
func (r *resource) document(cmd *cobra.Command, file, name string) (json.RawMessage, error) {
	raw, err := r.a.readAll(cmd.Context(), file, maxBlueprint)
	if err != nil {
		return nil, err
	}
	d := map[string]any{}
	if json.Valid(raw) { // numbers stay as they are written
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil || members == nil {
			return nil, misused(cmd, fmt.Errorf("%s holds no object", inputName(file)))
		}
		for key, value := range members {
			d[key] = value
		}
	} else {
		var root yaml.Node
		if err := yaml.Unmarshal(raw, &root); err != nil {
			return nil, fmt.Errorf("%s is neither JSON nor YAML: %w", inputName(file), err)
		}
		if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
			return nil, misused(cmd, fmt.Errorf("%s holds no object", inputName(file)))
		}
		if err := root.Decode(&d); err != nil {
			return nil, fmt.Errorf("%s: %w", inputName(file), err)
		}
	}
	d[r.kind.NameKey] = name
	if _, said := d["type"]; !said && r.jobType != "" {
		d["type"] = r.jobType
	}
	return json.Marshal(d)
}

func documentFile(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVarP(file, "file", "f", "-", "`file` with the document in YAML or JSON, - for standard input; its name comes from the command")
}

func (r *resource) create() *cobra.Command {
	var file string
	cmd := r.verb("create", "Make one from a document", func(cmd *cobra.Command, c *client.Client, kind client.ResourceKind, project, name string) error {
		d, err := r.document(cmd, file, name)
		if err != nil {
			return err
		}
		return r.a.done(c.CreateResource(cmd.Context(), kind, project, d), "%s %s created", r.use, name)
	})
	documentFile(cmd, &file)
	return cmd
}

func (r *resource) update() *cobra.Command {
	var file string
	cmd := r.verb("update", "Replace one by a document", func(cmd *cobra.Command, c *client.Client, kind client.ResourceKind, project, name string) error {
		d, err := r.document(cmd, file, name)
		if err != nil {
			return err
		}
		return r.a.done(c.UpdateResource(cmd.Context(), kind, project, name, d), "%s %s updated", r.use, name)
	})
	documentFile(cmd, &file)
	return cmd
}

func (r *resource) delete() *cobra.Command {
	var yes bool
	cmd := r.verb("delete", "Delete one", func(cmd *cobra.Command, c *client.Client, kind client.ResourceKind, project, name string) error {
		if err := r.a.confirm(cmd, yes, "Delete %s %s?", r.use, name); err != nil {
			return err
		}
		return r.a.done(c.DeleteResource(cmd.Context(), kind, project, name), "%s %s deleted", r.use, name)
	})
	yesFlag(cmd, &yes)
	return cmd
}

// action is a verb that switches a job.
func (r *resource) action(verb string) *cobra.Command {
	wire, did := verb, verb+"d"
	switch verb {
	case "start":
		wire, did = "START", "started"
	case "stop":
		wire, did = "STOP", "stopped"
	}
	short := map[string]string{
		"enable": "Have it run at its times", "disable": "Have it run no more", "start": "Start it", "stop": "Stop it",
	}[verb]
	return r.verb(verb, short, func(cmd *cobra.Command, c *client.Client, _ client.ResourceKind, project, name string) error {
		return r.a.done(c.SwitchJob(cmd.Context(), project, name, wire), "%s %s %s", r.use, tty.Visible(name), did)
	})
}

// complete offers projects, and behind a slash the names of documents; names of the account at once.
func (r *resource) complete(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || r.records {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	project, _, inProject := strings.Cut(typed, "/")
	if r.place() != "" && !inProject {
		return r.a.completeRef(cmd, args, typed)
	}
	prefix := ""
	if r.place() != "" {
		prefix = project + "/"
	}
	return r.a.completions(cmd, r.names(project, prefix)), cobra.ShellCompDirectiveNoFileComp
}

func (r *resource) names(project, prefix string) func(context.Context) ([]string, error) {
	return func(ctx context.Context) ([]string, error) {
		c, err := r.a.client()
		if err != nil {
			return nil, err
		}
		names, err := c.ResourceNames(ctx, r.kind, project)
		for i := range names {
			names[i] = prefix + names[i]
		}
		return names, err
	}
}

func (a *app) machineGroupVerbs() []*cobra.Command {
	list := &cobra.Command{
		Use: "configs PROJECT/GROUP", Short: "List the configurations that apply to a machine group", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			names, err := c.AppliedConfigs(cmd.Context(), ref.Project, ref.Logstore)
			if err != nil {
				return err
			}
			return a.showNames(cmd, "CONFIG", names)
		},
	}
	return []*cobra.Command{list}
}

func (a *app) showNames(cmd *cobra.Command, title string, names []string) error {
	return a.show(cmd, names, func() error {
		table := tty.NewTable(title)
		for _, name := range names {
			table.Add(tty.Visible(name))
		}
		return table.Write(a.out)
	})
}

func (a *app) configVerbs() []*cobra.Command {
	verb := func(use, short, told string, run func(*cobra.Command, *client.Client, string, string, string) error) *cobra.Command {
		return &cobra.Command{
			Use: use + " PROJECT/CONFIG GROUP", Short: short, Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				ref, c, err := a.refClient(cmd, args[0])
				if err != nil {
					return err
				}
				if args[1] == "" {
					return misused(cmd, errors.New("the machine group has no name"))
				}
				if err := run(cmd, c, ref.Project, args[1], ref.Logstore); err != nil {
					return err
				}
				a.note(told, ref.Logstore, args[1])
				return nil
			},
		}
	}
	groups := &cobra.Command{
		Use: "groups PROJECT/CONFIG", Short: "List the machine groups that a configuration applies to", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			names, err := c.AppliedGroups(cmd.Context(), ref.Project, ref.Logstore)
			if err != nil {
				return err
			}
			return a.showNames(cmd, "MACHINE GROUP", names)
		},
	}
	return []*cobra.Command{
		verb("apply", "Have a configuration apply to a machine group", "config %s applies to machine group %s",
			func(cmd *cobra.Command, c *client.Client, project, group, config string) error {
				return c.ApplyConfig(cmd.Context(), project, group, config)
			}),
		verb("remove", "Have a configuration apply to a machine group no more", "config %s does not apply to machine group %s",
			func(cmd *cobra.Command, c *client.Client, project, group, config string) error {
				return c.RemoveConfig(cmd.Context(), project, group, config)
			}),
		groups,
	}
}

func (a *app) recordVerbs() []*cobra.Command {
	r := &resource{a: a, records: true, resourceSpec: resourceSpec{use: "record", kind: client.Records("")}}
	return []*cobra.Command{parent("record", "Records of a resource", r.verbs()...)}
}
