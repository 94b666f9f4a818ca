// Package ingest is the one write door: every log group, from a client or from a part of the server itself, enters here and
// nowhere else. It checks the bytes, asks the quotas, picks the shard, adds the tags the logstore asks for, and appends.
//
//	bytes ──decompress──> protobuf ──check──> quota ──> shard ──> append (durable) ──> position
//	  └──────── kept as received when they are one LZ4 block ───────┘
package ingest

import (
	"net/netip"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// Put is one write as a dialect hands it in.
type Put struct {
	Ref     sluice.LogstoreRef
	Codec   logpb.Codec // of Body
	RawSize int         // length of Body before compression, as the client claims
	Body    []byte      // one LogGroup; must not change until Put returns
	HashKey string      // "" spreads over the read-write shards
	Client  netip.Addr  // for the __client_ip__ tag; the zero Addr adds none
}
