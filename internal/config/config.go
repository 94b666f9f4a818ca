// Package config is everything an operator can set of sluiced: one struct, filled from four places.
//
//	defaults < YAML file < environment SLUICE_* < flags
//
// Every setting has one name, from its place in the struct: ingest.max_logs is "max_logs" under "ingest" in the file,
// SLUICE_INGEST_MAX_LOGS in the environment and --ingest-max-logs on the command line. All three are read as the same text.
// The comments below are the documentation: go generate makes docs/config.md and the flags' help out of them.
package config

import (
	"time"
)

//go:generate go run ./gen

// Config is the whole configuration. [Default] makes a usable one.
type Config struct {
	// Directory of everything that the server keeps. It is made if it does not exist.
	DataDir string `config:"data_dir"`
	// Address and port of the one listener, HOST:PORT. Port 0 picks a free one, which is printed. An empty host listens
	// on all interfaces.
	Listen string `config:"listen"`
	// Domain under which clients reach the server: project web is at web.DOMAIN. Names under "localhost" lead back to
	// the machine itself in most resolvers.
	BaseDomain string `config:"base_domain"`

	Root       Root       `config:"root"`
	Log        Log        `config:"log"`
	Server     Server     `config:"server"`
	TLS        TLS        `config:"tls"`
	Admin      Admin      `config:"admin"`
	Agents     Agents     `config:"agents"`
	Ingest     Ingest     `config:"ingest"`
	Query      Query      `config:"query"`
	Quota      Quota      `config:"quota"`
	Storage    Storage    `config:"storage"`
	Index      Index      `config:"index"`
	Limits     Limits     `config:"limits"`
	Retention  Retention  `config:"retention"`
	Split      Split      `config:"split"`
	Delivery   Delivery   `config:"delivery"`
	Assistant  Assistant  `config:"assistant"`
	Collectors Collectors `config:"collectors"`
	Queue      Queue      `config:"queue"`
	Trail      Trail      `config:"trail"`
}

// Queue is message queues, which clients of SMQ (MNS) use.
type Queue struct {
	// Queues of an account.
	MaxQueues int `config:"max_queues"`
	// Messages in a queue. The state of each takes about 400 bytes of memory, and its body none.
	MaxMessages int `config:"max_messages"`
}

// Trail is the audit events of all API calls, and the history that they make.
type Trail struct {
	// Days that audit events are kept, in project sluice-trail. 0 keeps them for ever.
	HistoryDays int `config:"history_days"`
	// Whether the answer of a call that changes something waits until its event is on disk. While events cannot be written, such calls are refused.
	// Otherwise events are written within milliseconds of the answer, and a crash can take the newest.
	Strict bool `config:"strict"`
	// Longest time in which new events are not signed yet by an anchor: until then somebody with the server's files could change them unseen.
	AnchorInterval time.Duration `config:"anchor_interval"`
	// Days after which anchors get another key by themselves; the old one vouches for it. 0 is never: then keys change with sluice trail rotate-key.
	KeyDays int `config:"key_days"`
	// Of data events that a trail asks for, one of so many is recorded: 1 is all of them.
	DataOneIn int `config:"data_one_in"`
	// Times that an account may look audit events up in a second, by either of the two APIs for that. The services that we follow allow 2, which
	// takes long to read through many events. 0 is no limit.
	LookupsPerSecond int `config:"lookups_per_second"`
	// Time between the files that a trail puts into its bucket.
	FileInterval time.Duration `config:"file_interval"`
	// Time between the digests that a trail puts there, where it is to be checked that its files are whole.
	DigestInterval time.Duration `config:"digest_interval"`
	// Which buckets the trails of an account may go to, as ACCOUNT:BUCKET with commas between them, where ACCOUNT is its number or root, and * is any
	// text: root:*,1234567890123456:shop-audit. Empty means that the root account may name every bucket that the server's keys may write to, and
	// no other account any.
	Buckets string `config:"buckets"`
	// The twelve digits by which clients of CloudTrail know accounts, as ACCOUNT:DIGITS with commas between them, where ACCOUNT is its number or
	// root: root:123456789012. An account that is not here has the last twelve digits of its number.
	AccountAliases string `config:"account_aliases"`
	// URL of the service that has the buckets of trails of the CloudTrail API. Empty means AWS, in the region. It is connected to by the rules of
	// deliveries: see delivery.allow_networks.
	S3Endpoint string `config:"s3_endpoint"`
	// Region that requests to it are signed for.
	S3Region string `config:"s3_region"`
	// How its buckets are addressed: path (ENDPOINT/BUCKET) or host (BUCKET.ENDPOINT).
	S3AddressStyle string `config:"s3_address_style"`
	// Id of the access key that trails write to them by. Trails of the ActionTrail API write to OSS by that of delivery.oss_access_key_id.
	S3AccessKeyID Secret `config:"s3_access_key_id,env"`
	// Secret of that key.
	S3SecretAccessKey Secret `config:"s3_secret_access_key,env"`
}

