package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) importCommand() *cobra.Command {
	return parent("import", "Events of other clouds, read into logstores",
		parent("cloudtrail", "Files that AWS CloudTrail writes to a bucket",
			a.importCreate(), a.importList(), a.importStatus(), a.importDelete()))
}

func (a *app) importCreate() *cobra.Command {
	var i client.TrailImport
	var logstore string
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "create PROJECT/NAME",
		Short: "Read a bucket's CloudTrail files into a logstore, and go on with what comes",
		Long: `create has the server read the files of CloudTrail in a bucket of S3, or of a service that speaks its protocol, into a logstore, each record
once. Files that come later are read when they come. The secret of the bucket's key comes from the environment, AWS_SECRET_ACCESS_KEY, and is asked
for without it.`,
		Example: `  sluice import cloudtrail create audit/aws --bucket my-trail --bucket-region eu-central-1 --key-id AKIAEXAMPLE --watch
  sluice import cloudtrail create audit/lab --bucket trail --bucket-endpoint http://minio.lab:9000 --key-id lab --logstore lab-trail`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeRef,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			i.Name, i.Logstore = ref.Logstore, logstore
			i.IntervalSeconds = int64(interval / time.Second)
			i.SecretAccessKey, i.SessionToken = a.getenv("AWS_SECRET_ACCESS_KEY"), a.getenv("AWS_SESSION_TOKEN")
			if i.AccessKeyID == "" {
				i.AccessKeyID = a.getenv("AWS_ACCESS_KEY_ID")
			}
			if i.SecretAccessKey == "" {
				if i.SecretAccessKey, err = a.askSecret(cmd.Context(), "secret of key "+i.AccessKeyID+": "); err != nil {
					return err
				}
			}
			if _, err := c.CreateTrailImport(cmd.Context(), ref.Project, i); err != nil {
				return err
			}
			a.note("import %s created; its records go to %s/%s", i.Name, ref.Project, i.Logstore)
			if !watch {
				return nil
			}
			s, err := a.watchImport(cmd.Context(), c, ref.Project, i.Name)
			if err != nil {
				return err
			}
			return a.showImport(cmd, ref.Project, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&logstore, "logstore", "cloudtrail", "`name` of the logstore, which is made with an index if it is not there")
	f.StringVar(&i.Bucket, "bucket", "", "`name` of the bucket")
	f.StringVar(&i.Prefix, "prefix", "", "directory in the bucket, in front of AWSLogs/")
	f.StringVar(&i.Region, "bucket-region", "", "region of the bucket (default us-east-1)")
	f.StringVar(&i.Endpoint, "bucket-endpoint", "", "`url` of a service other than AWS")
	f.StringVar(&i.Addressing, "addressing", "", "path or virtual (default path with an endpoint, else virtual)")
	f.StringVar(&i.AccessKeyID, "key-id", "", "access key `id` for the bucket (default AWS_ACCESS_KEY_ID)")
	f.StringVar(&i.From, "from", "", "first `day` to read, like 2026-01-31 (default all)")
	f.BoolVar(&i.Insights, "insights", false, "also files of CloudTrail Insights")
	f.DurationVar(&interval, "every", time.Minute, "between looks for new files")
	f.BoolVarP(&watch, "watch", "w", false, "show the progress until all files that are there are read")
	_ = cmd.MarkFlagRequired("bucket")
	return cmd
}

