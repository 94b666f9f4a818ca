package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/version"
)

// app is what the commands share.
type app struct {
	getenv func(string) string
	stdin  io.Reader
	out    *tty.Output // what was asked for
	err    *tty.Output // everything else
	now    func() time.Time

	flags  settings // as given on the command line
	name   string   // of the profile given on the command line
	output string   // "table", "json", "yaml", or "" to choose by the stream
	query  string   // JMESPath, "" for none

	started bool // arguments and flags were right, and a command runs
}

func newApp(getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{
		getenv: getenv, stdin: stdin, out: tty.New(stdout, getenv), err: tty.New(stderr, getenv), now: time.Now,
	}
}

// program is how the user called us, for commands to copy.
func program() string {
	if strings.Contains(os.Args[0], "/") {
		return os.Args[0]
	}
	return filepath.Base(os.Args[0])
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice",
		Short: "Put, read, search and manage logs on a Sluice server",
		Long: `sluice puts, reads, searches and manages logs on a Sluice server.

Where the server is and who is asking come from flags, else from SLUICE_ENDPOINT, SLUICE_ACCESS_KEY_ID and
SLUICE_ACCESS_KEY_SECRET, else from a profile (see: sluice profile).

Exit codes: ` + exitCodes,
		Example: `  sluice profile set local --endpoint http://127.0.0.1:8080 --access-key-id ID
  sluice project create web
  sluice logstore create web/access --shards 2
  sluice put web/access access.log
  sluice tail -f web/access
  sluice query web/access 'status >= 500' --last 1h`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version.Current().Version, // gives --version
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SetVersionTemplate(version.Current().Line("sluice") + "\n")
	root.SetIn(a.stdin)
	root.SetOut(a.out)
	root.SetErr(a.err)
	a.globalFlags(root)
	root.AddGroup(
		&cobra.Group{ID: "logs", Title: "Logs:"},
		&cobra.Group{ID: "manage", Title: "What holds them:"},
		&cobra.Group{ID: "resources", Title: "What clients keep with them:"},
		&cobra.Group{ID: "machines", Title: "Machines:"},
		&cobra.Group{ID: "access", Title: "Server and access:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("logs", a.putCommand(), a.pullCommand(), a.tailCommand(), a.queryCommand(), a.histogramCommand(), a.explainCommand(),
		a.deleteCommand(), a.updateCommand(), a.deletionCommand(), a.copyCommand(), a.dumpCommand(), a.importCommand(), a.demoCommand())
	add("manage", a.projectCommand(), a.logstoreCommand(), a.shardCommand(), a.indexCommand(), a.groupCommand(), a.deliveryCommand(), a.siteCommand(), a.collectorCommand(), a.queueCommand(),
		a.applyCommand(), a.diffCommand(), a.exportCommand())
	add("resources", a.resourceCommands()...)
	add("machines", a.runCommand(), a.sendFileCommand(), a.invocationCommand(), a.instanceCommand())
	add("access", a.statusCommand(), a.doctorCommand(), a.profileCommand(), a.keyCommand(), a.iamCommand(), a.trailCommand(), a.adminCommand())
	root.AddCommand(a.versionCommand(), a.manCommand(root))
	strictHelp(root)
	a.noteStart(root)
	return root
}

func (a *app) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&a.flags.endpoint, "endpoint", "", "address of the server, http://host:port")
	flags.StringVar(&a.flags.accessKeyID, "access-key-id", "", "access key `id`")
	flags.StringVar(&a.flags.secret, "access-key-secret", "", "its `secret`; other users may see flags, prefer the environment or a profile")
	flags.StringVar(&a.flags.securityToken, "security-token", "", "security `token` of a temporary key")
	flags.StringVar(&a.flags.sign, "sign", "", "version of the signature, v1 or v4 (default v1)")
	flags.StringVar(&a.flags.region, "region", "", "region named in v4 signatures")
	flags.StringVar(&a.name, "profile", "", "`name` of the profile to use")
	flags.StringVarP(&a.output, "output", "o", "", "table, json or yaml (default table); for logs also raw, for queries also csv, xlsx, parquet")
	flags.StringVar(&a.query, "query", "", "JMESPath `expression`: show this part of the JSON output only")
	a.completeFlags(root)
}

// noteStart makes every command say that it began: an error before that is one of use.
func (a *app) noteStart(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.started = true
			return run(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		a.noteStart(child)
	}
}

// parent is a command that only holds others.
func parent(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		return cmd.Help()
	}}
	cmd.Args = cobra.ArbitraryArgs
	cmd.AddCommand(children...)
	return cmd
}

// unknownCommand is an error that names the command that was probably meant.
func unknownCommand(cmd *cobra.Command, word string) error {
	err := fmt.Errorf("unknown command %q", word)
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	if name := nearest(word, names); name != "" {
		err = fmt.Errorf("%w; did you mean %s?", err, name)
	}
	return misused(cmd, err)
}

// strictHelp has help and completion refuse what they do not know, instead of showing help of something else.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Run = nil
			cmd.RunE = func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err != nil {
					return err
				}
				if len(rest) > 0 {
					return unknownCommand(about, rest[0])
				}
				return about.Help()
			}
		case "completion":
			cmd.Args = cobra.ArbitraryArgs
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return unknownCommand(cmd, args[0])
				}
				return cmd.Help()
			}
		}
	}
}

// usageError is a command that cannot be meant as it was given.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func misused(cmd *cobra.Command, err error) error {
	var already *usageError
	if errors.As(err, &already) {
		return err
	}
	return &usageError{command: cmd.CommandPath(), err: err}
}

// note tells the user something that is not the output. What comes from elsewhere is made [tty.Visible] by the caller.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}

// done tells that something was done, unless err says that it was not.
func (a *app) done(err error, format string, args ...any) error {
	if err == nil {
		a.note(format, args...)
	}
	return err
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// projectArg checks the name of a project as far as the form goes; the server knows the rest.
func projectArg(cmd *cobra.Command, s string) (string, error) {
	if !nameForm.MatchString(s) {
		return "", misused(cmd, fmt.Errorf("%q is not the name of a project", s))
	}
	return s, nil
}

// refArg reads PROJECT/LOGSTORE.
func refArg(cmd *cobra.Command, s string) (sluice.LogstoreRef, error) {
	project, logstore, _ := strings.Cut(s, "/")
	if !nameForm.MatchString(project) || !nameForm.MatchString(logstore) {
		return sluice.LogstoreRef{}, misused(cmd, fmt.Errorf("%q is not of the form PROJECT/LOGSTORE", s))
	}
	return sluice.LogstoreRef{Project: project, Logstore: logstore}, nil
}

// refClient is what most commands start with: the logstore they are about, and a client.
func (a *app) refClient(cmd *cobra.Command, arg string) (sluice.LogstoreRef, *client.Client, error) {
	ref, err := refArg(cmd, arg)
	if err != nil {
		return ref, nil, err
	}
	c, err := a.client()
	return ref, c, err
}

// showTime is a time in a table: local, to the second; "-" for the zero time.
func showTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// plural is n things, "1 shard" or "2 shards".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(n) + " " + thing + "s"
}

// count writes n with a comma at every third digit.
func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