// Collectors are what the server pulls from other services by itself.
type Collectors struct {
	// File that says what is pulled, and where it goes: that of sluice collector run. Empty means that there are no collectors.
	File string `config:"file"`
}

// Assistant is the running of commands on machines.
type Assistant struct {
	// Address and port that agents connect to, HOST:PORT, with TLS of the server's own CA. Port 0 picks a free one. Empty is none: then there are no
	// agents.
	Listen string `config:"listen"`
	// Address and port that the open-source client of Cloud Assistant connects to, HOST:PORT, with TLS of the certificate of tls.cert, or else of the server's
	// own CA (agents-ca.pem in the data directory). Port 0 picks a free one. Empty is none.
	LubanListen string `config:"luban_listen"`
	// Region that execution records name.
	Region string `config:"region"`
	// Output of each run that is kept in full, beside the 24 KB in its record. 0 keeps none.
	OutputBytes Bytes `config:"output_bytes"`
	// Days that results can be asked for through the API. Records live as long as their logstore keeps logs.
	ResultDays int `config:"result_days"`
}

// Root is the first credentials. They come from the environment only, so that they stand in no file and no process list, and
// are never printed. Without them the server makes a key at its first start and shows it once.
type Root struct {
	// Id of the root access key. It is made at start, or replaced if it is another one's.
	AccessKeyID Secret `config:"access_key_id,env"`
	// Secret of the root access key, 8 to 128 characters.
	AccessKeySecret Secret `config:"access_key_secret,env"`
}

// Log is what the server says about itself, on standard error.
type Log struct {
	// Least level that is written: debug, info, warn or error.
	Level string `config:"level"`
	// Form of a line: text or json.
	Format string `config:"format"`
}

// Server is the network edge.
type Server struct {
	// Requests served at once. More are told to come back later.
	MaxRequests int `config:"max_requests"`
	// Networks of proxies in front of the server, as addresses or prefixes with commas between them. Their word (X-Forwarded-For and
	// X-Forwarded-Proto) is taken for where a request comes from and how: conditions of policies ask for it. Nobody else's is.
	TrustedProxies string `config:"trusted_proxies"`
	// Time from the signal to the exit. Requests that still run when it is nearly over are cut off.
	ShutdownTimeout time.Duration `config:"shutdown_timeout"`
}

// TLS is encryption of what clients and the server say to each other. The files are looked at every few seconds, and at SIGHUP: a
// new certificate needs no restart, and one that cannot be used leaves the old one in use.
type TLS struct {
	// File of the certificate in PEM, followed by those between it and the root. Empty means no TLS.
	Cert string `config:"cert"`
	// File of the certificate's private key in PEM.
	Key string `config:"key"`
	// File of authorities in PEM, one of which has to have signed the certificate that a client presents. Empty asks for none.
	ClientCA string `config:"client_ca"`
	// Address and port that speak TLS, HOST:PORT, beside those of listen, which then do not. Empty makes listen speak TLS.
	Listen string `config:"listen"`
}

