package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// runFlags are those of sluice run.
type runFlags struct {
	on                              []string
	script, kind, user, dir, repeat string
	timeout                         time.Duration
	detach                          bool
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run --on MACHINE... -- COMMAND...",
		Short: "Run a command on machines and show what it writes",
		Long: `run runs a command on machines and shows what it writes there as it comes, and then a table of how it went. Words behind -- are quoted for the
shell; one word alone is a line of shell. Ctrl-C leaves the command running: sluice invocation stop ends it. The exit code is 0 only if all
machines succeeded.`,
		Example: "  sluice run --on tag=role:web -- uptime\n  sluice run --on db-1 --on db-2 --user postgres 'df -h | tail -n +2'\n  sluice run --on db-1 --script upgrade.sh --timeout 10m",
		Args:    cobra.ArbitraryArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, &f, args) },
	}
	flags := cmd.Flags()
	onFlag(cmd, &f.on)
	flags.StringVar(&f.script, "script", "", "run this `file` instead of a command")
	flags.StringVar(&f.kind, "type", "shell", "what the command is for: shell, bat or powershell")
	flags.StringVar(&f.user, "user", "", "`name` of the user that it runs as (default the agent's)")
	flags.StringVar(&f.dir, "dir", "", "`directory` that it runs in (default the user's home)")
	flags.StringVar(&f.repeat, "repeat", "", "run it by a schedule: rate(5m), at(2026-05-01 08:30:00) or a cron expression of Quartz")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long it may take, 10s at least")
	flags.BoolVarP(&f.detach, "detach", "d", false, "do not wait; show the id of the invocation")
	return cmd
}

func onFlag(cmd *cobra.Command, on *[]string) {
	cmd.Flags().StringArrayVar(on, "on", nil, "a `machine` by name or id, or all with tag=KEY or tag=KEY:VALUE; again for more")
	_ = cmd.MarkFlagRequired("on") // it exists
}

var commandTypes = map[string]string{"shell": "RunShellScript", "bat": "RunBatScript", "powershell": "RunPowerShellScript"}

func (a *app) run(cmd *cobra.Command, f *runFlags, args []string) error {
	kind, ok := commandTypes[f.kind]
	if !ok {
		return misused(cmd, fmt.Errorf("type %q is not shell, bat or powershell", f.kind))
	}
	if (f.script == "") == (len(args) == 0) {
		return misused(cmd, errors.New("give either a command behind --, or --script"))
	}
	content := commandLine(args)
	if f.script != "" {
		raw, err := os.ReadFile(f.script)
		if err != nil {
			return err
		}
		content = string(raw)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	to, err := targets(cmd.Context(), c, f.on)
	if err != nil {
		return err
	}
	id, err := c.RunCommand(cmd.Context(), client.Run{
		Targets: to, Type: kind, Content: content, User: f.user, Directory: f.dir, Timeout: int(f.timeout / time.Second), Frequency: f.repeat,
	})
	if err != nil {
		return err
	}
	if f.detach || f.repeat != "" {
		_, err := fmt.Fprintln(a.out, id)
		return err
	}
	return a.follow(cmd, c, id)
}

// commandLine is the shell's line of a command: one word as it is, several quoted.
func commandLine(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	quoted := make([]string, len(args))
	for i, w := range args {
		quoted[i] = w
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,@%+") != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func (a *app) sendFileCommand() *cobra.Command {
	var on []string
	var f client.SentFile
	cmd := &cobra.Command{
		Use:     "send-file --on MACHINE... FILE DIRECTORY",
		Short:   "Write a file on machines",
		Long:    "send-file writes a file of at most 24 KiB into a directory of machines, which is made if it is not there.",
		Example: "  sluice send-file --on web-1 --mode 0600 app.conf /etc/app",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if f.Content, err = os.ReadFile(args[0]); err != nil {
				return err
			}
			if f.Name == "" {
				f.Name = filepath.Base(args[0])
			}
			f.Directory = args[1]
			if f.Targets, err = targets(cmd.Context(), c, on); err != nil {
				return err
			}
			if len(f.Tags) > 0 {
				return misused(cmd, errors.New("send-file takes machines, and no tags"))
			}
			id, err := c.SendFile(cmd.Context(), f)
			if err != nil {
				return err
			}
			return a.follow(cmd, c, id)
		},
	}
	onFlag(cmd, &on)
	cmd.Flags().StringVar(&f.Name, "name", "", "`name` of the file there (default its own)")
	cmd.Flags().StringVar(&f.Mode, "mode", "", "its mode (default 0644)")
	cmd.Flags().StringVar(&f.Owner, "owner", "", "its `user`")
	cmd.Flags().StringVar(&f.Group, "group", "", "its `group`")
	cmd.Flags().BoolVar(&f.Overwrite, "overwrite", false, "replace a file of that name")
	return cmd
}

func (a *app) invocationCommand() *cobra.Command {
	return parent("invocation", "Commands and files that were sent to machines",
		a.invocationList(), a.invocationShow(), a.invocationWatch(), a.invocationStop())
}

func (a *app) invocationList() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the newest invocations of commands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			all, err := c.Invocations(cmd.Context(), limit)
			if err != nil {
				return err
			}
			return a.show(cmd, all, func() error {
				const width = 60
				table := tty.NewTable("INVOCATION", "CREATED", "STATUS", ">MACHINES", "REPEAT", "COMMAND")
				for _, i := range all {
					line, _, _ := strings.Cut(i.Content, "\n")
					table.Add(i.ID, i.Created, i.Status, strconv.Itoa(len(i.Machines.List)), strings.TrimSpace(i.Repeat+" "+i.Frequency), tty.Visible(shorten(line, width)))
				}
				return table.Write(a.out)
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 20, "at most so many")
	return cmd
}

func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// invocationVerb is a command about one invocation.
func (a *app) invocationVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, id string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use + " INVOCATION",
		Short: short,
		Args:  cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return run(cmd, c, args[0])
		},
	}
}

func (a *app) invocationShow() *cobra.Command {
	return a.invocationVerb("show", "Show what came of an invocation, with its output", func(cmd *cobra.Command, c *client.Client, id string) error {
		i, err := c.Invocation(cmd.Context(), id)
		if err != nil {
			return err
		}
		return a.show(cmd, i, func() error {
			w := a.newWatch(cmd.Context(), c)
			w.print(i)
			return w.summary(i)
		})
	})
}

func (a *app) invocationWatch() *cobra.Command {
	return a.invocationVerb("watch", "Show what an invocation writes as it comes, until it is over", a.follow)
}

func (a *app) invocationStop() *cobra.Command {
	return a.invocationVerb("stop", "End an invocation: what runs is killed, what did not begin does not", func(cmd *cobra.Command, c *client.Client, id string) error {
		return a.done(c.StopInvocation(cmd.Context(), id), "invocation %s is being ended", tty.Visible(id))
	})
}
