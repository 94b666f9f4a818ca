// Package meta keeps what is not a log: projects, logstores, shards, index configurations, amendments, consumer groups, checkpoints,
// delivery tasks and access keys.
//
// Every change is one transaction, durable when Update returns. Implementations pass metatest.Run; SQLite is the embedded
// one. Values are plain structs: what a transaction returns belongs to the caller.
//
// Values come back as they went in, up to what a database can keep: times in UTC, without the monotonic clock (the zero time
// stays zero; outside the years 1678 to 2261 is an error); empty slices and maps as nil; JSON without the white space between
// its tokens, save Index.Config, Document.Body, Identity.Body, Item.Body, DeliveryTask.Spec and DeliveryPoint.Counters, which are kept
// byte for byte.
package meta

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// Store is a metadata store. It is safe for concurrent use.
type Store interface {
	// View runs fn on a consistent snapshot, which no Update waits for. Changes made in fn fail.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn and commits durably if it returns nil; if it returns an error, panics, or ctx ends before the commit,
	// nothing changes. Updates run one at a time; ctx also ends the wait for a turn. fn must not call View or Update. Updates that come
	// together may be committed together, and then fail together if that fails.
	Update(ctx context.Context, fn func(Tx) error) error
	// Generation counts the committed updates that changed anything but checkpoints, segments, index progress, amendments, delivery points, uses of
	// keys, leases and items: whoever caches projects, logstores, shards, indexes, groups, tasks or keys compares it with the number read before
	// filling the cache. It is cheap, grows before Update returns, and starts at 1 when the store is opened, so that a cache that
	// holds 0 is stale.
	Generation() uint64
	// Close closes the store. Call it when no transaction runs; those that start later fail.
	Close() error
}

