package query_test

import (
	"math/rand/v2"
	"testing"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/objects/s3store"
	"github.com/sluicelog/sluice/internal/vfs"
	"github.com/sluicelog/sluice/test/s3server"
)

// TestSegmentsInABucket asks searches, histograms and SQL over segments that live in a bucket of a real S3 server, behind a cache that
// has room for all, or for so little that files cannot be had.
func TestSegmentsInABucket(t *testing.T) {
	server := s3server.Start(t)
	for name, limit := range map[string]int64{"large": 1 << 30, "small": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			open := func(bucket string) *objects.Cache {
				server.Bucket(t, bucket)
				far, err := s3store.Open(t.Context(), s3store.Options{
					Endpoint: server.Endpoint, Region: s3server.Region, Bucket: bucket, Prefix: "index/",
					AccessKeyID: s3server.AccessKeyID, SecretAccessKey: s3server.SecretAccessKey,
				})
				if err != nil {
					t.Fatal(err)
				}
				c, err := objects.OpenCache(far, vfs.OS{}, t.TempDir(), objects.CacheOptions{Bytes: limit})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			cache := open(name + "-search")
			newSegmentedIn(t, cache).answerAlike(rand.New(rand.NewPCG(1, 9)))
			checkCached(t, cache)

			cache = open(name + "-sql")
			s := newSegmentedIn(t, cache, sqlConfig)
			defer s.closeSQL()
			s.sqlAlike(rand.New(rand.NewPCG(7, 7)))
			checkCached(t, cache)
		})
	}
}

// checkCached makes sure that both sides of the cache were asked.
func checkCached(t *testing.T, c *objects.Cache) {
	t.Helper()
	s := c.Status()
	t.Logf("%+v", s)
	if s.Hits == 0 || s.Bytes > s.Limit {
		t.Errorf("%+v: nothing came from the cache, or it holds too much", s)
	}
}
