package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) copyCommand() *cobra.Command {
	return parent("copy", "Copy logs, logstores and projects, here or to another server", a.copyData(), a.copyLogstore(), a.copyProject())
}

// targetFlag chooses the server of the target.
func (a *app) targetFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "to-profile", "", "`profile` of the server to copy to (default the same server)")
	//nolint:errcheck // the flag is one line up
	cmd.RegisterFlagCompletionFunc("to-profile", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return a.profileNames(), cobra.ShellCompDirectiveNoFileComp
	})
}

// target is the client of a profile, nil for none.
func (a *app) target(name string) (*client.Client, error) {
	if name == "" {
		return nil, nil
	}
	path, file, err := a.profiles()
	if err != nil {
		return nil, err
	}
	p, err := file.Get(name)
	if err != nil {
		return nil, &hinted{err, fmt.Sprintf("Profiles are in %s. List them: sluice profile list", path)}
	}
	return settings{
		endpoint: p.Endpoint, accessKeyID: p.AccessKeyID, secret: p.AccessKeySecret, securityToken: p.SecurityToken, sign: p.Sign, region: p.Region,
	}.client()
}

// rangeFlags are the part of a logstore that a command is about.
type rangeFlags struct {
	from, to, shards string
}

func (f *rangeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "begin", "`time` at which the server received the first logs wanted: begin, -1h, \"yesterday 0:0:0\"")
	flags.StringVar(&f.to, "to", "end", "`time` at which it received the first logs not wanted; end is the end at the time of starting")
	flags.StringVar(&f.shards, "shards", "", "these shards only: `0,2,5-8` (default all)")
}

// times are the ends of the range; zero times are those of the logstore.
func (f *rangeFlags) times(cmd *cobra.Command, now time.Time) (from, to time.Time, err error) {
	for i, text := range []string{f.from, f.to} {
		p, err := parsePlace(text, now)
		switch {
		case err != nil:
			return from, to, misused(cmd, err)
		case p.cursor != "":
			return from, to, misused(cmd, errors.New("cursors belong to one shard; give a time"))
		case p.word == "end" && i == 0:
			return from, to, misused(cmd, errors.New("nothing is behind --from end"))
		case p.word == "begin" && i == 1:
			return from, to, misused(cmd, errors.New("nothing is before --to begin"))
		case i == 0:
			from = p.time
		default:
			to = p.time
		}
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, misused(cmd, emptyRange(from, to))
	}
	return from, to, nil
}

