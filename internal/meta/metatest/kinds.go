package metatest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

var (
	ctx    = context.Background()
	ref    = sluice.LogstoreRef{Project: "p", Logstore: "l"}
	early  = time.Date(2023, 11, 14, 22, 13, 20, 123456789, time.UTC)
	late   = early.Add(time.Nanosecond)
	before = time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC)
	epoch  = time.Unix(0, 0).UTC() // not the zero time
)

// kind is one sort of thing that a store keeps: functions on the one named p, p/l, 0, g, d or k, and values for it. No field of
// full is zero, every field of other differs from full's, and only the name of bare is set.
type kind struct {
	noun              string
	inLogstore        bool // hangs on logstore p/l
	inProject         bool // hangs on project p
	full, other, bare any
	create, update    func(meta.Tx, any) error
	get               func(meta.Tx) (any, error)
	list              func(meta.Tx) ([]any, error) // nil where the contract has none
	remove            func(meta.Tx) error
}

// kinds are in the order in which they can be created.
var kinds = []kind{
	{
		noun: "project",
		full: meta.Project{
			Name: "p", Account: "a", Description: "d", ResourceGroupID: "rg", DataRedundancy: "LRS", RecycleBinEnabled: true,
			Created: early, Modified: late,
		},
		other: meta.Project{
			Name: "p", Description: "d2", ResourceGroupID: "rg2", DataRedundancy: "ZRS",
			Created: before, Modified: epoch,
		},
		bare:   meta.Project{Name: "p"},
		create: change(meta.Tx.CreateProject),
		update: change(meta.Tx.UpdateProject),
		get:    func(tx meta.Tx) (any, error) { return tx.Project("p") },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.Projects()) },
		remove: func(tx meta.Tx) error { return tx.DeleteProject("p") },
	}, {
		noun:      "logstore",
		inProject: true,
		full: meta.Logstore{
			Project: "p", Name: "l", TTLDays: 30, Tracking: true, AppendMeta: true, AutoSplit: true,
			MaxSplitShard: 64, TelemetryType: "Metrics", Mode: "query", HotTTLDays: 7, InfrequentTTLDays: 20, Modifiable: true, ShardCount: 2,
			NextShard: 4, Extra: map[string]json.RawMessage{"encrypt_conf": json.RawMessage(`{"enable":true,"n":[1,2.50,null]}`)},
			Created: early, Modified: late,
		},
		other: meta.Logstore{
			Project: "p", Name: "l", TTLDays: 3650, MaxSplitShard: 1, TelemetryType: "Event", Mode: "lite",
			HotTTLDays: 8, InfrequentTTLDays: 21, ShardCount: 3, NextShard: 1<<31 - 1,
			Extra: map[string]json.RawMessage{"a": json.RawMessage(`"<&>"`)}, Created: before, Modified: epoch,
		},
		bare:   meta.Logstore{Project: "p", Name: "l"},
		create: change(meta.Tx.CreateLogstore),
		update: change(meta.Tx.UpdateLogstore),
		get:    func(tx meta.Tx) (any, error) { return tx.Logstore(ref) },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.Logstores("p")) },
		remove: func(tx meta.Tx) error { return tx.DeleteLogstore(ref) },
	}, {
		noun:       "shard",
		inLogstore: true,
		full: meta.Shard{
			Project: "p", Logstore: "l", Base: sluice.Position(early.UnixNano()), Begin: sluice.HashKey{0x80, 15: 1},
			End: sluice.MaxHashKey, ReadOnly: true, Closed: late, Parents: []sluice.ShardID{3, 1, 2}, Created: early,
		},
		other: meta.Shard{
			Project: "p", Logstore: "l", Base: 1<<63 - 1, Begin: sluice.HashKey{1}, End: sluice.HashKey{2},
			Closed: before, Parents: []sluice.ShardID{0}, Created: epoch,
		},
		bare: meta.Shard{Project: "p", Logstore: "l"},
		create: change(func(tx meta.Tx, s meta.Shard) error {
			_, err := tx.CreateShard(s)
			return err
		}),
		update: change(meta.Tx.UpdateShard),
		get: func(tx meta.Tx) (any, error) {
			s, err := tx.Shard(ref, 0)
			s.Log = 0 // the store's choice; it has tests of its own
			return s, err
		},
		list: func(tx meta.Tx) ([]any, error) {
			all, err := tx.Shards(ref)
			for i := range all {
				all[i].Log = 0
			}
			return anys(all, err)
		},
		remove: func(tx meta.Tx) error { return tx.DeleteShard(ref, 0) },
	}, {
		noun:       "index",
		inLogstore: true,
		full: meta.Index{
			Project: "p", Logstore: "l", Config: json.RawMessage(`{ "line": {"token":["<"]} }`),
			Created: early, Modified: late,
		},
		other:  meta.Index{Project: "p", Logstore: "l", Config: json.RawMessage(`{}`), Created: before, Modified: epoch},
		bare:   meta.Index{Project: "p", Logstore: "l"},
		create: change(meta.Tx.CreateIndex),
		update: change(meta.Tx.UpdateIndex),
		get:    func(tx meta.Tx) (any, error) { return tx.Index(ref) },
		remove: func(tx meta.Tx) error { return tx.DeleteIndex(ref) },
	}, {
		noun:       "consumergroup",
		inLogstore: true,
		full: meta.ConsumerGroup{
			Project: "p", Logstore: "l", Name: "g", Timeout: time.Minute, Order: true,
			Created: early, Modified: late,
		},
		other: meta.ConsumerGroup{
			Project: "p", Logstore: "l", Name: "g", Timeout: time.Nanosecond,
			Created: before, Modified: epoch,
		},
		bare:   meta.ConsumerGroup{Project: "p", Logstore: "l", Name: "g"},
		create: change(meta.Tx.CreateConsumerGroup),
		update: change(meta.Tx.UpdateConsumerGroup),
		get:    func(tx meta.Tx) (any, error) { return tx.ConsumerGroup(ref, "g") },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.ConsumerGroups(ref)) },
		remove: func(tx meta.Tx) error { return tx.DeleteConsumerGroup(ref, "g") },
	}, {
		noun:      "document",
		inProject: true,
		full: meta.Document{
			Project: "p", Kind: "job", Name: "d", Body: json.RawMessage(`{ "b": [1, 2.50], "a": "<" }`), Created: early, Modified: late,
		},
		other:  meta.Document{Project: "p", Kind: "job", Name: "d", Body: json.RawMessage(`{}`), Created: before, Modified: epoch},
		bare:   meta.Document{Project: "p", Kind: "job", Name: "d"},
		create: change(meta.Tx.CreateDocument),
		update: change(meta.Tx.UpdateDocument),
		get:    func(tx meta.Tx) (any, error) { return tx.Document("p", "job", "d") },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.Documents("p", "job")) },
		remove: func(tx meta.Tx) error { return tx.DeleteDocument("p", "job", "d") },
	}, {
		noun:      "deliverytask",
		inProject: true,
		full: meta.DeliveryTask{
			Project: "p", Name: "d", Logstore: "l", Spec: json.RawMessage(`{ "b": "<" }`), Secrets: []byte{0, 1}, State: "online", Reason: "r",
			Revision: 3, Started: epoch, Created: early, Modified: late,
		},
		other: meta.DeliveryTask{
			Project: "p", Name: "d", Logstore: "m", Spec: json.RawMessage(`{}`), Secrets: []byte{2}, State: "draft", Revision: 4,
			Started: early, Created: before, Modified: epoch,
		},
		bare:   meta.DeliveryTask{Project: "p", Name: "d"},
		create: change(meta.Tx.CreateDeliveryTask),
		update: change(meta.Tx.UpdateDeliveryTask),
		get:    func(tx meta.Tx) (any, error) { return tx.DeliveryTask("p", "d") },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.DeliveryTasks("p")) },
		remove: func(tx meta.Tx) error { return tx.DeleteDeliveryTask("p", "d") },
	}, {
		noun: "identity",
		full: meta.Identity{
			Account: "a", Kind: "user", Name: "i", Body: json.RawMessage(`{ "b": [1, 2.50], "a": "<" }`), Created: early, Modified: late,
		},
		other:  meta.Identity{Account: "a", Kind: "user", Name: "i", Body: json.RawMessage(`{}`), Created: before, Modified: epoch},
		bare:   meta.Identity{Account: "a", Kind: "user", Name: "i"},
		create: change(meta.Tx.CreateIdentity),
		update: change(meta.Tx.UpdateIdentity),
		get:    func(tx meta.Tx) (any, error) { return tx.Identity("a", "user", "i") },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.Identities("a", "user")) },
		remove: func(tx meta.Tx) error { return tx.DeleteIdentity("a", "user", "i") },
	}, {
		noun: "accesskey",
		full: meta.AccessKey{
			ID: "k", Account: "a", User: "u", Secret: []byte{0, 1, 0xff}, Token: []byte{0}, Projects: []string{"b", "a"}, ReadOnly: true,
			Root: true, Disabled: true, Description: "d", Expires: late, Created: early,
		},
		other: meta.AccessKey{
			ID: "k", Secret: []byte("s"), Token: []byte("t"), Projects: []string{"c"}, Description: "d2",
			Expires: epoch, Created: before,
		},
		bare:   meta.AccessKey{ID: "k"},
		create: change(meta.Tx.CreateAccessKey),
		update: change(meta.Tx.UpdateAccessKey),
		get:    func(tx meta.Tx) (any, error) { return tx.AccessKey("k") },
		list:   func(tx meta.Tx) ([]any, error) { return anys(tx.AccessKeys()) },
		remove: func(tx meta.Tx) error { return tx.DeleteAccessKey("k") },
	},
}

