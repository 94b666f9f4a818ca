package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) logstoreCommand() *cobra.Command {
	return parent("logstore", "Logstores: where logs are kept, and for how long",
		a.logstoreCreate(), a.logstoreList(), a.logstoreShow(), a.logstoreUpdate(), a.logstoreAllow(), a.logstoreDelete())
}

// refVerb is a command about one logstore.
func (a *app) refVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " PROJECT/LOGSTORE",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			return suggest(cmd.Context(), c, ref, run(cmd, c, ref))
		},
	}
}

// logstoreFlags are the fields of a logstore; spec returns those that were given.
type logstoreFlags struct {
	set                                           *pflag.FlagSet
	ttl, shards, maxSplit, hotTTL, infrequentTTL  int
	tracking, appendMeta, autoSplit, keepsForever bool
	modifiable                                    bool
	telemetry, mode                               string
}

func newLogstoreFlags(cmd *cobra.Command) *logstoreFlags {
	f := &logstoreFlags{set: cmd.Flags()}
	f.set.IntVar(&f.ttl, "ttl", 0, "days that logs are kept, 1 to 3650 (default 30)")
	f.set.BoolVar(&f.keepsForever, "keep", false, "keep logs for ever")
	f.set.BoolVar(&f.tracking, "web-tracking", false, "take logs from anyone, without a key")
	f.set.BoolVar(&f.appendMeta, "append-meta", false, "tag logs with the sender's address and the receive time")
	f.set.BoolVar(&f.autoSplit, "auto-split", false, "split shards under sustained load")
	f.set.IntVar(&f.maxSplit, "max-split-shard", 0, "shards that automatic split may reach, 1 to 256")
	f.set.StringVar(&f.mode, "mode", "", "standard, query or lite; kept for clients, without effect yet")
	f.set.IntVar(&f.hotTTL, "hot-ttl", 0, "days in hot storage; kept for clients, without effect yet")
	f.set.IntVar(&f.infrequentTTL, "infrequent-ttl", 0, "days in infrequent-access storage; kept for clients, without effect yet")
	cmd.MarkFlagsMutuallyExclusive("ttl", "keep")
	return f
}

// creation adds the flags of fields that update cannot change.
func (f *logstoreFlags) creation() {
	f.set.IntVar(&f.shards, "shards", 0, "how many shards to start with, 1 to 100 (default 2)")
	f.set.BoolVar(&f.modifiable, "modifiable", false, "let single logs be deleted and updated")
	f.set.StringVar(&f.telemetry, "telemetry-type", "", "None, Metrics or Event; kept for clients, without effect yet")
}

// forEver is the ttl that never ends.
const forEver = 3650

func (f *logstoreFlags) spec() (client.LogstoreSpec, bool) {
	var s client.LogstoreSpec
	given := false
	for _, row := range []struct {
		flag string
		set  func()
	}{
		{"ttl", func() { s.TTLDays = &f.ttl }},
		{"shards", func() { s.ShardCount = &f.shards }},
		{"web-tracking", func() { s.Tracking = &f.tracking }},
		{"append-meta", func() { s.AppendMeta = &f.appendMeta }},
		{"auto-split", func() { s.AutoSplit = &f.autoSplit }},
		{"max-split-shard", func() { s.MaxSplitShard = &f.maxSplit }},
		{"modifiable", func() { s.Modifiable = &f.modifiable }},
		{"telemetry-type", func() { s.TelemetryType = &f.telemetry }},
		{"mode", func() { s.Mode = &f.mode }},
		{"hot-ttl", func() { s.HotTTLDays = &f.hotTTL }},
		{"infrequent-ttl", func() { s.InfrequentTTLDays = &f.infrequentTTL }},
	} {
		if f.set.Changed(row.flag) {
			row.set()
			given = true
		}
	}
	if f.keepsForever {
		f.ttl = forEver
		s.TTLDays, given = &f.ttl, true
	}
	return s, given
}

func (a *app) logstoreCreate() *cobra.Command {
	var flags *logstoreFlags
	cmd := a.refVerb("create", "Make a logstore", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		spec, _ := flags.spec()
		if err := c.CreateLogstore(cmd.Context(), ref, spec); err != nil {
			return err
		}
		a.note("logstore %s created; next: sluice put %s FILE, sluice tail -f %s", ref, ref, ref)
		return nil
	})
	cmd.Example = "  sluice logstore create web/access --ttl 7 --shards 4 --auto-split --max-split-shard 16"
	flags = newLogstoreFlags(cmd)
	flags.creation()
	return cmd
}

