package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/trail"
)

func (a *app) trailAnchorCommand() *cobra.Command {
	return a.evidenceCommand(&cobra.Command{
		Use:   "anchor",
		Short: "Sign an anchor behind all audit events that are there",
		Long: `Sign an anchor behind all audit events that are there, instead of within trail.anchor_interval. Keep it where nobody has it who could change
the server (--save): with sluice trail verify --anchor it proves later that none of these events is gone or was changed. It takes a root
access key.`,
		Example: "  sluice trail anchor --save anchor.json",
	}, (*client.Client).CreateTrailAnchor)
}

func (a *app) trailRotateKeyCommand() *cobra.Command {
	return a.evidenceCommand(&cobra.Command{
		Use:   "rotate-key",
		Short: "Have anchors of audit events signed with a new key",
		Long: `Make a new key for anchors of audit events. The old key vouches for it in the record, and its private part is destroyed; what it signed stays good.
Whoever verifies with a fingerprint of an older key, or with an anchor that was kept, need not be told. It takes a root access key.

If the old key may be somebody else's, keep what --save writes, and verify with the fingerprint of the new key from now on: see docs/trail.md.`,
		Example: "  sluice trail rotate-key --save anchor.json",
	}, (*client.Client).RotateTrailKey)
}

// evidenceCommand is a command that has the server sign something, and shows and keeps what comes of it.
func (a *app) evidenceCommand(cmd *cobra.Command, ask func(*client.Client, context.Context) (json.RawMessage, error)) *cobra.Command {
	var file string
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		raw, err := ask(c, cmd.Context())
		if err != nil {
			return err
		}
		e, _, err := trail.ParseEvidence(raw)
		if err != nil {
			return fmt.Errorf("the server's anchor: %w", err)
		}
		if file != "" {
			if err := saveEvidence(file, e); err != nil {
				return err
			}
		}
		return a.show(cmd, e, func() error {
			_, err := fmt.Fprintf(a.out, "events up to %d are signed, %s\nkey %s\n", e.Anchor.Seq, e.Anchor.Time.Format(time.RFC3339), e.Signer())
			return err
		})
	}
	cmd.Flags().StringVar(&file, "save", "", "write the anchor and the public keys to this `file`, to be kept elsewhere")
	return cmd
}
