package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/node"
	"github.com/sluicelog/sluice/internal/trail"
)

// errTampered says that the audit events are not as they were written: exit status 1, where everything else that goes wrong is 2.
var errTampered = errors.New("the audit events are not as they were written")

func trailCommand(stdout, stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "trail", Short: "Verify audit events", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var (
		keyFile, anchorFile, saveFile string
		fingerprints                  []string
	)
	verify := &cobra.Command{
		Use:   "verify DIR",
		Short: "Say whether the audit events of a data directory are as they were written",
		Long: `Read all audit events of a data directory that no server uses, and say whether any was changed, removed, moved or repeated up to the newest
signed anchor, and whether what is missing in front was taken by retention. Without --anchor, --fingerprint and --public-key the directory's own
word is taken for the newest anchor and for the first key: whoever can change all of it, and has its secret.key, can make that fit, so keep
an anchor elsewhere (--save, or sluice trail verify --save on a server that runs), and write the fingerprint of the key down.

Exit status: 0 all is as it was written, 1 something is not, 2 it could not be verified.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("trail verify needs the data directory"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := verifyTrail(cmd.Context(), args[0], saveFile, func() (trail.Given, error) {
				return trail.Known(anchorFile, keyFile, fingerprints)
			}, stdout, stderr)
			if err != nil && !errors.Is(err, errTampered) {
				return usage(err) // for its status
			}
			return err
		},
	}
	verify.Flags().StringVar(&keyFile, "public-key", "", "`file` of public keys, in PEM, that are trusted, with the keys that they vouch for")
	verify.Flags().StringArrayVar(&fingerprints, "fingerprint", nil, "`fingerprint` of such a key: 64 hexadecimal digits; may be repeated")
	verify.Flags().StringVar(&anchorFile, "anchor", "", "`file` of an anchor that was kept; its keys are trusted if no others are given")
	verify.Flags().StringVar(&saveFile, "save", "", "write the newest anchor and the public keys to this `file`, to be kept elsewhere")
	cmd.AddCommand(verify)
	return cmd
}

func verifyTrail(ctx context.Context, dir, saveFile string, known func() (trail.Given, error), stdout, stderr io.Writer) error {
	given, err := known()
	if err != nil {
		return err
	}
	o := node.Verification{Given: given, Progress: bar(stderr)}
	report, evidence, err := node.VerifyTrail(ctx, dir, o)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, report)
	if !report.Good() {
		return errTampered
	}
	if saveFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(evidence, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(saveFile, append(text, '\n'), 0o644) //nolint:gosec // it is public
}

// bar shows progress on a terminal: a bar on one line.
func bar(stderr io.Writer) func(done, total int64) {
	f, ok := stderr.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	const width, every = 30, 100 * time.Millisecond
	var shown time.Time
	return func(done, total int64) {
		if done < total && time.Since(shown) < every {
			return
		}
		shown = time.Now()
		full := int(width * done / max(total, 1))
		fmt.Fprintf(stderr, "\r[%s%s] %d%%", strings.Repeat("#", full), strings.Repeat(" ", width-full), 100*done/max(total, 1))
		if done == total {
			fmt.Fprint(stderr, "\r\033[K")
		}
	}
}