func (a *app) logstoreList() *cobra.Command {
	return &cobra.Command{
		Use:               "list PROJECT",
		Short:             "List the logstores of a project",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeProject,
		RunE: func(cmd *cobra.Command, args []string) error {
			project, err := projectArg(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			names, err := c.Logstores(cmd.Context(), project)
			if err != nil {
				return suggest(cmd.Context(), c, sluice.LogstoreRef{Project: project}, err)
			}
			logstores := make([]client.Logstore, len(names))
			for i, name := range names {
				ref := sluice.LogstoreRef{Project: project, Logstore: name}
				if logstores[i], err = c.Logstore(cmd.Context(), ref); err != nil {
					return err
				}
			}
			return a.show(cmd, logstores, func() error {
				table := tty.NewTable("LOGSTORE", ">DAYS", "WEB TRACKING", "AUTO SPLIT", "CREATED")
				for _, l := range logstores {
					table.Add(l.Name, days(l.TTLDays), yesNo(l.Tracking), yesNo(l.AutoSplit), showTime(l.Created))
				}
				return table.Write(a.out)
			})
		},
	}
}

func days(ttl int) string {
	if ttl == forEver {
		return "for ever"
	}
	return strconv.Itoa(ttl)
}

func (a *app) logstoreShow() *cobra.Command {
	return a.refVerb("show", "Show a logstore", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		l, err := c.Logstore(cmd.Context(), ref)
		if err != nil {
			return err
		}
		shards, err := c.Shards(cmd.Context(), ref)
		if err != nil {
			return err
		}
		return a.show(cmd, l, func() error {
			facts := tty.NewTable("LOGSTORE", ref.String())
			facts.Add("days kept", days(l.TTLDays))
			facts.Add("shards", countShards(shards))
			facts.Add("auto split", autoSplit(l))
			facts.Add("web tracking", yesNo(l.Tracking))
			facts.Add("append meta", yesNo(l.AppendMeta))
			facts.Add("modifiable", yesNo(l.Modifiable))
			facts.Add("mode", tty.Visible(l.Mode))
			facts.Add("telemetry type", tty.Visible(l.TelemetryType))
			facts.Add("created", showTime(l.Created))
			facts.Add("changed", showTime(l.Modified))
			return facts.Write(a.out)
		})
	})
}

func countShards(shards []client.Shard) string {
	readOnly := 0
	for _, s := range shards {
		if s.ReadOnly {
			readOnly++
		}
	}
	text := strconv.Itoa(len(shards)-readOnly) + " taking logs"
	if readOnly > 0 {
		text += ", " + strconv.Itoa(readOnly) + " read-only"
	}
	return text
}

func autoSplit(l client.Logstore) string {
	if !l.AutoSplit {
		return "no"
	}
	return "up to " + strconv.Itoa(l.MaxSplitShard) + " shards"
}

func (a *app) logstoreUpdate() *cobra.Command {
	var flags *logstoreFlags
	cmd := a.refVerb("update", "Change a logstore", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		spec, given := flags.spec()
		if !given {
			return misused(cmd, errors.New("say what to change"))
		}
		return a.done(c.UpdateLogstore(cmd.Context(), ref, spec), "logstore %s changed", ref)
	})
	cmd.Long = "Change a logstore. What is not given stays. Shards are changed with sluice shard split and merge."
	flags = newLogstoreFlags(cmd)
	return cmd
}

func (a *app) logstoreAllow() *cobra.Command {
	var yes bool
	cmd := a.refVerb("allow-modification", "Let single logs of a logstore be deleted and updated, for good", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		if l, err := c.Logstore(cmd.Context(), ref); err == nil && l.Modifiable {
			a.note("the logs of %s may be modified already", ref)
			return nil
		}
		if err := a.confirm(cmd, yes, "Let logs of %s be deleted and updated from now on? It cannot be taken back.", ref); err != nil {
			return err
		}
		if err := c.EnableModification(cmd.Context(), ref); err != nil {
			return err
		}
		a.note("logs of %s may be modified; next: sluice delete --help, sluice update --help", ref)
		return nil
	})
	cmd.Long = `Let single logs of a logstore be deleted and updated, those that it has already, too. It cannot be taken back. From then on queries give the row id of each log
in __rowid__. A new logstore gets it with: sluice logstore create --modifiable`
	yesFlag(cmd, &yes)
	return cmd
}

func (a *app) logstoreDelete() *cobra.Command {
	var yes bool
	cmd := a.refVerb("delete", "Delete a logstore with its logs", func(cmd *cobra.Command, c *client.Client, ref sluice.LogstoreRef) error {
		if err := a.confirm(cmd, yes, "Delete logstore %s with all its logs?", ref); err != nil {
			return err
		}
		if err := c.DeleteLogstore(cmd.Context(), ref); err != nil {
			return err
		}
		a.note("logstore %s deleted", ref)
		return nil
	})
	yesFlag(cmd, &yes)
	return cmd
}
