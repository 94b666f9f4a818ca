package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	var base string
	cmd := &cobra.Command{
		Use:   "backup PATH",
		Short: "Copy everything that a running server keeps, as it is at one moment",
		Long: `Copy everything that a running server keeps, as it is at one moment: metadata, logs, the index, and the key that opens secrets.

PATH becomes a directory, or one file if it ends in .tar; "-" writes the archive to standard output. What is at PATH already is not
touched. PATH has its name only when the backup is complete, checked and on disk. Bring it back with sluiced restore.

With --base, files that an earlier backup has already are not sent again: the new directory gets hard links to them, or copies where there
can be no links. They are read and checked first, and those that are damaged are sent again. Each of the two is a whole backup: remove
either when you like.

Whoever has the backup has the logs and, unless secret.key was left out, every secret.`,
		Example: `  sluice admin backup /backups/monday
  sluice admin backup /backups/tuesday --base /backups/monday
  sluice admin backup monday.tar --without-index
  sluice admin backup - | ssh elsewhere 'cat > monday.tar'
  sluice admin backup verify monday.tar`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.backup(cmd, c, spec, args[0], base)
		},
	}
	cmd.Flags().BoolVar(&spec.WithoutKey, "without-key", false, "leave out secret.key; keep it elsewhere, no access key works without it")
	cmd.Flags().BoolVar(&spec.WithoutIndex, "without-index", false, "leave out the index, which a restored server makes anew from the logs")
	cmd.Flags().StringVar(&base, "base", "", "the directory of an earlier `backup`: what it has already is not sent, and is on disk once")
	cmd.AddCommand(a.backupVerify())
	return cmd
}

func (a *app) backup(cmd *cobra.Command, c *client.Client, spec client.BackupSpec, path, base string) error {
	switch oneFile := path == "-" || strings.HasSuffix(path, ".tar"); {
	case !oneFile:
		return a.backupDirectory(cmd, c, spec, path, base)
	case base != "":
		return &hinted{errors.New("a backup in one file is always whole: --base has no use there"), "Name a directory, which can share files with " + base}
	default:
		return a.backupFile(cmd, c, spec, path)
	}
}

// backupFile writes a backup to one file, or to standard output.
func (a *app) backupFile(cmd *cobra.Command, c *client.Client, spec client.BackupSpec, path string) error {
	if path != "-" {
		if err := archive.CheckNew(path); err != nil { // before a server holds anything for us
			return err
		}
	}
	m, err := a.receiveBackup(cmd, c, spec, func(in io.Reader, header func(archive.Header)) (*archive.Manifest, error) {
		if path != "-" {
			return archive.Save(in, path, true, header)
		}
		raw := io.TeeReader(in, a.out)
		m, err := archive.Read(raw, archive.Discard, header)
		if err == nil {
			_, err = io.Copy(io.Discard, raw)
		}
		return m, err
	})
	if err != nil || path == "-" {
		return err
	}
	return a.showBackup(cmd, path, m, nil)
}

// backupDirectory writes a backup to a directory that may share files with that of an earlier one.
func (a *app) backupDirectory(cmd *cobra.Command, c *client.Client, spec client.BackupSpec, path, base string) (err error) {
	draft, err := archive.NewDraft(path, base)
	if base != "" && (errors.Is(err, archive.ErrDamaged) || errors.Is(err, fs.ErrNotExist)) {
		return &hinted{err, "Name another base, or none: then all of it is sent"}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Close()) }()
	var shared *sharedFiles
	if base != "" {
		if spec.Have, err = a.takeOver(cmd, draft, base); err != nil {
			return err
		}
	}
	m, err := a.receiveBackup(cmd, c, spec, draft.Fill)
	if err != nil {
		return err
	}
	if base != "" {
		shared = &sharedFiles{Base: base}
		shared.Files, shared.Bytes = draft.Shared()
		if shared.Files == 0 {
			a.note("nothing of %s is in this backup: all of it was sent", base)
		}
	}
	return a.showBackup(cmd, path, m, shared)
}

