package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/config"
)

// keyLimit shows and sets what may be done with a key in each second.
func (a *app) keyLimit() *cobra.Command {
	var l client.KeyLimits
	var writeBytes, readBytes string
	var reset bool
	cmd := a.keyVerb("limit", "Show or set what an access key may take in each second", func(cmd *cobra.Command, c *client.Client, id string) error {
		for _, size := range []struct {
			flag, text string
			into       *int64
		}{{"write-bytes", writeBytes, &l.WriteBytes}, {"read-bytes", readBytes, &l.ReadBytes}} {
			if size.text == "" {
				continue
			}
			n, err := config.ParseBytes(size.text)
			if err != nil {
				return misused(cmd, fmt.Errorf("--%s %q %w", size.flag, size.text, err))
			}
			*size.into = int64(n)
		}
		set := false
		for _, flag := range []string{"write-requests", "write-bytes", "read-requests", "read-bytes"} {
			set = set || cmd.Flags().Changed(flag)
		}
		if set && reset {
			return misused(cmd, errors.New("--reset goes with no limits"))
		}
		if err := changeLimits(cmd, c, id, l, set, reset); err != nil {
			return err
		}
		now, err := c.KeyLimits(cmd.Context(), id)
		if err != nil {
			return err
		}
		return a.showLimits(cmd, id, now)
	})
	cmd.Example = `  sluice key limit SLUICEABC
  sluice key limit SLUICEABC --write-requests 100 --write-bytes 5MiB
  sluice key limit SLUICEABC --reset`
	flags := cmd.Flags()
	flags.Int64Var(&l.WriteRequests, "write-requests", 0, "requests that change something")
	flags.StringVar(&writeBytes, "write-bytes", "", "`size` of the logs in them, before compression: 5MiB")
	flags.Int64Var(&l.ReadRequests, "read-requests", 0, "other requests")
	flags.StringVar(&readBytes, "read-bytes", "", "`size` of what they are answered")
	flags.BoolVar(&reset, "reset", false, "hold the key to what the server is configured with")
	return cmd
}

func changeLimits(cmd *cobra.Command, c *client.Client, id string, l client.KeyLimits, set, reset bool) error {
	switch {
	case reset:
		return c.ResetKeyLimits(cmd.Context(), id)
	case set:
		return c.SetKeyLimits(cmd.Context(), id, l)
	}
	return nil
}

func (a *app) showLimits(cmd *cobra.Command, id string, l client.KeyLimits) error {
	return a.show(cmd, l, func() error {
		table := tty.NewTable("ACCESS KEY", id)
		table.Add("limits are", map[bool]string{true: "its own", false: "those of the server"}[l.Own])
		table.Add("writes", rateText(l.WriteRequests, l.WriteBytes))
		table.Add("reads", rateText(l.ReadRequests, l.ReadBytes))
		return table.Write(a.out)
	})
}

func rateText(requests, bytes int64) string {
	text := "any number of requests"
	if requests > 0 {
		text = plural(int(requests), "request")
	}
	if bytes > 0 {
		text += ", " + config.Bytes(bytes).String()
	}
	if requests > 0 || bytes > 0 {
		text += " per second"
	}
	return text
}
