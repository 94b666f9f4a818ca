package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Hard bounds: memory is spent before a request is known to be good.
const (
	maxBody       = 30 * MiB
	maxCompressed = 32 * MiB
)

// domain is a DNS name that leaves room for a project's label before it.
var domain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

const maxDomain = 189 // 253, less a label of 63 and its dot

// Validate returns everything that is wrong with c, by the settings' names.
func (c *Config) Validate() error {
	var v problems
	v.check(c.DataDir != "", "data_dir", "is empty")
	v.check(validListen(c.Listen), "listen", "is not HOST:PORT with a port from 0 to 65535")
	v.check(validDomain(c.BaseDomain), "base_domain",
		"is not a domain name in lower case, without port, of at most 189 characters")
	v.check((c.Root.AccessKeyID == "") == (c.Root.AccessKeySecret == ""),
		"SLUICE_ROOT_ACCESS_KEY_ID", "and SLUICE_ROOT_ACCESS_KEY_SECRET go together")
	oneOf(&v, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(&v, "log.format", c.Log.Format, "text", "json")
	within(&v, "server.max_requests", c.Server.MaxRequests, 1, 1<<20)
	within(&v, "server.shutdown_timeout", c.Server.ShutdownTimeout, time.Second, time.Hour)
	c.TLS.validate(&v)
	v.check(c.Admin.Listen == "" || validListen(c.Admin.Listen), "admin.listen", "is not HOST:PORT with a port from 0 to 65535")
	networks(&v, "server.trusted_proxies", c.Server.TrustedProxies)
	networks(&v, "agents.networks", c.Agents.Networks)
	v.check(c.Agents.Token == "" || len(c.Agents.Token) >= 16, "SLUICE_AGENTS_TOKEN", "has fewer than 16 characters")
	c.Ingest.validate(&v)
	c.Quota.validate(&v)
	within(&v, "storage.journal_file_bytes", c.Storage.JournalFileBytes, MiB, 4*GiB)
	within(&v, "storage.journal_bytes", c.Storage.JournalBytes, 2*c.Storage.JournalFileBytes, 1<<50)
	within(&v, "storage.min_free_bytes", c.Storage.MinFreeBytes, 0, 1<<50)
	c.Index.validate(&v)
	within(&v, "limits.projects_per_account", c.Limits.ProjectsPerAccount, 1, 1<<20)
	within(&v, "limits.shards_per_project", c.Limits.ShardsPerProject, 1, 1<<20)
	within(&v, "limits.logstores_per_project", c.Limits.LogstoresPerProject, 1, 1<<20)
	within(&v, "limits.documents_per_kind", c.Limits.DocumentsPerKind, 0, 1<<20)
	within(&v, "limits.machines_per_account", c.Limits.MachinesPerAccount, 1, 1<<20)
	within(&v, "retention.interval", c.Retention.Interval, time.Second, 24*time.Hour)
	within(&v, "split.after", c.Split.After, time.Second, 24*time.Hour)
	within(&v, "split.bytes_per_second", c.Split.BytesPerSecond, 1, 1<<50)
	within(&v, "split.writes_per_second", c.Split.WritesPerSecond, 1, 1<<50)
	c.Delivery.validate(&v)
	c.Assistant.validate(&v)
	within(&v, "queue.max_queues", c.Queue.MaxQueues, 1, 1<<20)
	within(&v, "queue.max_messages", c.Queue.MaxMessages, 1, 1<<30)
	c.Trail.validate(&v)
	return errors.Join(v...)
}

func (a Assistant) validate(v *problems) {
	v.check(a.Listen == "" || validListen(a.Listen), "assistant.listen", "is neither empty nor HOST:PORT with a port from 0 to 65535")
	v.check(a.LubanListen == "" || validListen(a.LubanListen), "assistant.luban_listen", "is neither empty nor HOST:PORT with a port from 0 to 65535")
	v.check(a.Region != "" && len(a.Region) <= maxRegion, "assistant.region", "is empty, or longer than 64 characters")
	within(v, "assistant.output_bytes", a.OutputBytes, 0, GiB)
	within(v, "assistant.result_days", a.ResultDays, 1, maxResultDays)
}

func (t Trail) validate(v *problems) {
	within(v, "trail.history_days", t.HistoryDays, 0, maxHistoryDays)
	within(v, "trail.anchor_interval", t.AnchorInterval, time.Second, time.Hour)
	within(v, "trail.key_days", t.KeyDays, 0, maxKeyDays)
	within(v, "trail.data_one_in", t.DataOneIn, 1, 1<<30)
	within(v, "trail.lookups_per_second", t.LookupsPerSecond, 0, 1<<20)
	within(v, "trail.file_interval", t.FileInterval, time.Second, time.Hour)
	within(v, "trail.digest_interval", t.DigestInterval, time.Second, 24*time.Hour)
	_, err := ParseBuckets(t.Buckets)
	v.check(err == nil, "trail.buckets", "is not a list of ACCOUNT:BUCKET, such as root:*,1234567890123456:shop-audit")
	_, err = ParseAliases(t.AccountAliases)
	v.check(err == nil, "trail.account_aliases", "is not a list of ACCOUNT:DIGITS with twelve digits, each of them once, such as root:123456789012")
	v.check(t.S3Endpoint == "" || validEndpoint(t.S3Endpoint), "trail.s3_endpoint", "is not a URL such as https://s3.example.com, without a path")
	v.check(t.S3Region != "" && len(t.S3Region) <= maxRegion, "trail.s3_region", "is empty, or longer than 64 characters")
	oneOf(v, "trail.s3_address_style", t.S3AddressStyle, "path", "host")
	v.check((t.S3AccessKeyID.Reveal() == "") == (t.S3SecretAccessKey.Reveal() == ""), "trail.s3_access_key_id", "and trail.s3_secret_access_key go together")
}

// aliasPattern is an account and its twelve digits.
var aliasPattern = regexp.MustCompile(`^(root|[0-9]{1,32}):([0-9]{12})$`)

// ParseAliases reads ACCOUNT:DIGITS with commas between them, by account.
func ParseAliases(text string) (map[string]string, error) {
	aliases, given := map[string]string{}, map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		m := aliasPattern.FindStringSubmatch(part)
		if m == nil || aliases[m[1]] != "" || given[m[2]] {
			return nil, fmt.Errorf("%.80q is not ACCOUNT:DIGITS, or is there twice", part)
		}
		aliases[m[1]], given[m[2]] = m[2], true
	}
	return aliases, nil
}

