package ingest

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
)

// route says which shard a write goes to: the owner of a key, or the next in turn.
type route struct {
	byKey bool
	key   sluice.HashKey
}

func routeOf(hashKey string) (route, error) {
	if hashKey == "" {
		return route{}, nil
	}
	key, err := sluice.ParseHashKey(hashKey)
	if err != nil {
		return route{}, sluice.Errorf(sluice.Invalid, "parameter", "invalid shard key: %w", err)
	}
	return route{byKey: true, key: key}, nil
}

func (r route) choose(l *catalog.Logstore) (*catalog.Shard, error) {
	var s *catalog.Shard
	if r.byKey {
		s = l.Owner(r.key)
	} else {
		s = l.Next()
	}
	if s == nil {
		return nil, sluice.Errorf(sluice.Invalid, "logstore-shards", "logstore %s has no readwrite shard", l.Name)
	}
	return s, nil
}