func (a *app) importList() *cobra.Command {
	return &cobra.Command{
		Use:   "list PROJECT",
		Short: "List the imports of a project",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeProject,
		RunE: func(cmd *cobra.Command, args []string) error {
			project, err := projectArg(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			list, err := c.TrailImports(cmd.Context(), project)
			if err != nil {
				return err
			}
			return a.show(cmd, list, func() error {
				table := tty.NewTable("IMPORT", "BUCKET", "LOGSTORE", ">FILES", ">RECORDS", ">LEFT OUT", ">TO GO", "STATE")
				for i := range list {
					s := &list[i]
					table.Add(s.Name, s.Bucket, s.Logstore, count(int(s.Files)), count(int(s.Records)), count(int(s.BadFiles+s.BadRecords)), count(int(s.FilesLeft)),
						tty.Visible(importState(s)))
				}
				return table.Write(a.out)
			})
		},
	}
}

// importState is how an import does, in a word or by what went wrong.
func importState(s *client.TrailImportStatus) string {
	switch {
	case s.Error != "":
		return s.Error
	case s.Looked.IsZero():
		return "reading"
	}
	return "up to date"
}

func (a *app) importStatus() *cobra.Command {
	var watch bool
	cmd := a.importVerb("status PROJECT/NAME", "Show how an import does, and what it left out", func(cmd *cobra.Command, c *client.Client, project, name string) error {
		s, err := c.TrailImport(cmd.Context(), project, name)
		if err == nil && watch {
			s, err = a.watchImport(cmd.Context(), c, project, name)
		}
		if err != nil {
			return err
		}
		return a.showImport(cmd, project, s)
	})
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show the progress until all files that are there are read")
	return cmd
}

// watchImport shows the progress of an import until it has read everything.
func (a *app) watchImport(ctx context.Context, c *client.Client, project, name string) (*client.TrailImportStatus, error) {
	defer a.err.ClearStatus()
	const every = 200 * time.Millisecond
	bar := a.transfer()
	for {
		s, err := c.TrailImport(ctx, project, name)
		if err != nil || !s.Looked.IsZero() || s.Error != "" {
			return s, err
		}
		bar.show(s.Files, s.Files+s.FilesLeft, s.Bytes)
		if !sleep(ctx, every) {
			a.err.ClearStatus()
			a.note("The import goes on. Look again: %s import cloudtrail status %s/%s --watch", program(), project, name)
			return s, ctx.Err()
		}
	}
}

func (a *app) showImport(cmd *cobra.Command, project string, s *client.TrailImportStatus) error {
	return a.show(cmd, s, func() error {
		table := tty.NewTable("IMPORT", project+"/"+s.Name)
		table.Add("state", tty.Visible(importState(s)))
		table.Add("bucket", strings.TrimSuffix(s.Bucket+"/"+tty.Visible(s.Prefix), "/"))
		table.Add("logstore", project+"/"+s.Logstore)
		table.Add("read", fmt.Sprintf("%s, %s", plural(int(s.Files), "file"), bytesText(s.Bytes)))
		table.Add("to go", fmt.Sprintf("%s, %s", plural(int(s.FilesLeft), "file"), bytesText(s.BytesLeft)))
		table.Add("written", plural(int(s.Records), "record"))
		table.Add("delivered twice", plural(int(s.Duplicates), "record"))
		table.Add("left out", fmt.Sprintf("%s, %s", plural(int(s.BadFiles), "file"), plural(int(s.BadRecords), "record")))
		if err := table.Write(a.out); err != nil || len(s.Faults) == 0 {
			return err
		}
		faults := tty.NewTable("LEFT OUT", ">AT BYTE", ">RECORD", "WHY")
		for _, f := range s.Faults {
			record := "all"
			if f.Record >= 0 {
				record = strconv.Itoa(f.Record)
			}
			faults.Add(tty.Visible(f.File), strconv.FormatInt(f.Offset, 10), record, tty.Visible(f.Reason))
		}
		return faults.Write(a.out)
	})
}

func (a *app) importDelete() *cobra.Command {
	var yes bool
	cmd := a.importVerb("delete PROJECT/NAME", "Stop an import and forget it; its logs stay", func(cmd *cobra.Command, c *client.Client, project, name string) error {
		if err := a.confirm(cmd, yes, "Delete import %s/%s? Made again, it reads all files again.", project, name); err != nil {
			return err
		}
		return a.done(c.DeleteTrailImport(cmd.Context(), project, name), "import %s/%s deleted", project, name)
	})
	yesFlag(cmd, &yes)
	return cmd
}

// importVerb is a command about one import.
func (a *app) importVerb(use, short string, run func(cmd *cobra.Command, c *client.Client, project, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeImport,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, c, err := a.refClient(cmd, args[0])
			if err != nil {
				return err
			}
			return run(cmd, c, ref.Project, ref.Logstore)
		},
	}
}

// completeImport offers projects, and behind a slash the imports of one.
func (a *app) completeImport(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	project, _, inProject := strings.Cut(typed, "/")
	if len(args) > 0 || !inProject {
		return a.completeRef(cmd, args, typed)
	}
	return a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		list, err := c.TrailImports(ctx, project)
		names := make([]string, len(list))
		for i := range list {
			names[i] = project + "/" + list[i].Name
		}
		return names, err
	}), cobra.ShellCompDirectiveNoFileComp
}