// takeOver gives a draft what it can have of its base, and tells what to say to the server.
func (a *app) takeOver(cmd *cobra.Command, draft *archive.Draft, base string) (have []client.BackupFile, err error) {
	p := &backupProgress{app: a, begun: a.now(), verb: "reading " + base + " "}
	taken, err := draft.TakeOver(cmd.Context(), p.at)
	a.err.ClearStatus()
	if err != nil {
		return nil, err
	}
	if taken.Copied > 0 {
		a.note("%s of %s copied, as there can be no links to it from here", plural(taken.Copied, "file"), base)
	}
	if taken.Spoilt > 0 {
		a.note("%s is damaged, keep it no longer: %s of it sent anew, the first of which is %v", base, plural(taken.Spoilt, "file"), taken.Reason)
	}
	for _, f := range draft.Claims() {
		have = append(have, client.BackupFile(f))
	}
	return have, nil
}

// receiveBackup asks the server for a backup and gives it to save.
func (a *app) receiveBackup(cmd *cobra.Command, c *client.Client, spec client.BackupSpec,
	save func(io.Reader, func(archive.Header)) (*archive.Manifest, error),
) (*archive.Manifest, error) {
	stream, err := c.Backup(cmd.Context(), spec)
	if client.Code(err) == "ServerBusy" {
		return nil, &hinted{err, "One backup at a time: try again when the other is done"}
	}
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	p := &backupProgress{app: a, begun: a.now()}
	m, err := save(io.TeeReader(stream, p), p.header)
	a.err.ClearStatus()
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, archive.ErrDamaged) {
		return nil, &hinted{fmt.Errorf("the backup is not complete: %w", err), "The server's log says why it stopped sending"}
	}
	if err != nil {
		return nil, err
	}
	for _, left := range m.Left {
		a.note("left out: %s", left)
	}
	return m, nil
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
			return a.showBackup(cmd, args[0], m, nil)
		},
	}
}

// sharedFiles are what a backup and its base have in common.
type sharedFiles struct {
	Base  string `json:"base"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

func (a *app) showBackup(cmd *cobra.Command, path string, m *archive.Manifest, shared *sharedFiles) error {
	result := struct {
		Path    string       `json:"path"`
		Moment  time.Time    `json:"moment"`
		Release string       `json:"release"`
		Files   int          `json:"files"`
		Bytes   int64        `json:"bytes"`
		LeftOut []string     `json:"leftOut"`
		Shared  *sharedFiles `json:"shared,omitempty"`
	}{path, m.Moment, m.Release, len(m.Entries), m.Size(), m.Left, shared}
	return a.show(cmd, result, func() error {
		table := tty.NewTable("BACKUP", tty.Visible(path))
		table.Add("of", showTime(m.Moment))
		table.Add("server", tty.Visible(m.Release))
		table.Add("holds", plural(len(m.Entries), "file")+", "+bytesText(m.Size()))
		if shared != nil {
			table.Add("shared", plural(shared.Files, "file")+", "+bytesText(shared.Bytes)+" with "+tty.Visible(shared.Base))
		}
		return table.Write(a.out)
	})
}

// backupProgress shows how far a backup is, by the bytes that pass.
type backupProgress struct {
	app         *app
	verb        string // what is done to them
	begun, last time.Time
	done, all   int64
}

func (p *backupProgress) header(h archive.Header) { p.all = h.Bytes }

// Create implements [archive.Sink]: it keeps nothing.
func (p *backupProgress) Create(string) (io.WriteCloser, error) { return nopCloser{p}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func (p *backupProgress) Write(b []byte) (int, error) {
	p.at(p.done+int64(len(b)), p.all)
	return len(b), nil
}

// at shows that so many bytes are done, ten times a second at most.
func (p *backupProgress) at(done, all int64) {
	p.done, p.all = done, all
	now := p.app.now()
	if now.Sub(p.last) < 100*time.Millisecond || p.all == 0 {
		return
	}
	p.last = now
	part := float64(p.done) / float64(p.all)
	rate := float64(p.done) / max(now.Sub(p.begun).Seconds(), 0.001)
	p.app.err.Status(p.verb + fmt.Sprintf("%s %3.0f%%  %s of %s, %s/s", tty.Progress(part, progressWidth), min(part, 1)*100,
		bytesText(p.done), bytesText(p.all), bytesText(int64(rate))))
}
