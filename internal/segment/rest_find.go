package segment

import (
	"context"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// InRest returns candidates for the rows in which some field without a column has a token, whichever field: all that have it are among
// them. Fields that are not indexed have no tokens.
func (g *Group) InRest(ctx context.Context, token []byte) (*roaring.Bitmap, error) {
	return g.restToken(ctx, token)
}

// RestField returns candidates for the rows that have a field without a column, all of them.
func (g *Group) RestField(ctx context.Context, key string) (*roaring.Bitmap, error) {
	return g.restToken(ctx, restKeyToken(key))
}

func (g *Group) restToken(ctx context.Context, token []byte) (*roaring.Bitmap, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, err
	}
	rest := g.chunk(d, -chunkRest)
	if rest.values == 0 {
		return roaring.New(), nil
	}
	m, err := rest.token(ctx, token)
	return m.Rows, err
}

// RestKeys lists the keys of the fields without a column, sorted; it is not to be changed. The index knows rare ones by their hash alone, so
// the first call reads all rows that have such fields; the answer is kept in the cache.
func (g *Group) RestKeys(ctx context.Context) ([]string, error) {
	d, err := g.directory(ctx)
	if err != nil {
		return nil, err
	}
	return cached(g.segment.cache, g.key(pieceRestKeys, -chunkRest, 0), func() ([]string, int64, error) {
		rows, err := g.chunk(d, -chunkRest).presentRows(ctx)
		if err != nil {
			return nil, 0, err
		}
		seen := map[string]struct{}{}
		err = g.eachRest(ctx, d, rows, func(_ uint32, entries []restEntry) {
			for _, e := range entries {
				seen[e.key] = struct{}{}
			}
		})
		if err != nil {
			return nil, 0, err
		}
		keys := slices.Sorted(maps.Keys(seen))
		size := int64(0)
		for _, k := range keys {
			size += int64(len(k)) + 16
		}
		return keys, size, nil
	})
}