const maxRegion, maxResultDays, maxHistoryDays, maxKeyDays = 64, 3650, 36500, 3650

func (t TLS) validate(v *problems) {
	v.check((t.Cert == "") == (t.Key == ""), "tls.cert", "and tls.key go together")
	v.check(t.ClientCA == "" || t.Cert != "", "tls.client_ca", "needs tls.cert and tls.key")
	v.check(t.Listen == "" || t.Cert != "", "tls.listen", "needs tls.cert and tls.key")
	v.check(t.Listen == "" || validListen(t.Listen), "tls.listen", "is not HOST:PORT with a port from 0 to 65535")
}

func (d Delivery) validate(v *problems) {
	within(v, "delivery.memory_bytes", d.MemoryBytes, 16*MiB, 1<<50)
	within(v, "delivery.cache_bytes", d.CacheBytes, MiB, 1<<50)
	oneOf(v, "delivery.bucket_ownership", d.BucketOwnership, "trust", "token")
	networks(v, "delivery.allow_networks", d.AllowNetworks)
	networks(v, "delivery.deny_networks", d.DenyNetworks)
	_, err := ParseBuckets(d.OSSBuckets)
	v.check(err == nil, "delivery.oss_buckets", "is not a list of PROJECT:BUCKET, such as shop-*:shop-logs,ops:*")
}

func networks(v *problems, name, text string) {
	_, err := ParseNetworks(text)
	v.check(err == nil, name, "is not a list of addresses and prefixes, such as 127.0.0.1,10.1.0.0/16")
}

// Buckets are buckets that projects may write to; both are patterns in which * is any text.
type Buckets struct{ Project, Bucket string }

var bucketPattern = regexp.MustCompile(`^[a-z0-9.*-]{1,63}$`)

// ParseBuckets reads PROJECT:BUCKET with commas between them.
func ParseBuckets(text string) ([]Buckets, error) {
	var list []Buckets
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		project, bucket, _ := strings.Cut(part, ":")
		if !bucketPattern.MatchString(project) || !bucketPattern.MatchString(bucket) {
			return nil, fmt.Errorf("%.80q is not PROJECT:BUCKET", part)
		}
		list = append(list, Buckets{project, bucket})
	}
	return list, nil
}

