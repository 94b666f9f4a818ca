package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) trailList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the trails of the account",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			trails, err := c.Trails(cmd.Context())
			if err != nil {
				return err
			}
			return a.show(cmd, trails, func() error {
				table := tty.NewTable("TRAIL", "STATE", "EVENTS", "TO")
				for _, t := range trails {
					table.Add(tty.Visible(t.Name), a.trailState(t.Status), t.EventRW, tty.Visible(strings.Join(trailTargets(t), ", ")))
				}
				return table.Write(a.out)
			})
		},
	}
}

// trailState is what the service calls the state of a trail, in plain words.
func (a *app) trailState(status string) string {
	switch status {
	case "Enable":
		return a.out.Green("logging")
	case "Fresh":
		return "new"
	}
	return a.out.Yellow("stopped")
}

// trailTargets are where a trail delivers to.
func trailTargets(t client.Trail) (all []string) {
	if project := projectOf(t); project != "" {
		all = append(all, "logstore "+project+"/actiontrail_"+t.Name)
	}
	if t.Bucket != "" {
		all = append(all, "oss://"+t.Bucket+"/"+t.Prefix)
	}
	return all
}

// projectOf is the name of a trail's project.
func projectOf(t client.Trail) string {
	_, name, _ := strings.Cut(t.ProjectARN, ":project/")
	return name
}

func (a *app) trailShow() *cobra.Command {
	return a.trailVerbCommand("show", "Show a trail", func(cmd *cobra.Command, c *client.Client, name string) error {
		t, err := c.Trail(cmd.Context(), name)
		if err != nil {
			return err
		}
		return a.show(cmd, t, func() error {
			facts := tty.NewTable("TRAIL", tty.Visible(t.Name))
			facts.Add("state", a.trailState(t.Status))
			facts.Add("events", t.EventRW)
			for _, to := range trailTargets(t) {
				facts.Add("to", tty.Visible(to))
			}
			facts.Add("arn", tty.Visible(t.ARN))
			facts.Add("created", showTime(t.Created))
			facts.Add("changed", showTime(t.Changed))
			return facts.Write(a.out)
		})
	})
}

func (a *app) trailStatus() *cobra.Command {
	return a.trailVerbCommand("status", "Show whether a trail logs, and how its deliveries fare", func(cmd *cobra.Command, c *client.Client, name string) error {
		s, err := c.TrailStatus(cmd.Context(), name)
		if err != nil {
			return err
		}
		t, err := c.Trail(cmd.Context(), name)
		if err != nil {
			return err
		}
		return a.show(cmd, s, func() error {
			facts := tty.NewTable("TRAIL", tty.Visible(name))
			facts.Add("logging", yesNo(s.Logging))
			facts.Add("since", showTime(s.Started))
			if !s.Logging {
				facts.Add("stopped", showTime(s.Stopped))
			}
			if t.ProjectARN != "" {
				facts.Add("logstore", a.deliveryState(s.LogstoreOK, s.LogstoreError))
				facts.Add("last written", showTime(s.LogstoreTime))
			}
			if t.Bucket != "" {
				facts.Add("bucket", a.deliveryState(s.BucketOK, s.BucketError))
				facts.Add("last written", showTime(s.BucketTime))
			}
			return facts.Write(a.out)
		})
	})
}

func (a *app) deliveryState(ok bool, code string) string {
	if ok {
		return a.out.Green("ok")
	}
	return a.out.Red(fmt.Sprintf("refuses: %s", tty.Visible(code)))
}