// Tx is a transaction, for one goroutine, until the function it was given to returns. Methods that name a missing thing
// return a *sluice.Error of kind NotFound, those that create an existing one AlreadyExists; the Noun is the one given in
// brackets below. Where the thing that should hold the missing one is missing too, NotFound names the outermost: the
// project before the logstore before the shard. Lists are sorted by name in byte order (shards by id). Updates replace every
// field but the name.
type Tx interface {
	// Projects [project].
	Project(name string) (Project, error)
	Projects() ([]Project, error)
	CreateProject(Project) error
	UpdateProject(Project) error
	DeleteProject(name string) error // with its logstores and all that hangs on them

	// Logstores [logstore]; a missing project is NotFound [project].
	Logstore(ref sluice.LogstoreRef) (Logstore, error)
	Logstores(project string) ([]Logstore, error)
	LogstoreNames(project string) ([]string, error)
	CountLogstores(project string) (int, error)
	AllLogstores() ([]sluice.LogstoreRef, error) // of all projects, by project and name
	CreateLogstore(Logstore) error
	UpdateLogstore(Logstore) error
	DeleteLogstore(ref sluice.LogstoreRef) error // with shards, index, groups, checkpoints, documents of kinds below [LogstoreKinds]

	// Shards [shard]. CreateShard gives the shard its Log number, never given before: not to a shard deleted since, nor in an
	// Update that failed since the store was opened. UpdateShard leaves it as it is. AllShards sorts by project, logstore, id.
	// LastLog is the highest number that a shard ever got, deleted ones included; 0 for none. CountShards counts the read-write ones.
	Shard(ref sluice.LogstoreRef, id sluice.ShardID) (Shard, error)
	Shards(ref sluice.LogstoreRef) ([]Shard, error)
	AllShards() ([]Shard, error)
	CountShards(project string) (int, error)
	LastLog() (sluice.LogID, error)
	CreateShard(Shard) (Shard, error)
	UpdateShard(Shard) error
	DeleteShard(ref sluice.LogstoreRef, id sluice.ShardID) error // with its checkpoints

	// Index configurations [index]. IndexedLogstores are those that have one, by project and name.
	IndexedLogstores() ([]sluice.LogstoreRef, error)
	Index(ref sluice.LogstoreRef) (Index, error)
	CreateIndex(Index) error
	UpdateIndex(Index) error
	DeleteIndex(ref sluice.LogstoreRef) error

	// Segments [segment] of the index, sorted by name. They and the progress below do not make caches stale. SegmentedLogstores are those
	// that have any, by project and name.
	SegmentedLogstores() ([]sluice.LogstoreRef, error)
	Segments(ref sluice.LogstoreRef) ([]Segment, error)
	CreateSegment(Segment) error
	DeleteSegment(ref sluice.LogstoreRef, name string) error
	AllSegments() ([]Segment, error)

	// IndexProgress of the shards that have any, sorted by shard; SetIndexProgress creates or replaces. A missing shard is
	// NotFound [shard].
	IndexProgress(ref sluice.LogstoreRef) ([]IndexProgress, error)
	SetIndexProgress(IndexProgress) error

	// IndexRebuild of a logstore [rebuild], the last one; SetIndexRebuild creates or replaces it. Neither makes caches stale.
	IndexRebuild(ref sluice.LogstoreRef) (IndexRebuild, error)
	IndexRebuilds() ([]IndexRebuild, error)
	SetIndexRebuild(IndexRebuild) error

	// Amendments of the logs of a logstore [amendment], by number; SetAmendment creates or replaces, DeleteAmendment needs it to be there.
	// They do not make caches stale.
	Amendments(ref sluice.LogstoreRef) ([]Amendment, error)
	SetAmendment(Amendment) error
	DeleteAmendment(ref sluice.LogstoreRef, number int64) error

	// Consumer groups [consumergroup].
	ConsumerGroup(ref sluice.LogstoreRef, name string) (ConsumerGroup, error)
	ConsumerGroups(ref sluice.LogstoreRef) ([]ConsumerGroup, error)
	CreateConsumerGroup(ConsumerGroup) error
	UpdateConsumerGroup(ConsumerGroup) error
	DeleteConsumerGroup(ref sluice.LogstoreRef, name string) error // with its checkpoints

	// Checkpoints of a group, sorted by shard; SetCheckpoint creates or replaces. A missing group is NotFound [consumergroup],
	// a missing shard NotFound [shard].
	Checkpoints(ref sluice.LogstoreRef, group string) ([]Checkpoint, error)
	SetCheckpoint(Checkpoint) error

	// Documents [document] of one kind in a scope, which is a project or an [AccountScope], sorted by name. EachDocument gives them
	// to fn one by one, so that not all bodies are in memory at once; fn must not use the transaction, and its error ends the walk.
	// DocumentNames and CountDocuments read no bodies. DocumentKinds are the kinds with this prefix of which there are documents,
	// sorted. DeleteDocuments deletes those of all kinds with this prefix; there need be none.
	Document(scope, kind, name string) (Document, error)
	Documents(scope, kind string) ([]Document, error)
	EachDocument(scope, kind string, fn func(Document) error) error
	DocumentNames(scope, kind string) ([]string, error)
	CountDocuments(scope, kind string) (int, error)
	DocumentKinds(scope, prefix string) ([]string, error)
	CreateDocument(Document) error
	UpdateDocument(Document) error
	DeleteDocument(scope, kind, name string) error
	DeleteDocuments(scope, prefix string) error

	// Items [item], which do not make caches stale, by name in byte order. SetItem creates or replaces; deleting a missing one is no error.
	// CountItems counts those of a group, of all if it is "", and reads no bodies.
	Item(kind, name string) (Item, error)
	Items(kind string, r ItemRange) ([]Item, error)
	CountItems(kind, group string) (int, error)
	SetItem(Item) error
	DeleteItem(kind, name string) error

	// Delivery tasks [deliverytask].
	DeliveryTask(project, name string) (DeliveryTask, error)
	DeliveryTasks(project string) ([]DeliveryTask, error)
	AllDeliveryTasks() ([]DeliveryTask, error) // by project, name
	CreateDeliveryTask(DeliveryTask) error
	UpdateDeliveryTask(DeliveryTask) error
	DeleteDeliveryTask(project, name string) error // with its points

	// Delivery points of a task, by stream and shard, and of all tasks; they do not make caches stale. A missing task is NotFound
	// [deliverytask]. SetDeliveryPoint creates or replaces. MoveDeliveryPoint replaces a point only if its stored epoch is p's; if it
	// is not, or there is no point, the error is Conflict [deliverypoint], and who asked is no longer its owner. NextEpoch returns a
	// number that it never returned before in an Update that committed.
	DeliveryPoints(project, task string) ([]DeliveryPoint, error)
	AllDeliveryPoints() ([]DeliveryPoint, error)
	SetDeliveryPoint(DeliveryPoint) error
	MoveDeliveryPoint(p DeliveryPoint) error
	NextEpoch() (int64, error)

	// Leases, which do not make caches stale, by name. SetLease creates or replaces; deleting a missing one is no error.
	Leases() ([]Lease, error)
	SetLease(Lease) error
	DeleteLease(name string) error

	// Identities [identity] of one kind in an account, sorted by name: see Identity.
	Identity(account, kind, name string) (Identity, error)
	Identities(account, kind string) ([]Identity, error)
	CreateIdentity(Identity) error
	UpdateIdentity(Identity) error
	DeleteIdentity(account, kind, name string) error

	// Access keys [accesskey].
	AccessKey(id string) (AccessKey, error)
	AccessKeys() ([]AccessKey, error)
	CreateAccessKey(AccessKey) error
	UpdateAccessKey(AccessKey) error
	DeleteAccessKey(id string) error // with its document of [KeyLimits]

	// KeyUses are the last uses of the keys that have any, by key; SetKeyUse creates or replaces. They do not make caches stale. A missing
	// key is NotFound [accesskey].
	KeyUses() ([]KeyUse, error)
	SetKeyUse(KeyUse) error
}

