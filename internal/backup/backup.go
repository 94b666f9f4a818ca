// Package backup copies a running node: all that its data directory has to have, as it was at one moment.
//
//	Begin ──> hold ── moment: no batch is being committed ──> metadata fixed, files of logs listed
//	            │                                                   │
//	WriteTo ────┼── header, meta.db, secret.key, journal ──> the journal may be shortened again
//	            └── shards, index ──> manifest
//	Close ──> what was kept for the copy alone is removed
//
// Metadata and logs have to be of the same moment. With metadata that is older, a server would meet logs that it does not know; with
// logs that are older, checkpoints, delivery points and the progress of the index would lie behind their ends, and what comes to have
// those positions would be passed over.
//
// Of the journal, the shards and the index only that is sent which the client has not, see claims.go.
//
// Restore puts a backup into an empty directory, see restore.go.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
)

// Files and directories of a data directory.
const (
	metaFile = "meta.db"
	keyFile  = "secret.key"
	indexDir = "index"
	tempDir  = "backup.tmp" // the copy of the metadata while it is sent
)

// Node is what of a node is copied.
type Node struct {
	Dir     string // the data directory
	Meta    *sqlite.Store
	Logs    *shard.Store
	Index   func() (letGo func()) // keeps segments from being removed; nil if they are not in Dir
	Release string
	Now     func() time.Time
	Logger  *slog.Logger
}

// Backups makes backups of a node, one at a time.
type Backups struct {
	node    Node
	running atomic.Bool
}

// New returns the backups of a node, and removes what a crash left of one.
func New(n Node) (*Backups, error) {
	if err := os.RemoveAll(filepath.Join(n.Dir, tempDir)); err != nil {
		return nil, fmt.Errorf("remove what is left of a backup: %w", err)
	}
	return &Backups{node: n}, nil
}

// Options of a backup.
type Options struct {
	WithoutKey   bool           // leave out secret.key, without which the secrets in the metadata cannot be opened
	WithoutIndex bool           // leave out the index, which is made anew from the logs
	Have         []archive.File // lasting files that the client has: those that are the same here are listed, not sent
}

// Backup is a moment of the node that stays until Close. It belongs to one goroutine.
type Backup struct {
	b      *Backups
	o      Options
	have   claims
	sums   *sums
	header archive.Header
	hold   *shard.Hold
	state  []shard.HeldFile // the copy of the metadata, and the key
	index  []shard.HeldFile
	letGo  func() // of the index
}

// Begin holds the node as it is now. Errors: Unavailable, noun "backup", while another backup runs; Invalid, noun "parameter", where Have
// lists what cannot be.
func (b *Backups) Begin(ctx context.Context, o Options) (_ *Backup, err error) {
	have, err := newClaims(o.Have)
	if err != nil {
		return nil, err
	}
	if !b.running.CompareAndSwap(false, true) {
		return nil, sluice.Errorf(sluice.Unavailable, "backup", "another backup is running; wait until it is done")
	}
	k := &Backup{b: b, o: o, have: have, sums: loadSums(b.node.Dir), letGo: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("begin a backup: %w", err), k.Close())
		}
	}()
	if err := os.MkdirAll(b.temp(), 0o700); err != nil {
		return nil, err
	}
	if b.node.Index != nil && !o.WithoutIndex {
		k.letGo = b.node.Index()
	}
	snapshot, err := b.node.Meta.NewSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	k.hold, err = b.node.Logs.Hold(func() error {
		k.header.Moment = b.node.Now().UTC()
		return snapshot.Fix(ctx)
	})
	if err != nil {
		return nil, err
	}
	if err := snapshot.WriteTo(k.metaCopy()); err != nil {
		return nil, err
	}
	return k, k.describe()
}

func (b *Backups) temp() string    { return filepath.Join(b.node.Dir, tempDir) }
func (k *Backup) metaCopy() string { return filepath.Join(k.b.temp(), metaFile) }

// describe fills in the header.
func (k *Backup) describe() (err error) {
	k.header.Release = k.b.node.Release
	switch {
	case k.b.node.Index == nil:
		k.left("the index, which is in a bucket; what of it is not there at a restore is made anew from the logs")
	case k.o.WithoutIndex:
		k.left("the index, as was asked; it is made anew from the logs")
	default:
		if k.index, err = listIndex(filepath.Join(k.b.node.Dir, indexDir)); err != nil {
			return err
		}
	}
	if k.o.WithoutKey {
		k.left("secret.key, as was asked; without it no secret in the metadata can be opened, so no access key works")
	}
	k.left("server.id, so that a restored server does not take the bucket of the one it was copied from")
	if k.state, err = k.listState(); err != nil {
		return err
	}
	for _, list := range [][]shard.HeldFile{k.state, k.hold.Journal(), k.hold.Sealed(), k.index} {
		for _, f := range list {
			k.header.Files++
			if _, ok := k.have.possible(k.name(f), f); !ok {
				k.header.Bytes += f.Size
			}
		}
	}
	return nil
}

// listState lists metadata and key.
func (k *Backup) listState() (list []shard.HeldFile, err error) {
	paths := []string{k.metaCopy()}
	if !k.o.WithoutKey {
		paths = append(paths, filepath.Join(k.b.node.Dir, keyFile))
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		list = append(list, shard.HeldFile{Path: path, Size: info.Size()})
	}
	return list, nil
}

func (k *Backup) left(what string) { k.header.Left = append(k.header.Left, what) }

// listIndex lists the objects of the index. Those being written have names that begin with a dot.
func listIndex(dir string) (list []shard.HeldFile, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name()[0] == '.' {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			list = append(list, shard.HeldFile{Path: path, Size: info.Size()})
		}
		return err
	})
	return list, err
}

// Close lets the node go.
func (k *Backup) Close() error {
	if k.b == nil {
		return nil
	}
	b := k.b
	k.b = nil
	k.letGo()
	var errs []error
	if k.hold != nil {
		errs = append(errs, k.hold.Close())
	}
	errs = append(errs, os.RemoveAll(b.temp()))
	b.running.Store(false)
	return errors.Join(errs...)
}

// Header tells what the backup will hold.
func (k *Backup) Header() archive.Header { return k.header }
