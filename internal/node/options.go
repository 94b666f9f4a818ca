package node

import (
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sluicelog/sluice/internal/backup"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/meta/sqlite"
	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/objects/s3store"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/places"
	"github.com/sluicelog/sluice/internal/quota"
	"github.com/sluicelog/sluice/internal/server"
	"github.com/sluicelog/sluice/internal/shard"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/wire"
	"github.com/sluicelog/sluice/internal/wire/sls"
)

// Parts take options of their own, in which 0 is a default; a configuration says everything, and its 0 is often "no limit".

func shardOptions(c *config.Config, o Options, m *storeMetrics) shard.Options {
	free := int64(c.Storage.MinFreeBytes)
	if free == 0 {
		free = -1
	}
	return shard.Options{
		Logger: o.Logger, Now: o.Now, Committed: m.committed,
		JournalFileBytes: int64(c.Storage.JournalFileBytes), JournalBytes: int64(c.Storage.JournalBytes), MinFreeBytes: free,
		ReserveBytes: ledger.ReserveBytes, // the record of what is done has a use for it
	}
}

func catalogOptions(c *config.Config, o Options) catalog.Options {
	return catalog.Options{
		MaxProjectsPerAccount: c.Limits.ProjectsPerAccount, MaxShardsPerProject: c.Limits.ShardsPerProject, MaxLogstoresPerProject: c.Limits.LogstoresPerProject,
		RetentionEvery: c.Retention.Interval,
		SplitAfter:     c.Split.After, SplitBytesPerSecond: int64(c.Split.BytesPerSecond), SplitWritesPerSecond: c.Split.WritesPerSecond,
		Now: o.Now,
	}
}

func controlOptions(c *config.Config, o Options) control.Options {
	return control.Options{PerKind: c.Limits.DocumentsPerKind, Now: o.Now}
}

func ingestOptions(c *config.Config, o Options, m *storeMetrics) ingest.Options {
	return ingest.Options{
		MaxRaw: int(c.Ingest.MaxBodyBytes), MaxLogs: c.Ingest.MaxLogs, MaxKey: int(c.Ingest.MaxKeyBytes),
		MaxValue: int(c.Ingest.MaxValueBytes), MaxTags: c.Ingest.MaxTags,
		Past: orAny(c.Ingest.MaxPast), Future: orAny(c.Ingest.MaxFuture),
		Reserved: trail.Project,
		Shard:    quota.Rate{BytesPerSecond: int64(c.Quota.ShardWriteBytes), RequestsPerSecond: c.Quota.ShardWriteRequests},
		Project:  quota.Rate{BytesPerSecond: int64(c.Quota.ProjectWriteBytes), RequestsPerSecond: c.Quota.ProjectWriteRequests},
		Now:      o.Now, Observe: m.written,
	}
}

func queryOptions(c *config.Config, o Options, files objects.Filer, where *places.Databases) query.Options {
	return query.Options{
		Processors: o.Processors, Future: orAny(c.Ingest.MaxFuture), Now: o.Now, Logger: o.Logger,
		SQL: query.SQLOptions{Files: files, TempDir: filepath.Join(c.DataDir, "sql.tmp"), Places: where},
	}
}

func bucketOptions(c *config.Config) s3store.Options {
	return s3store.Options{
		Endpoint: c.Index.Endpoint, Region: c.Index.Region, Bucket: c.Index.Bucket, Prefix: c.Index.Prefix,
		AccessKeyID: c.Index.AccessKeyID.Reveal(), SecretAccessKey: c.Index.SecretAccessKey.Reveal(), SessionToken: c.Index.SessionToken.Reveal(),
		VirtualHost: c.Index.AddressStyle == "host", Encrypt: c.Index.Encryption == "sse-s3",
	}
}

func orAny(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func readQuota(c *config.Config, o Options) *ingest.ReadQuota {
	return ingest.NewReadQuota(
		quota.Rate{BytesPerSecond: int64(c.Quota.ShardReadBytes), RequestsPerSecond: c.Quota.ShardReadRequests},
		quota.Rate{BytesPerSecond: int64(c.Quota.ProjectReadBytes), RequestsPerSecond: c.Quota.ProjectReadRequests},
		o.Now)
}

func keyQuotaOptions(c *config.Config, o Options) keyquota.Options {
	return keyquota.Options{
		Key: keyquota.Limits{
			Write: quota.Rate{BytesPerSecond: int64(c.Quota.KeyWriteBytes), RequestsPerSecond: c.Quota.KeyWriteRequests},
			Read:  quota.Rate{BytesPerSecond: int64(c.Quota.KeyReadBytes), RequestsPerSecond: c.Quota.KeyReadRequests},
		},
		Address: quota.Rate{BytesPerSecond: int64(c.Quota.AddressBytes), RequestsPerSecond: c.Quota.AddressRequests},
		Now:     o.Now,
	}
}

func dialectOptions(c *config.Config, o Options, a wire.Addressing) sls.Options {
	return sls.Options{
		Addressing: a, Endpoint: c.BaseDomain, Now: o.Now,
		MaxBodyBytes: int(c.Ingest.MaxBodyBytes), MaxSentBytes: int(c.Ingest.MaxCompressedBytes),
	}
}

// drainShare leaves time for what is closed after the last request.
const drainShare = 0.7

// maxConnections leaves half of the files that the process may open to the journal, the sealed files and the metadata: strangers
// can open connections, but a write must never fail for want of a file.
func maxConnections() int {
	const most = 8192
	var files unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &files) != nil {
		return most
	}
	return int(min(files.Cur/2, most))
}

func serverOptions(c *config.Config, a wire.Addressing, logs *shard.Store) server.Options {
	return server.Options{
		Addressing: a, MaxRequests: c.Server.MaxRequests, MaxConnections: maxConnections(),
		DrainTime: time.Duration(float64(c.Server.ShutdownTimeout) * drainShare),
		Healthy:   func() error { return logs.Status().Failed },
	}
}

func backupNode(c *config.Config, o Options, store *sqlite.Store, logs *shard.Store, index *indexer.Indexer) backup.Node {
	n := backup.Node{Dir: c.DataDir, Meta: store, Logs: logs, Release: o.Release, Now: o.Now, Logger: o.Logger}
	if c.Index.Store == "dir" {
		n.Index = index.Hold
	}
	return n
}
