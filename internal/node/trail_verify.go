package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/vfs"
)

// Verification says what the audit events of a data directory are verified with.
type Verification struct {
	trail.Given
	Progress func(done, total int64) // positions; nil for nobody
}

// VerifyTrail verifies the audit events of a data directory that no server uses. It returns what the directory itself says, too. It recovers the journal
// as a start does, and changes nothing else.
func VerifyTrail(ctx context.Context, dir string, o Verification) (report *trail.Report, evidence trail.Evidence, err error) {
	if _, err := os.Stat(filepath.Join(dir, "meta.db")); err != nil {
		return nil, evidence, fmt.Errorf("%s is no data directory: %w", dir, err)
	}
	unlock, err := Lock(dir)
	if err != nil {
		return nil, evidence, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	store, err := sqlite.Open(filepath.Join(dir, "meta.db"))
	if err != nil {
		return nil, evidence, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	logs, err := shard.Open(vfs.OS{}, dir, shard.Options{MinFreeBytes: -1})
	if err != nil {
		return nil, evidence, err
	}
	defer func() { err = errors.Join(err, logs.Close()) }()
	cat, err := catalog.New(ctx, store, logs, catalog.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, evidence, err
	}
	keys, newest, err := ledger.Stored(ctx, store)
	if err != nil {
		return nil, evidence, err
	}
	if evidence, err = trail.NewEvidence(keys, newest); err != nil {
		return nil, evidence, err
	}
	v := trail.NewVerifier(keys, o.Pins, append(o.Anchors, newest)...)
	l, err := ledger.FindLog(ctx, cat)
	if sluice.KindOf(err) == sluice.NotFound { // which the anchors have something to say about
		return v.Finish(), evidence, nil
	}
	if err != nil {
		return nil, evidence, err
	}
	report, err = ledger.Verify(ctx, l, v, o.Progress)
	return report, evidence, err
}