// Admin is a listener for operators: profiles, goroutines, metrics, health, facts of the build. It asks nobody who they are, so it
// belongs where only operators can reach it.
type Admin struct {
	// Its address and port, HOST:PORT. An empty host is 127.0.0.1. Empty means that there is none.
	Listen string `config:"listen"`
}

// Agents is how Logtail and LoongCollector get their configurations from this server, as their ConfigServer. Their protocol has no
// signatures, so it is off until networks says who is served.
type Agents struct {
	// Networks from which agents are served, as addresses or prefixes with commas between them: 127.0.0.1,10.1.0.0/16. Empty serves none.
	Networks string `config:"networks"`
	// Project of agents that call the server by an address; those that call PROJECT.DOMAIN are that project's.
	Project string `config:"project"`
	// Token that agents have to carry in a tag sluice_token. Without one, whoever is in the networks may say to be any agent.
	Token Secret `config:"token,env"`
}

// Ingest is what a write may be.
type Ingest struct {
	// Size of a log group before compression, at most 30MiB. Official clients send up to 10 MB unless told otherwise.
	MaxBodyBytes Bytes `config:"max_body_bytes"`
	// Size of a request's body as sent, at most 32MiB. It is somewhat more than max_body_bytes, because compression lets
	// incompressible data grow.
	MaxCompressedBytes Bytes `config:"max_compressed_bytes"`
	// Logs in a log group.
	MaxLogs int `config:"max_logs"`
	// Size of a field's key.
	MaxKeyBytes Bytes `config:"max_key_bytes"`
	// Size of a field's value.
	MaxValueBytes Bytes `config:"max_value_bytes"`
	// Tags of a log group.
	MaxTags int `config:"max_tags"`
	// How old a log may be. 0 takes logs of any age, as when history is loaded.
	MaxPast time.Duration `config:"max_past"`
	// How far ahead of the server's clock a log may be. 0 takes any.
	MaxFuture time.Duration `config:"max_future"`
}

// Query is what searches and SQL may use.
type Query struct {
	// File of places of IP addresses in MaxMind's MMDB format, such as GeoLite2-City.mmdb, for ip_to_country and its like in
	// SQL. None is shipped. It is opened at start: replace it by another file, and start again.
	GeoDatabase string `config:"geo_database"`
	// File of providers of IP addresses in the same format, such as GeoLite2-ASN.mmdb, for ip_to_provider.
	ISPDatabase string `config:"isp_database"`
}

// Quota is the rate at which one shard or one project takes and gives logs, counted before compression, and what one access key or one
// address may take of the server. 0 is no limit. What is over is refused with the error on which clients wait and retry.
type Quota struct {
	// Bytes per second written to one shard.
	ShardWriteBytes Bytes `config:"shard_write_bytes"`
	// Requests per second writing to one shard.
	ShardWriteRequests int64 `config:"shard_write_requests"`
	// Bytes per second read from one shard.
	ShardReadBytes Bytes `config:"shard_read_bytes"`
	// Requests per second reading from one shard.
	ShardReadRequests int64 `config:"shard_read_requests"`
	// Bytes per second written to one project.
	ProjectWriteBytes Bytes `config:"project_write_bytes"`
	// Requests per second writing to one project.
	ProjectWriteRequests int64 `config:"project_write_requests"`
	// Bytes per second read from one project.
	ProjectReadBytes Bytes `config:"project_read_bytes"`
	// Requests per second reading from one project.
	ProjectReadRequests int64 `config:"project_read_requests"`
	// Bytes per second that requests with one access key bring: logs before compression. This and the next three are for keys that have
	// no limits of their own (sluice key limit), and not for root keys.
	KeyWriteBytes Bytes `config:"key_write_bytes"`
	// Requests per second with one access key that change something.
	KeyWriteRequests int64 `config:"key_write_requests"`
	// Bytes per second that requests with one access key are answered.
	KeyReadBytes Bytes `config:"key_read_bytes"`
	// Requests per second with one access key that change nothing.
	KeyReadRequests int64 `config:"key_read_requests"`
	// Bytes per second of web tracking from one address; from one /64 of IPv6.
	AddressBytes Bytes `config:"address_bytes"`
	// Requests per second of web tracking from one address.
	AddressRequests int64 `config:"address_requests"`
}

