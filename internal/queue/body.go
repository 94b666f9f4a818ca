package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/shard"
)

// errLost says that a body is not there any more and never will be: its logs were damaged, or removed before their time.
var errLost = errors.New("the body of a message is lost")

// bodies reads bodies of one account. Messages that were sent together are read together.
type bodies struct {
	store *catalog.Logstore
	shard sluice.ShardID
	at    sluice.Position
	group *sluice.LogGroup // at that place; nil before the first
}

func (s *Service) bodies(ctx context.Context, account string) (*bodies, error) {
	l, err := s.cat.Logstore(ctx, Logstore(account))
	if sluice.KindOf(err) == sluice.NotFound {
		return &bodies{}, nil
	}
	return &bodies{store: l}, err
}

// read returns the body of m. Errors: errLost; others may pass.
func (b *bodies) read(m *message) (string, error) {
	if b.group == nil || b.shard != m.Shard || b.at != m.Position {
		if err := b.fetch(m.Shard, m.Position); err != nil {
			return "", err
		}
	}
	if m.Index >= len(b.group.Records) {
		return "", errLost
	}
	var id, body string
	for _, f := range b.group.Records[m.Index].Fields {
		switch f.Key {
		case fieldID:
			id = f.Value
		case fieldBody:
			body = f.Value
		}
	}
	if id != m.id { // another logstore came under the name, and has other logs in this place
		return "", errLost
	}
	return body, nil
}

// fetch reads a log group.
func (b *bodies) fetch(id sluice.ShardID, at sluice.Position) error {
	b.group = nil
	if b.store == nil {
		return errLost
	}
	sh, ok := b.store.Shard(id)
	if !ok {
		return errLost
	}
	if begin, end := sh.Stored.Bounds(); at < begin || at >= end {
		return errLost
	}
	batch, err := sh.Stored.Read(at, at+1, 1, 1)
	var damaged *shard.CorruptError
	if errors.As(err, &damaged) || errors.Is(err, shard.ErrUnknownLog) {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	if err != nil {
		return err
	}
	defer batch.Release()
	if len(batch.Groups) == 0 || batch.Groups[0].Position != at {
		return errLost
	}
	g := &batch.Groups[0]
	raw := slices.Grow([]byte(nil), g.Raw)[:g.Raw]
	if err := lz4block.Decompress(raw, g.Data); err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	group, err := logpb.Decode(raw)
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	b.shard, b.at, b.group = id, at, group
	return nil
}
