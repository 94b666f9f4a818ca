package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// trailFlags say what a trail is to be.
type trailFlags struct {
	project, bucket, prefix, events string
}

func (f *trailFlags) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.project, "project", "", "deliver to logstore actiontrail_TRAIL of this `project`")
	flags.StringVar(&f.bucket, "bucket", "", "deliver to this `bucket` of OSS")
	flags.StringVar(&f.prefix, "prefix", "", "`begin` of the names of its objects, 6 to 32 characters")
	flags.StringVar(&f.events, "events", "", "which management events: write, read or all (default write)")
	_ = cmd.RegisterFlagCompletionFunc("events", cobra.FixedCompletions([]string{"write", "read", "all"}, cobra.ShellCompDirectiveNoFileComp))
}

var eventWords = map[string]string{"write": "Write", "read": "Read", "all": "All"}

// spec is what the given flags say; what is not given is nil.
func (f *trailFlags) spec(cmd *cobra.Command, c *client.Client) (s client.TrailSpec, err error) {
	given := func(name string, value *string) *string {
		if cmd.Flags().Changed(name) {
			return value
		}
		return nil
	}
	s.Bucket, s.Prefix = given("bucket", &f.bucket), given("prefix", &f.prefix)
	if given("events", &f.events) != nil {
		word, ok := eventWords[f.events]
		if !ok {
			return s, misused(cmd, fmt.Errorf("events %q is not write, read or all", f.events))
		}
		s.EventRW = &word
	}
	if given("project", &f.project) != nil {
		var arn string
		if f.project != "" {
			if arn, err = projectARN(cmd.Context(), c, f.project); err != nil {
				return s, err
			}
		}
		s.ProjectARN = &arn
	}
	return s, nil
}

// projectARN names a project of the account that asks.
func projectARN(ctx context.Context, c *client.Client, project string) (string, error) {
	who, err := c.WhoAmI(ctx)
	return client.ProjectARN(who.AccountID, project), err
}

func (a *app) trailCreate() *cobra.Command {
	var f trailFlags
	var start bool
	cmd := &cobra.Command{
		Use:   "create TRAIL",
		Short: "Make a trail: deliver audit events to a logstore or a bucket",
		Long: `create makes a trail. It delivers the management events of the account to a logstore of a project, to a bucket of OSS, or to both; a trail that was
made does not log until it is started.`,
		Example: "  sluice trail create audit-main --project audit --events all --start\n  sluice trail create audit-bucket --bucket company-audit --prefix sluice/",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.project == "" && f.bucket == "" {
				return misused(cmd, errors.New("say where to: --project, --bucket, or both"))
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := f.spec(cmd, c)
			if err != nil {
				return err
			}
			if err := c.CreateTrail(cmd.Context(), args[0], s); err != nil {
				return err
			}
			if !start {
				a.note("trail %s created; it logs after: sluice trail start %s", args[0], args[0])
				return nil
			}
			if err := c.StartTrail(cmd.Context(), args[0]); err != nil {
				return err
			}
			a.note("trail %s created and logging; see: sluice trail status %s", args[0], args[0])
			return nil
		},
	}
	f.flags(cmd)
	cmd.Flags().BoolVar(&start, "start", false, "make it log at once")
	return cmd
}

func (a *app) trailUpdate() *cobra.Command {
	var f trailFlags
	cmd := a.trailVerbCommand("update", "Change a trail; what is not given stays", func(cmd *cobra.Command, c *client.Client, name string) error {
		s, err := f.spec(cmd, c)
		if err != nil {
			return err
		}
		if s == (client.TrailSpec{}) {
			return misused(cmd, errors.New("say what to change: --project, --bucket, --prefix or --events"))
		}
		return a.done(c.UpdateTrail(cmd.Context(), name, s), "trail %s changed", tty.Visible(name))
	})
	cmd.Example = "  sluice trail update audit-main --events all\n  sluice trail update audit-main --bucket ''"
	f.flags(cmd)
	return cmd
}
