package node

import (
	"context"
	"path/filepath"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/objects/s3store"
	"github.com/sluicelog/sluice/internal/vfs"
)

// openObjects opens where segments are kept: a directory, or a bucket behind a cache on disk.
func (n *Node) openObjects(ctx context.Context, c *config.Config, o Options, m *storeMetrics) (objects.Filer, error) {
	if c.Index.Store != "s3" {
		dir, err := objects.OpenDir(vfs.OS{}, filepath.Join(c.DataDir, "index"))
		if err != nil {
			return nil, err
		}
		n.onClose(dir.Close)
		return dir, nil
	}
	bucket, err := s3store.Open(ctx, bucketOptions(c))
	if err != nil {
		return nil, err
	}
	cache, err := objects.OpenCache(bucket, vfs.OS{}, filepath.Join(c.DataDir, "index.cache"), objects.CacheOptions{
		Bytes: int64(c.Index.CacheBytes), Logger: o.Logger,
		Identity: c.Index.Endpoint + " " + c.Index.Region + " " + c.Index.Bucket + " " + c.Index.Prefix,
	})
	if err != nil {
		return nil, err
	}
	n.onClose(cache.Close)
	m.watchCache(cache)
	return cache, nil
}
