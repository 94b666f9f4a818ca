// Package trail has the words of audit events: what an event is, the chain that they make, and what tells whether it is whole.
//
//	dialects, gateway ──> capture ──> ledger: one appender ──> logstore sluice-trail/events ──> lookups, trails, search
//	                     (redacted)                                 │
//	   event n-1            event n            event n+1            │ Verifier: in the server, and in the command line,
//	   chain ──┬──SHA-256──> chain ──┬──SHA-256──> chain            │ which knows no more than what is here
//	           └ bytes of n          └ bytes of n+1    └──> Anchor: signed, every minute or thousand events
//
// Invariants:
//   - An event does not change once it is made, and has no secret in it.
//   - The chain has no gaps: the Seq of an event is that of the one before and one, its chain is the hash over the chain before and its bytes.
//   - What stands beside the event in its log follows from the event: [ToRecord] makes all of it.
//
// Package ledger writes and reads the log, package operation is the table of what is called and what of it is kept, and package capture makes events
// of calls.
package trail

import "github.com/sluicelog/sluice"

// Project is the project of the audit events. Nobody can change anything in it through any dialect, and only the installation's root can read it
// as it is.
const Project = "sluice-trail"

// Events is the logstore of the audit events. It has one shard, whose order is the chain's.
var Events = sluice.LogstoreRef{Project: Project, Logstore: "events"}

// Topic is the topic of the log groups that hold events.
const Topic = "audit_event"

// Names of service events: what the server did by itself.
const (
	ServerStarted    = "ServerStarted"
	ServerStopped    = "ServerStopped"
	EventsLost       = "AuditEventsLost"
	AnchorMade       = "AuditAnchor"
	KeyRotated       = "AuditKeyRotated"     // an anchor that hands over to another key
	HistoryExpired   = "AuditHistoryExpired" // what retention is about to take: an Expiry
	DeliveryDisabled = "DeliveryTaskDisabled"
)