// Storage is how logs lie on disk.
type Storage struct {
	// Size of one journal file. A batch that is larger gets a file of its own size.
	JournalFileBytes Bytes `config:"journal_file_bytes"`
	// Journal kept before its logs are moved to the shards' own files. More makes fewer and larger writes, and a longer
	// recovery.
	JournalBytes Bytes `config:"journal_bytes"`
	// Free space of the disk under which writes are refused. Reading goes on, and writing resumes by itself.
	MinFreeBytes Bytes `config:"min_free_bytes"`
}

// Index is where the segments of the index are kept: Parquet files and token indexes, made from the logs. With s3 they are in a
// bucket of any service that speaks the S3 protocol, which is then a part of the server: nobody else may write below the prefix.
// Credentials come from the environment only.
type Index struct {
	// dir keeps segments below data_dir, s3 in a bucket.
	Store string `config:"store"`
	// Disk below data_dir that pieces of segments from a bucket take at most, 64MiB at least. Statements in SQL read whole
	// segments fastest, if half of this holds the largest.
	CacheBytes Bytes `config:"cache_bytes"`
	// URL of the service, http or https. Empty means AWS, in the region.
	Endpoint string `config:"endpoint"`
	// Region that requests are signed for.
	Region string `config:"region"`
	// Bucket, which has to exist.
	Bucket string `config:"bucket"`
	// Prefix of the names of objects, ending in a slash, or empty for the whole bucket.
	Prefix string `config:"prefix"`
	// How the bucket is addressed: path (ENDPOINT/BUCKET) or host (BUCKET.ENDPOINT).
	AddressStyle string `config:"address_style"`
	// Encryption that the service is asked for: none, or sse-s3 with keys of its own.
	Encryption string `config:"encryption"`
	// Id of the access key for the bucket.
	AccessKeyID Secret `config:"access_key_id,env"`
	// Secret of that key.
	SecretAccessKey Secret `config:"secret_access_key,env"`
	// Token that goes with a temporary key.
	SessionToken Secret `config:"session_token,env"`
}

// Limits is how much there may be of what clients create.
type Limits struct {
	// Projects of an account, those that the server makes for it included.
	ProjectsPerAccount int `config:"projects_per_account"`
	// Read-write shards of a project.
	ShardsPerProject int `config:"shards_per_project"`
	// Logstores of a project.
	LogstoresPerProject int `config:"logstores_per_project"`
	// Documents of one kind in a project: machine groups, Logtail configurations, dashboards and so on. 0 means the numbers of the service
	// that we follow: 200 machine groups, 200 configurations, 100 dashboards, 100 saved searches.
	DocumentsPerKind int `config:"documents_per_kind"`
	// Machines of an account that are registered with the assistant.
	MachinesPerAccount int `config:"machines_per_account"`
}

// Retention is the removal of logs that are older than their logstore's TTL.
type Retention struct {
	// Time between two looks for old logs.
	Interval time.Duration `config:"interval"`
}

// Split is when a shard of a logstore with automatic split is split: it was over one of the rates all the time.
type Split struct {
	// How long it has to be over.
	After time.Duration `config:"after"`
	// Bytes per second written to the shard, before compression.
	BytesPerSecond Bytes `config:"bytes_per_second"`
	// Requests per second writing to the shard.
	WritesPerSecond int64 `config:"writes_per_second"`
}