// ParseNetworks reads addresses and prefixes with commas between them. An address is the network of itself alone.
func ParseNetworks(text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if a, err := netip.ParseAddr(part); err == nil && a.Zone() == "" {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, err
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

func (i Ingest) validate(v *problems) {
	within(v, "ingest.max_body_bytes", i.MaxBodyBytes, KiB, maxBody)
	within(v, "ingest.max_compressed_bytes", i.MaxCompressedBytes, KiB, maxCompressed)
	within(v, "ingest.max_logs", i.MaxLogs, 1, 1<<30)
	within(v, "ingest.max_key_bytes", i.MaxKeyBytes, 1, maxBody)
	within(v, "ingest.max_value_bytes", i.MaxValueBytes, 1, maxBody)
	within(v, "ingest.max_tags", i.MaxTags, 1, 1<<30)
	v.check(i.MaxPast >= 0, "ingest.max_past", "is below 0")
	v.check(i.MaxFuture >= 0, "ingest.max_future", "is below 0")
}

func (q Quota) validate(v *problems) {
	within(v, "quota.shard_write_bytes", q.ShardWriteBytes, 0, 1<<50)
	within(v, "quota.shard_write_requests", q.ShardWriteRequests, 0, 1<<50)
	within(v, "quota.shard_read_bytes", q.ShardReadBytes, 0, 1<<50)
	within(v, "quota.shard_read_requests", q.ShardReadRequests, 0, 1<<50)
	within(v, "quota.project_write_bytes", q.ProjectWriteBytes, 0, 1<<50)
	within(v, "quota.project_write_requests", q.ProjectWriteRequests, 0, 1<<50)
	within(v, "quota.project_read_bytes", q.ProjectReadBytes, 0, 1<<50)
	within(v, "quota.project_read_requests", q.ProjectReadRequests, 0, 1<<50)
	within(v, "quota.key_write_bytes", q.KeyWriteBytes, 0, 1<<50)
	within(v, "quota.key_write_requests", q.KeyWriteRequests, 0, 1<<50)
	within(v, "quota.key_read_bytes", q.KeyReadBytes, 0, 1<<50)
	within(v, "quota.key_read_requests", q.KeyReadRequests, 0, 1<<50)
	within(v, "quota.address_bytes", q.AddressBytes, 0, 1<<50)
	within(v, "quota.address_requests", q.AddressRequests, 0, 1<<50)
}

var (
	bucketName   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	objectPrefix = regexp.MustCompile(`^([A-Za-z0-9_=-][A-Za-z0-9_.=-]*/)*$`)
)

func (i Index) validate(v *problems) {
	oneOf(v, "index.store", i.Store, "dir", "s3")
	within(v, "index.cache_bytes", i.CacheBytes, 64*MiB, 1<<50)
	oneOf(v, "index.address_style", i.AddressStyle, "path", "host")
	oneOf(v, "index.encryption", i.Encryption, "none", "sse-s3")
	v.check(i.Endpoint == "" || validEndpoint(i.Endpoint), "index.endpoint", "is not a URL such as https://s3.example.com, without a path")
	v.check(i.Region != "", "index.region", "is empty")
	v.check(len(i.Prefix) <= 256 && objectPrefix.MatchString(i.Prefix), "index.prefix",
		"is not made of names of letters, digits and -_.= that each end in a slash")
	v.check(i.Bucket == "" || bucketName.MatchString(i.Bucket), "index.bucket", "is not the name of a bucket")
	if i.Store == "s3" {
		v.check(i.Bucket != "", "index.bucket", "is empty, and index.store is s3")
		v.check(i.AccessKeyID != "" && i.SecretAccessKey != "",
			"SLUICE_INDEX_ACCESS_KEY_ID", "and SLUICE_INDEX_SECRET_ACCESS_KEY are needed when index.store is s3")
	}
}

func validEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && (u.Path == "" || u.Path == "/") &&
		u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// problems are what is wrong.
type problems []error

func (p *problems) check(ok bool, path, problem string) {
	if !ok {
		*p = append(*p, fmt.Errorf("%s %s", path, problem))
	}
}

func within[T cmp.Ordered](p *problems, path string, value, least, most T) {
	p.check(value >= least && value <= most, path, fmt.Sprintf("is %v, not %v to %v", value, least, most))
}

func oneOf(p *problems, path, value string, allowed ...string) {
	p.check(slices.Contains(allowed, value), path, fmt.Sprintf("is %q, not one of %s", value, strings.Join(allowed, ", ")))
}

func validListen(address string) bool {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

func validDomain(name string) bool {
	_, err := netip.ParseAddr(name)
	return err != nil && len(name) <= maxDomain && domain.MatchString(name)
}
