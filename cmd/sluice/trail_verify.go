package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/trail"
)

// verification is one run of trail verify.
type verification struct {
	app          *app
	client       *client.Client
	keyFile      string
	fingerprints []string
	anchorFile   string
	saveFile     string
	given        trail.Given
}

// Exit codes of trail verify, as those of diff: 1 says that something is different, 2 that it is not known.
const exitTampered, exitUnverified = 1, 2

func (a *app) trailVerifyCommand() *cobra.Command {
	v := &verification{app: a}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say whether the audit events are as they were written",
		Long: `Pull all audit events of the server, and say whether any was changed, removed, moved or repeated up to the newest signed anchor, and whether
what is missing in front was taken by retention, as recorded. It takes a root access key.

Without --anchor, --fingerprint and --public-key the server's own word is taken for the newest anchor and for the first key. Keep an anchor
where nobody has it who could change the server (--save), and give it the next time: then it is certain that nothing of what was there
is gone. A key that is trusted vouches for the one that followed it, so a fingerprint stays good when keys change.

Exit codes: 0 all is as it was written; 1 something is not; 2 it could not be verified.`,
		Example: `  sluice trail verify --save anchor-2026-11.json
  sluice trail verify --anchor anchor-2026-10.json
  sluice trail verify --fingerprint 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := v.run(cmd.Context())
			if err != nil {
				return &exitCode{err, exitUnverified}
			}
			if err := a.show(cmd, report, func() error {
				_, err := fmt.Fprint(a.out, report)
				return err
			}); err != nil {
				return err
			}
			if !report.Good() {
				return &exitCode{&silent{errors.New("the audit events are not as they were written")}, exitTampered}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&v.keyFile, "public-key", "", "`file` of public keys, in PEM, that are trusted, with the keys that they vouch for")
	cmd.Flags().StringArrayVar(&v.fingerprints, "fingerprint", nil, "`fingerprint` of such a key: 64 hexadecimal digits; may be repeated")
	cmd.Flags().StringVar(&v.anchorFile, "anchor", "", "`file` of an anchor that was kept; its keys are trusted if no others are given")
	cmd.Flags().StringVar(&v.saveFile, "save", "", "write the newest anchor and the public keys to this `file`, to be kept elsewhere")
	return cmd
}

func (v *verification) run(ctx context.Context) (*trail.Report, error) {
	var err error
	if v.given, err = trail.Known(v.anchorFile, v.keyFile, v.fingerprints); err != nil {
		return nil, err
	}
	if v.client, err = v.app.client(); err != nil {
		return nil, err
	}
	for {
		told, keys, err := v.evidence(ctx)
		if err != nil {
			return nil, err
		}
		report, err := v.verify(ctx, told, keys)
		if err != nil {
			return nil, err
		}
		// What is too old may have gone while the rest was pulled; the anchor that says so is newer than the one at hand.
		if now, _, err := v.evidence(ctx); err != nil || now.Anchor.Floor == told.Anchor.Floor {
			return report, err
		}
	}
}

// evidence is what the server says of itself.
func (v *verification) evidence(ctx context.Context) (trail.Evidence, trail.Keys, error) {
	raw, err := v.client.TrailAnchor(ctx)
	if err != nil {
		return trail.Evidence{}, nil, err
	}
	told, keys, err := trail.ParseEvidence(raw)
	if err != nil {
		err = fmt.Errorf("the server's anchor: %w", err)
	}
	return told, keys, err
}

// verify verifies with what the server says, or with what was kept.
func (v *verification) verify(ctx context.Context, told trail.Evidence, keys trail.Keys) (*trail.Report, error) {
	report, err := v.pull(ctx, trail.NewVerifier(keys, v.given.Pins, append([]trail.Anchor{told.Anchor}, v.given.Anchors...)...))
	if err != nil || v.saveFile == "" || !report.Good() {
		return report, err
	}
	return report, saveEvidence(v.saveFile, told)
}

// saveEvidence writes what is to be kept elsewhere.
func saveEvidence(file string, e trail.Evidence) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // it is public
}

// pull gives the verifier all events up to now.
func (v *verification) pull(ctx context.Context, to *trail.Verifier) (*trail.Report, error) {
	const shard sluice.ShardID = 0
	begin, err := v.client.BeginCursor(ctx, trail.Events, shard)
	if err != nil {
		return nil, err
	}
	end, err := v.client.EndCursor(ctx, trail.Events, shard)
	if err != nil {
		return nil, err
	}
	from, err := sluice.ParseCursor(begin)
	if err != nil {
		return nil, err
	}
	total, err := sluice.ParseCursor(end)
	if err != nil {
		return nil, err
	}
	bar, bytes := v.app.transfer(), int64(0)
	defer v.app.err.ClearStatus()
	for cursor := begin; cursor != end; {
		p, err := v.client.Pull(ctx, trail.Events, shard, client.PullOptions{Cursor: cursor, EndCursor: end})
		if err != nil {
			return nil, err
		}
		for i, g := range p.Groups {
			to.Group(p.First+sluice.Position(i), g)
			for k := range g.Records {
				for _, f := range g.Records[k].Fields {
					bytes += int64(len(f.Value))
				}
			}
		}
		at, err := sluice.ParseCursor(p.Next)
		if err != nil {
			return nil, err
		}
		bar.show(int64(at-from), int64(total-from), bytes)
		if p.Next == cursor {
			break
		}
		cursor = p.Next
	}
	return to.Finish(), nil
}