// Project is a namespace of logstores. Its name is unique over the installation.
type Project struct {
	Name              string
	Account           string // whose it is; "" is the account of the installation's root
	Description       string
	ResourceGroupID   string
	DataRedundancy    string // LRS or ZRS, as the client said; kept, without effect on one node
	RecycleBinEnabled bool
	Created, Modified time.Time
}

// Logstore is a store of logs. Fields that nothing acts on yet are kept in Extra and come back as they came.
type Logstore struct {
	Project, Name     string
	TTLDays           int  // 1 to 3650; 3650 keeps for ever
	Tracking          bool // anonymous web tracking is allowed
	AppendMeta        bool // add __client_ip__ and __receive_time__ tags to each group
	AutoSplit         bool
	MaxSplitShard     int    // readwrite shards that automatic split may reach
	TelemetryType     string // "", None, Metrics, Event
	Mode              string // standard, query, lite
	HotTTLDays        int
	InfrequentTTLDays int
	Modifiable        bool                       // its logs may be deleted and updated; see package amend
	ShardCount        int                        // as asked for at creation
	NextShard         sluice.ShardID             // the number the next shard gets
	Extra             map[string]json.RawMessage // other fields of the client's JSON object, by name
	Created, Modified time.Time
}

// Ref returns the name of l.
func (l Logstore) Ref() sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: l.Project, Logstore: l.Name}
}

// Shard is one shard of a logstore.
type Shard struct {
	Project, Logstore string
	ID                sluice.ShardID
	Log               sluice.LogID
	Base              sluice.Position // first position of its log
	Begin, End        sluice.HashKey
	ReadOnly          bool             // after split or merge
	Closed            time.Time        // when it became read-only
	Parents           []sluice.ShardID // the shards it was split or merged from
	Created           time.Time
}

