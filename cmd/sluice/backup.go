package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
	"github.com/sluicelog/sluice/internal/archive"
)

func (a *app) adminCommand() *cobra.Command {
	return parent("admin", "Run a server: backups (root keys only)", a.backupCommand())
}

func (a *app) backupCommand() *cobra.Command {
	var spec client.BackupSpec
	cmd := &cobra.Command{
		Use:   "backup PATH",
		Short: "Copy everything that a running server keeps, as it is at one moment",
		Long: `Copy everything that a running server keeps, as it is at one moment: metadata, logs, the index, and the key that opens secrets.

PATH becomes a directory, or one file if it ends in .tar; "-" writes the archive to standard output. What is at PATH already is not
touched. PATH has its name only when the backup is complete, checked and on disk. Bring it back with sluiced restore.

Whoever has the backup has the logs and, unless secret.key was left out, every secret.`,
		Example: `  sluice admin backup /backups/monday
  sluice admin backup monday.tar --without-index
  sluice admin backup - | ssh elsewhere 'cat > monday.tar'
  sluice admin backup verify monday.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.backup(cmd, c, spec, args[0])
		},
	}
	cmd.Flags().BoolVar(&spec.WithoutKey, "without-key", false, "leave out secret.key; keep it elsewhere, no access key works without it")
	cmd.Flags().BoolVar(&spec.WithoutIndex, "without-index", false, "leave out the index, which a restored server makes anew from the logs")
	cmd.AddCommand(a.backupVerify())
	return cmd
}

func (a *app) backup(cmd *cobra.Command, c *client.Client, spec client.BackupSpec, path string) error {
	if path != "-" {
		if err := archive.CheckNew(path); err != nil { // before a server holds anything for us
			return err
		}
	}
	stream, err := c.Backup(cmd.Context(), spec)
	if client.Code(err) == "ServerBusy" {
		return &hinted{err, "One backup at a time: try again when the other is done"}
	}
	if err != nil {
		return err
	}
	defer stream.Close()
	p := &backupProgress{app: a, begun: a.now()}
	in := io.TeeReader(stream, p)
	var m *archive.Manifest
	if path == "-" {
		raw := io.TeeReader(in, a.out)
		if m, err = archive.Read(raw, archive.Discard, p.header); err == nil {
			_, err = io.Copy(io.Discard, raw)
		}
	} else {
		m, err = archive.Save(in, path, strings.HasSuffix(path, ".tar"), p.header)
	}
	a.err.ClearStatus()
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, archive.ErrDamaged) {
		return &hinted{fmt.Errorf("the backup is not complete: %w", err), "The server's log says why it stopped sending"}
	}
	if err != nil {
		return err
	}
	for _, left := range m.Left {
		a.note("left out: %s", left)
	}
	if path == "-" {
		return nil
	}
	return a.showBackup(cmd, path, m)
}

func (a *app) backupVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify PATH",
		Short: "Read a backup whole and say whether every byte is as it was",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p := &backupProgress{app: a, begun: a.now()}
			m, err := archive.Extract(args[0], p, p.header)
			a.err.ClearStatus()
			if err != nil {
				return err
			}
			return a.showBackup(cmd, args[0], m)
		},
	}
}

func (a *app) showBackup(cmd *cobra.Command, path string, m *archive.Manifest) error {
	result := struct {
		Path    string    `json:"path"`
		Moment  time.Time `json:"moment"`
		Release string    `json:"release"`
		Files   int       `json:"files"`
		Bytes   int64     `json:"bytes"`
		LeftOut []string  `json:"leftOut"`
	}{path, m.Moment, m.Release, len(m.Entries), m.Size(), m.Left}
	return a.show(cmd, result, func() error {
		table := tty.NewTable("BACKUP", tty.Visible(path))
		table.Add("of", showTime(m.Moment))
		table.Add("server", tty.Visible(m.Release))
		table.Add("holds", plural(len(m.Entries), "file")+", "+bytesText(m.Size()))
		return table.Write(a.out)
	})
}

// backupProgress shows how far a backup is, by the bytes that pass.
type backupProgress struct {
	app         *app
	begun, last time.Time
	done, all   int64
}

func (p *backupProgress) header(h archive.Header) { p.all = h.Bytes }

// Create implements [archive.Sink]: it keeps nothing.
func (p *backupProgress) Create(string) (io.WriteCloser, error) { return nopCloser{p}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func (p *backupProgress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	now := p.app.now()
	if now.Sub(p.last) < 100*time.Millisecond || p.all == 0 {
		return len(b), nil
	}
	p.last = now
	part := float64(p.done) / float64(p.all)
	rate := float64(p.done) / max(now.Sub(p.begun).Seconds(), 0.001)
	p.app.err.Status(fmt.Sprintf("%s %3.0f%%  %s of %s, %s/s", tty.Progress(part, progressWidth), min(part, 1)*100,
		bytesText(p.done), bytesText(p.all), bytesText(int64(rate))))
	return len(b), nil
}
