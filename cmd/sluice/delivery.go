package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/when"
)

func (a *app) deliveryCommand() *cobra.Command {
	return parent("delivery", "Delivery tasks: ship logs to other places",
		a.deliveryCreate(), a.deliveryApply(), a.deliveryTemplate(), a.deliveryList(), a.deliveryShow(), a.deliveryWatch(),
		a.deliveryVerify(), a.deliveryProve(), a.deliveryStart(), a.deliveryPause(), a.deliveryStop(), a.deliveryRedrive(), a.deliveryDelete())
}

// taskRef names a delivery task.
type taskRef struct{ project, task string }

func (r taskRef) String() string { return r.project + "/" + r.task }

func taskArg(cmd *cobra.Command, s string) (taskRef, error) {
	project, task, _ := strings.Cut(s, "/")
	if !nameForm.MatchString(project) || !nameForm.MatchString(task) {
		return taskRef{}, misused(cmd, fmt.Errorf("%q is not of the form PROJECT/TASK", s))
	}
	return taskRef{project, task}, nil
}

// deliveryVerbCommand is a command about one task.
func (a *app) deliveryVerbCommand(use, short string, run func(cmd *cobra.Command, c *client.Client, ref taskRef) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " PROJECT/TASK",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeDelivery,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := taskArg(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			err = run(cmd, c, ref)
			if client.Code(err) == "DeliveryTaskNotExist" {
				return &hinted{err, "List them: sluice delivery list " + ref.project}
			}
			return err
		},
	}
}

// completeDelivery offers projects, and behind a slash the tasks of one.
func (a *app) completeDelivery(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	project, _, inProject := strings.Cut(typed, "/")
	if len(args) > 0 || !inProject {
		return a.completeRef(cmd, args, typed)
	}
	names := a.completions(cmd, func(ctx context.Context) ([]string, error) {
		c, err := a.client()
		if err != nil {
			return nil, err
		}
		tasks, err := c.Deliveries(ctx, project)
		names := make([]string, len(tasks))
		for i := range tasks {
			names[i] = project + "/" + tasks[i].Name
		}
		return names, err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) deliveryVerify() *cobra.Command {
	return a.deliveryVerbCommand("verify", "Test the connection to a task's destination",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			if _, err := c.VerifyDelivery(cmd.Context(), ref.project, ref.task); err != nil {
				return err
			}
			a.note("the destination of %s would take logs now; next: sluice delivery start %s", ref, ref)
			return nil
		})
}

func (a *app) deliveryProve() *cobra.Command {
	var token string
	cmd := a.deliveryVerbCommand("prove", "Prove that a task's bucket is yours, where the server asks for it",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			if token != "" {
				if err := c.ProveDelivery(cmd.Context(), ref.project, ref.task, token); err != nil {
					return err
				}
				a.note("the bucket is yours; next: sluice delivery start %s", ref)
				return nil
			}
			file, err := c.ChallengeDelivery(cmd.Context(), ref.project, ref.task)
			if err != nil {
				return err
			}
			a.note("read this file in the bucket, then: sluice delivery prove %s --token CONTENT", ref)
			_, err = fmt.Fprintln(a.out, file)
			return err
		})
	cmd.Flags().StringVar(&token, "token", "", "`content` of the file that prove without it wrote to the bucket")
	return cmd
}

func (a *app) deliveryStart() *cobra.Command {
	var fromNow bool
	cmd := a.deliveryVerbCommand("start", "Bring a task online, where it stopped",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			t, err := c.StartDelivery(cmd.Context(), ref.project, ref.task, fromNow)
			if err != nil {
				return err
			}
			a.note("%s is %s; watch it: sluice delivery watch %s", ref, t.State, ref)
			return nil
		})
	cmd.Flags().BoolVar(&fromNow, "from-now", false, "leave out what came while it was paused or offline")
	return cmd
}

func (a *app) deliveryPause() *cobra.Command {
	var reason string
	cmd := a.deliveryVerbCommand("pause", "Stop a task where it is",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			_, err := c.PauseDelivery(cmd.Context(), ref.project, ref.task, reason)
			return err
		})
	cmd.Flags().StringVar(&reason, "reason", "", "`why`, for those who see it paused")
	return cmd
}

func (a *app) deliveryStop() *cobra.Command {
	return a.deliveryVerbCommand("stop", "Take a task offline; it keeps its place",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			_, err := c.StopDelivery(cmd.Context(), ref.project, ref.task)
			return err
		})
}

func (a *app) deliveryRedrive() *cobra.Command {
	var from, to string
	cmd := a.deliveryVerbCommand("redrive", "Deliver a task's dead letters again",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			var bounds [2]time.Time
			for i, text := range []string{from, to} {
				if text == "" {
					continue
				}
				t, err := when.Parse(text, a.now())
				if err != nil {
					return misused(cmd, err)
				}
				bounds[i] = t
			}
			if _, err := c.RedriveDelivery(cmd.Context(), ref.project, ref.task, bounds[0], bounds[1]); err != nil {
				return err
			}
			a.note("dead letters of %s are being delivered again; watch it: sluice delivery watch %s", ref, ref)
			return nil
		})
	cmd.Flags().StringVar(&from, "from", "", "only those written at this `time` or later: -1h, 09:30, 2006-01-02T15:04:05Z")
	cmd.Flags().StringVar(&to, "to", "", "only those written before this `time`")
	return cmd
}

func (a *app) deliveryDelete() *cobra.Command {
	var yes bool
	cmd := a.deliveryVerbCommand("delete", "Delete a task; its dead letters stay",
		func(cmd *cobra.Command, c *client.Client, ref taskRef) error {
			if err := a.confirm(cmd, yes, "Delete delivery task %s and its place in the logs?", ref); err != nil {
				return err
			}
			return a.done(c.DeleteDelivery(cmd.Context(), ref.project, ref.task), "delivery task %s deleted", ref)
		})
	yesFlag(cmd, &yes)
	return cmd
}

// sinkOf tells the type of a task's destination out of its document.
func sinkOf(spec json.RawMessage) string {
	var s struct {
		Sink struct {
			Type string `json:"type"`
		} `json:"sink"`
	}
	if json.Unmarshal(spec, &s) != nil {
		return "?"
	}
	return s.Sink.Type
}

var errNoDocument = errors.New("say what to ship and where to: --file with a document (sluice delivery template shows some), or --set")