// shardList reads 1,20,31-40.
func shardList(cmd *cobra.Command, text string) (ids []sluice.ShardID, err error) {
	if text == "" {
		return nil, nil
	}
	const most = 10_000
	for word := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(word, "-")
		low, err := shardArg(cmd, strings.TrimSpace(first))
		if err != nil {
			return nil, err
		}
		high := low
		if isRange {
			if high, err = shardArg(cmd, strings.TrimSpace(last)); err != nil {
				return nil, err
			}
		}
		if high < low || int(high-low)+len(ids) >= most {
			return nil, misused(cmd, fmt.Errorf("%q is not a range of shards", word))
		}
		for id := low; id <= high; id++ {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (a *app) copyData() *cobra.Command {
	var o client.CopyOptions
	var part rangeFlags
	var profile, topic, source string
	var keep bool
	cmd := &cobra.Command{
		Use:   "data PROJECT/LOGSTORE PROJECT/LOGSTORE",
		Short: "Copy logs from a logstore to another one",
		Long: `Copy logs from a logstore to another one, which has to exist (sluice copy logstore makes it), here or on another server.

With --state the copy can be ended at any moment, and goes on where it stopped when the same command is given again. Before a
write is sent, the intent is in that file, and synced; after a crash or a lost answer the target is asked whether it has the write.
So no log is lost, and none is there twice, except in writes that the last line counts as uncertain.

The logs of a shard stay in order: they go to the shard of the target that owns its first hash key. With --spl the source sends the
logs through a pipeline first, which filters and changes them.`,
		Example: `  sluice copy data web/access archive/access --from -7d --to "today 0:0:0" --state copy.state
  sluice copy data web/access web/access --to-profile prod --shards 0,2-4
  sluice copy data web/access web/errors --spl '* | where status >= 500 | project-away referer'`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeTwoRefs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			if o.Target, err = refArg(cmd, args[1]); err != nil {
				return err
			}
			if o.To, err = a.target(profile); err != nil {
				return err
			}
			if o.Start, o.Stop, err = part.times(cmd, a.now()); err != nil {
				return err
			}
			if o.Shards, err = shardList(cmd, part.shards); err != nil {
				return err
			}
			if cmd.Flags().Changed("topic") {
				o.Topic = &topic
			}
			if cmd.Flags().Changed("source") {
				o.Source = &source
			}
			return suggest(cmd.Context(), c, ref, a.runCopy(cmd, c, ref, o, keep))
		},
	}
	part.add(cmd)
	a.targetFlag(cmd, &profile)
	flags := cmd.Flags()
	flags.StringVar(&o.State, "state", "", "`file` that remembers how far the copy is; removed when it is done")
	flags.BoolVar(&keep, "keep-state", false, "leave the state where it is when the copy is done")
	flags.StringVar(&o.Query, "spl", "", "SPL `pipeline` that the logs go through")
	flags.StringVar(&topic, "topic", "", "give the copied logs this topic")
	flags.StringVar(&source, "source", "", "give the copied logs this source")
	flags.IntVar(&o.Workers, "workers", 4, "shards to copy at once")
	return cmd
}

// copySummary is what a copy did, over all its runs.
type copySummary struct {
	Groups    int64   `json:"groups"`
	Logs      int64   `json:"logs"`
	Bytes     int64   `json:"bytes"`
	Writes    int64   `json:"writes"`
	Found     int64   `json:"found"`
	Uncertain int64   `json:"uncertain"`
	Missing   int64   `json:"missingGroups"`
	Complete  bool    `json:"complete"`
	Seconds   float64 `json:"seconds"` // of this run
}

func (a *app) runCopy(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef, o client.CopyOptions, keep bool) error {
	form, err := a.form(cmd)
	if err != nil {
		return err
	}
	t := a.transfer()
	o.Progress = func(p client.CopyProgress) { t.show(p.Done, p.Total, p.Bytes) }
	p, err := c.CopyData(cmd.Context(), ref, o)
	a.err.ClearStatus()
	if p == (client.CopyProgress{}) && err != nil {
		return err
	}
	a.note("%s of %s copied to %s: %s", plural(int(p.Logs), "log"), plural(int(p.Done), "log group"), o.Target, t.rate(p.Bytes))
	if p.Found > 0 {
		a.note("%s had been stored although no answer came; not sent again", plural(int(p.Found), "write"))
	}
	if p.Uncertain > 0 {
		a.note("%s %s sent again: the target may have the logs twice", a.err.Yellow("warning:"), plural(int(p.Uncertain), "uncertain write"))
	}
	if p.Missing > 0 {
		a.note("%s %s could not be read: expired meanwhile, or damaged", a.err.Yellow("warning:"), plural(int(p.Missing), "log group"))
	}
	if err != nil {
		return a.unfinished(o.State, err)
	}
	if o.State != "" && !keep {
		if err := os.Remove(o.State); err != nil {
			return err
		}
	}
	if form.name == "table" && form.query == nil {
		return nil
	}
	return a.show(cmd, copySummary{p.Done, p.Logs, p.Bytes, p.Writes, p.Found, p.Uncertain, p.Missing, true, a.now().Sub(t.begun).Seconds()}, nil)
}

// unfinished is the error of an operation that can go on.
func (a *app) unfinished(state string, err error) error {
	what, next := explain(err)
	if next != "" {
		next += "\n"
	}
	if state == "" {
		return &hinted{errors.New(what), next + "Nothing remembers how far it came; --state FILE would."}
	}
	return &hinted{errors.New(what), next + "The same command goes on where this one stopped."}
}

func (a *app) copyLogstore() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "logstore PROJECT/LOGSTORE PROJECT/LOGSTORE",
		Short: "Make a logstore like another one, without its logs",
		Long: `Make a logstore like another one: settings, number of shards, index configuration, consumer groups without checkpoints. One that is
there already is changed to be so and loses no shards.`,
		Example:           "  sluice copy logstore web/access web/access --to-profile prod",
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeTwoRefs,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			target, err := refArg(cmd, args[1])
			if err != nil {
				return err
			}
			to, err := a.target(profile)
			if err != nil {
				return err
			}
			if to == nil && ref == target {
				return misused(cmd, errors.New("a logstore is like itself"))
			}
			if err := c.CopyLogstore(cmd.Context(), ref, to, target); err != nil {
				return suggest(cmd.Context(), c, ref, err)
			}
			a.note("logstore %s is like %s now; its logs: sluice copy data %s %s", target, ref, ref, target)
			return nil
		},
	}
	a.targetFlag(cmd, &profile)
	return cmd
}

func (a *app) copyProject() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "project PROJECT PROJECT",
		Short: "Make a project like another one, without its logs",
		Long: `Make a project like another one, without its logs: logstores as copy logstore makes them, Logtail configurations, machine groups and which
apply to which, saved searches and dashboards. Jobs, alerts, external stores and delivery tasks stay behind: they would run twice, or have secrets.
"sluice export" and "sluice apply" carry those.`,
		Example: `  sluice copy project web web-staging
  sluice copy project web web --to-profile prod`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeProject,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				if _, err := projectArg(cmd, name); err != nil {
					return err
				}
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			to, err := a.target(profile)
			if err != nil {
				return err
			}
			done, err := c.CopyProject(cmd.Context(), args[0], to, args[1])
			if err != nil {
				return suggest(cmd.Context(), c, sluice.LogstoreRef{Project: args[0]}, err)
			}
			return a.show(cmd, done, func() error { return a.projectCopied(args[0], args[1], done) })
		},
	}
	a.targetFlag(cmd, &profile)
	return cmd
}

func (a *app) projectCopied(from, to string, done client.ProjectCopied) error {
	facts := tty.NewTable("PROJECT", to)
	facts.Add("like", from)
	facts.Add("logstores", strconv.Itoa(len(done.Logstores)))
	for _, kind := range slices.Sorted(maps.Keys(done.Documents)) {
		if n := len(done.Documents[kind]); n > 0 {
			facts.Add(kindTitle(kind), strconv.Itoa(n))
		}
	}
	return facts.Write(a.out)
}