// Index is the index configuration of a logstore, as the client sent it, validated.
type Index struct {
	Project, Logstore string
	Config            json.RawMessage
	Created, Modified time.Time
}

// Segment is an immutable piece of the index of a logstore: logs of some runs of positions, as objects.
type Segment struct {
	Project, Logstore, Name string
	Runs                    []Run           // the log groups it holds
	Info                    json.RawMessage // what opens it; see package segment
	Created                 time.Time
}

// Run is a half-open run of positions of one shard.
type Run struct {
	Shard    sluice.ShardID
	From, To sluice.Position
}

// IndexProgress says up to where a shard has been indexed: everything before Position is in segments, or was never to be.
type IndexProgress struct {
	Project, Logstore string
	Shard             sluice.ShardID
	Position          sluice.Position
}

// IndexRebuild is the making anew of the segments of a logstore.
type IndexRebuild struct {
	Project, Logstore string
	Last              string    // name of a segment: this one and those before it are made anew whatever they were built under; "" for none
	Done              int64     // raw bytes of the segments that were made anew
	Left              int       // segments that stayed as they are, because the shard logs cannot give all of their logs
	Started, Finished time.Time // Finished is zero while it runs
	Canceled          bool
}

// Amendment says what became of some logs of a logstore after they were written: that they are deleted, or what they say now.
type Amendment struct {
	Project, Logstore string
	Number            int64  // later ones have higher numbers
	Body              []byte // see package amend
}

// ConsumerGroup is a named set of consumers that share the shards of a logstore. Who is in it now is not kept here.
type ConsumerGroup struct {
	Project, Logstore, Name string
	Timeout                 time.Duration // a consumer silent for longer is gone
	Order                   bool          // children of a split or merge wait until their parents are consumed
	Created, Modified       time.Time
}

// Checkpoint is what a group has consumed of a shard.
type Checkpoint struct {
	Project, Logstore, Group string
	Shard                    sluice.ShardID
	Cursor                   string // as the client sent it; the next position to read
	Consumer                 string // who saved it
	Updated                  time.Time
}

// Document is a JSON object that a client stored to get it back: byte for byte, whatever is in it. Project is its scope.
type Document struct {
	Project, Kind, Name string
	Body                json.RawMessage
	Created, Modified   time.Time
}

// Identity is an account, or a user, a group, a role or a policy of one, as package iam wrote it. Accounts themselves are in account "".
type Identity struct {
	Account, Kind, Name string
	Body                json.RawMessage
	Created, Modified   time.Time
}

// accountScope is what scopes of accounts begin with, and names of projects cannot.
const accountScope = "@"

// AccountScope is where documents are that belong to an account and to no project. They go with nothing else.
func AccountScope(account string) string { return accountScope + account }

// IsAccountScope reports whether a scope is that of an account.
func IsAccountScope(scope string) bool { return strings.HasPrefix(scope, accountScope) }

// KeyLimits is the kind of the documents of the root account's scope that are named by access keys, and go with them.
const KeyLimits = "accesskey-limits"

// LogstoreKinds is the prefix of the kinds of documents that belong to a logstore, and go with it.
func LogstoreKinds(logstore string) string { return "logstore/" + logstore + "/" }

// AccessKey is a credential. Secret and Token are sealed before they come here (see package auth): this package never
// holds a secret in clear.
type AccessKey struct {
	ID          string
	Account     string   // whose it is; "" is the account of the installation's root
	User        string   // of the account; "" for keys of the account itself
	Secret      []byte   // sealed
	Token       []byte   // sealed security token of a temporary key; nil for a permanent one
	Projects    []string // projects it may touch; empty means all
	ReadOnly    bool
	Root        bool // is the account: may do everything in it, and manage keys
	Disabled    bool
	Description string
	Expires     time.Time // zero means never
	Created     time.Time
}

// KeyUse says when an access key was last used.
type KeyUse struct {
	Key  string
	Used time.Time
}