var checkpoint = meta.Checkpoint{Project: "p", Logstore: "l", Group: "g", Cursor: "MTIz", Consumer: "c", Updated: early}

func change[T any](fn func(meta.Tx, T) error) func(meta.Tx, any) error {
	return func(tx meta.Tx, v any) error { return fn(tx, v.(T)) }
}

func anys[T any](all []T, err error) ([]any, error) {
	var out []any
	for _, v := range all {
		out = append(out, v)
	}
	return out, err
}

// fill creates the full value of every kind, and a checkpoint.
func fill(t *testing.T, s meta.Store) {
	t.Helper()
	update(t, s, func(tx meta.Tx) error {
		for _, k := range kinds {
			if err := k.create(tx, k.full); err != nil {
				return err
			}
		}
		return tx.SetCheckpoint(checkpoint)
	})
}

// fillLogstore creates the named project, if it is not there, and in it the named logstore with one of all that hangs on it.
func fillLogstore(tx meta.Tx, at sluice.LogstoreRef) error {
	if err := tx.CreateProject(meta.Project{Name: at.Project}); err != nil && sluice.KindOf(err) != sluice.AlreadyExists {
		return err
	}
	if err := tx.CreateLogstore(meta.Logstore{Project: at.Project, Name: at.Logstore}); err != nil {
		return err
	}
	if _, err := tx.CreateShard(meta.Shard{Project: at.Project, Logstore: at.Logstore}); err != nil {
		return err
	}
	if err := tx.CreateIndex(meta.Index{Project: at.Project, Logstore: at.Logstore}); err != nil {
		return err
	}
	if err := tx.CreateConsumerGroup(meta.ConsumerGroup{Project: at.Project, Logstore: at.Logstore, Name: "g"}); err != nil {
		return err
	}
	return tx.SetCheckpoint(meta.Checkpoint{Project: at.Project, Logstore: at.Logstore, Group: "g"})
}
