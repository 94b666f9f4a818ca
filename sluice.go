// Package sluice holds the words that every part of the log service shares: positions and cursors, shard keys, records and
// log groups, principals, error kinds. It imports only the standard library, so that any part may import it.
//
// Vocabulary (the field's own): a project holds logstores, a logstore has shards, a shard is an append-only log of log
// groups. One PutLogs call is one log group and gets one position. A cursor is a position as clients see it; a checkpoint is
// a position that a named reader saved.
package sluice

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// LogstoreRef names a logstore.
type LogstoreRef struct {
	Project, Logstore string
}

func (r LogstoreRef) String() string { return r.Project + "/" + r.Logstore }

// ShardID numbers a shard inside its logstore, from 0. Numbers are never given twice.
type ShardID int32

func (id ShardID) String() string { return strconv.Itoa(int(id)) }

// LogID numbers the log of one shard over the whole installation, from 1. It is the name of the shard on disk, so that
// nothing a client chose ever becomes a path, and it is never given twice: a logstore created again under an old name
// starts with new logs.
type LogID uint64

func (id LogID) String() string { return fmt.Sprintf("%016d", uint64(id)) }

// Position numbers a log group inside its shard. Positions are given once, grow by one for each log group and never move.
// The first position of a shard is its base: the nanoseconds of its creation since 1970, as on the service we follow.
type Position int64

// Cursor renders p the way clients carry it: standard base64 of the decimal number. Clients decode it and do arithmetic on
// it (reference sls-api 0.1, rule 5), so the form is part of the contract.
func (p Position) Cursor() string {
	return base64.StdEncoding.EncodeToString(strconv.AppendInt(nil, int64(p), 10))
}

// ParseCursor is the inverse of [Position.Cursor]. White space around s is ignored: one Python code path leaves a newline.
func ParseCursor(s string) (Position, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return 0, fmt.Errorf("cursor %q is not base64", s)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("cursor %q does not hold a position", s)
	}
	return Position(n), nil
}

// HashKey is a point of the 128-bit space that shards divide. A shard owns [begin, end); the end of the last shard is
// [MaxHashKey] and, alone among the ends, belongs to its shard.
type HashKey [16]byte

// MaxHashKey is the end of the key space.
var MaxHashKey = HashKey{
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
}

// ParseHashKey reads up to 32 hexadecimal digits of either case; a shorter text is padded with zeros on the right
// (reference sls-api 5.6).
func ParseHashKey(s string) (HashKey, error) {
	var k HashKey
	if s == "" || len(s) > 32 {
		return k, fmt.Errorf("hash key %q is not 1 to 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(k[:], []byte(s+strings.Repeat("0", 32-len(s)))); err != nil {
		return HashKey{}, fmt.Errorf("hash key %q is not 1 to 32 hexadecimal digits", s)
	}
	return k, nil
}

func (k HashKey) String() string { return hex.EncodeToString(k[:]) }

// LogGroup is a batch of records that share topic, source and tags: the unit of append.
type LogGroup struct {
	Topic, Source string
	Tags          []Field
	Records       []Record
}

// Record is one log: a time and ordered fields. Keys may repeat.
type Record struct {
	Time   uint32 // seconds since 1970
	Nanos  uint32 // nanoseconds inside the second, 0 to 999,999,999
	Fields []Field
}

// Field is a key and a value. Both are bytes that came from outside; they need not be UTF-8.
type Field struct {
	Key, Value string
}

// Appender is the write door as producers inside the server see it. A nil error means that the group is on disk.
type Appender interface {
	Append(ctx context.Context, ref LogstoreRef, group *LogGroup) (ShardID, Position, error)
}