// Delivery is how tasks ship logs to other places, and where they may.
type Delivery struct {
	// Memory of the batches that are being formed or sent.
	MemoryBytes Bytes `config:"memory_bytes"`
	// Memory of log groups that several tasks read at the same time.
	CacheBytes Bytes `config:"cache_bytes"`
	// Networks that tasks may connect to although they are refused by default (loopback, link-local and metadata addresses), as
	// addresses or prefixes with commas between them: 127.0.0.1,10.1.0.0/16.
	AllowNetworks string `config:"allow_networks"`
	// Networks that tasks may not connect to, beside those that are refused by default.
	DenyNetworks string `config:"deny_networks"`
	// Directory below which tasks may write files, each project in one of its own. Empty means that none may.
	FilesDir string `config:"files_dir"`
	// What has to be known of a bucket before logs go there: trust takes whoever has its keys; token has somebody read a file in it first.
	BucketOwnership string `config:"bucket_ownership"`
	// URL of OSS for tasks that are made through the APIs of ESA and of shippers, which have no place for credentials. Empty means the
	// public address of the bucket's region.
	OSSEndpoint string `config:"oss_endpoint"`
	// Region of the buckets of shippers and exports, which do not name one.
	OSSRegion string `config:"oss_region"`
	// Which buckets such tasks of a project may write to, as PROJECT:BUCKET with commas between them, where * is any text: shop-*:shop-logs,ops:*.
	// Empty means every bucket that the access key may write to, for every project. With a list, projects and buckets that are not in it are refused.
	OSSBuckets string `config:"oss_buckets"`
	// Id of the access key by which such tasks write. Whoever may make them reaches every bucket that this key may write to, unless oss_buckets says which.
	OSSAccessKeyID Secret `config:"oss_access_key_id,env"`
	// Secret of that key.
	OSSAccessKeySecret Secret `config:"oss_access_key_secret,env"`
}

// Default returns the configuration of a server that was told nothing.
func Default() *Config {
	return &Config{
		DataDir:    "./data",
		Listen:     "127.0.0.1:8080",
		BaseDomain: "sluice.localhost",
		Log:        Log{Level: "info", Format: "text"},
		Server:     Server{MaxRequests: 512, ShutdownTimeout: 10 * time.Second},
		Ingest: Ingest{
			MaxBodyBytes: 10 * MiB, MaxCompressedBytes: 11 * MiB, MaxLogs: 512_000, MaxKeyBytes: KiB, MaxValueBytes: 10 * MiB,
			MaxTags: 1000, MaxPast: 7 * 24 * time.Hour, MaxFuture: 15 * time.Minute,
		},
		Storage: Storage{JournalFileBytes: 64 * MiB, JournalBytes: GiB, MinFreeBytes: 128 * MiB},
		Index: Index{
			Store: "dir", CacheBytes: 10 * GiB, Region: "us-east-1", Prefix: "sluice/", AddressStyle: "path", Encryption: "none",
		},
		Limits:    Limits{ProjectsPerAccount: 10_000, ShardsPerProject: 400, LogstoresPerProject: 200, MachinesPerAccount: 10_000},
		Retention: Retention{Interval: time.Minute},
		Delivery:  Delivery{MemoryBytes: 64 * MiB, CacheBytes: 32 * MiB, BucketOwnership: "trust", OSSRegion: "cn-hangzhou"},
		Assistant: Assistant{Region: "local", OutputBytes: 16 * MiB, ResultDays: 30},
		Queue:     Queue{MaxQueues: 1000, MaxMessages: 1_000_000},
		Trail: Trail{
			HistoryDays: 90, AnchorInterval: time.Minute, DataOneIn: 1, LookupsPerSecond: 20,
			FileInterval: 25 * time.Second, DigestInterval: time.Hour, S3Region: "us-east-1", S3AddressStyle: "path",
		},
		Split: Split{After: 5 * time.Minute, BytesPerSecond: 5 * MiB, WritesPerSecond: 500},
	}
}
