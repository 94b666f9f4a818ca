package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/internal/backup"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/node"
)

func restoreCommand(c *config.Config, resolve func(*cobra.Command) error, stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Bring a backup back, into an empty --data-dir",
		Long: `Bring a backup back that sluice admin backup made, a directory or a .tar file, into --data-dir, which has to be empty or not there.

Every byte is checked before anything is put there. A restore that was interrupted is run again; no server starts on half of one.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("restore needs the backup to bring back: a directory or a .tar file"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := resolve(cmd); err != nil {
				return err
			}
			return restore(cmd.Context(), c.DataDir, args[0], stdout)
		},
	}
}

func restore(ctx context.Context, dir, path string, stdout io.Writer) (err error) {
	unlock, err := node.Lock(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	m, err := backup.Restore(ctx, path, dir, tell(stdout))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "restored %d files, %d bytes, of %s, into %s\n", len(m.Entries), m.Size(), m.Moment.Local().Format(time.DateTime), dir)
	for _, left := range m.Left {
		fmt.Fprintf(stdout, "not in the backup: %s\n", left)
	}
	if !backup.HasKey(m) {
		fmt.Fprintf(stdout, "put the secret.key that belongs to it into %s (mode 0600) before you start the server\n", dir)
	}
	return nil
}

// tell says how far a restore is, at every tenth.
func tell(stdout io.Writer) backup.Progress {
	var at backup.Step
	var tenths int64
	return func(step backup.Step, done, all int64) {
		if step != at {
			at, tenths = step, 0
		}
		if all == 0 || done*10/all <= tenths {
			return
		}
		tenths = done * 10 / all
		fmt.Fprintf(stdout, "%s %d%%\n", step, tenths*10)
	}
}
