package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

// status is how the server is, and what the credentials may do there.
type status struct {
	Endpoint string        `json:"endpoint"`
	Profile  string        `json:"profile,omitempty"`
	Health   client.Health `json:"health"`
	Key      keyStatus     `json:"accessKey"`
}

type keyStatus struct {
	ID       string   `json:"accessKeyId"`
	Accepted bool     `json:"accepted"`
	Reason   string   `json:"reason,omitempty"` // why it is not
	Root     bool     `json:"root"`             // it may manage keys
	Limited  bool     `json:"limited"`          // to some projects, which it cannot list
	Projects []string `json:"projects"`         // it can list
	hint     string
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how the server is, and whether it accepts your access key",
		Long:  "Show how the server is, and whether it accepts your access key. The exit code is 0 only if both are well.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.settings()
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			health, err := c.Health(cmd.Context())
			if err != nil {
				return err
			}
			now := status{Endpoint: c.Endpoint(), Profile: s.profile, Health: health}
			if now.Key, err = a.keyStatus(cmd.Context(), c); err != nil {
				return err
			}
			if err := a.show(cmd, now, func() error { return a.statusTable(now) }); err != nil {
				return err
			}
			if !health.Ready || !now.Key.Accepted {
				return &silent{errors.New("not well")}
			}
			return nil
		},
	}
}

// keyStatus tries the access key. Only a root key may list keys, and trying to is harmless.
func (a *app) keyStatus(ctx context.Context, c *client.Client) (keyStatus, error) {
	k := keyStatus{ID: c.AccessKeyID(), Projects: []string{}}
	_, err := c.Keys(ctx)
	k.Root = err == nil
	projects, err := c.Projects(ctx)
	var refused *client.Error
	switch {
	case denied(err):
		k.Accepted, k.Limited = true, true
		return k, nil
	case errors.As(err, &refused):
		k.Reason, k.hint = explain(err)
		return k, nil
	case err != nil:
		return k, err
	}
	k.Accepted = true
	for _, p := range projects {
		k.Projects = append(k.Projects, p.Name)
	}
	return k, nil
}

func (a *app) statusTable(s status) error {
	table := tty.NewTable("SERVER", s.Endpoint)
	table.Add("alive", a.goodBad(s.Health.Alive, ""))
	table.Add("ready", a.goodBad(s.Health.Ready, s.Health.Detail))
	table.Add("clock", a.clock(s.Health))
	if s.Profile != "" {
		table.Add("profile", s.Profile)
	}
	table.Add("access key", s.Key.ID)
	table.Add("accepted", a.goodBad(s.Key.Accepted, s.Key.Reason))
	if s.Key.Accepted {
		table.Add("manages keys", yesNo(s.Key.Root))
		table.Add("projects", s.Key.projects())
	}
	if err := table.Write(a.out); err != nil {
		return err
	}
	if s.Key.hint != "" {
		a.note("%s", s.Key.hint)
	}
	return nil
}

func (k keyStatus) projects() string {
	if k.Limited {
		return "some, which this key cannot list"
	}
	return strconv.Itoa(len(k.Projects))
}

func (a *app) goodBad(good bool, detail string) string {
	text := a.out.Green("yes")
	if !good {
		text = a.out.Red("no")
		if detail != "" {
			text += ": " + tty.Visible(detail)
		}
	}
	return text
}

// clock warns long before the 15 minutes at which requests are refused.
func (a *app) clock(h client.Health) string {
	const noticeable = 30
	if s := h.Skew.Seconds(); s > noticeable || s < -noticeable {
		return a.out.Yellow(h.SkewInText + " off this machine's")
	}
	return a.out.Green("in step with this machine's")
}
