// Package logpb knows the protobuf of SLS (reference sls-api section 4) and the codecs of its bodies: checking a LogGroup
// without building it, encoding, decoding, batch packages, the JSON form of web tracking, and the compressions.
//
// [Check] decides alone what a valid LogGroup is. [Decode] asks it first and then trusts the bytes; [AppendJSON] encodes what
// it read and asks it too. So there is one place for the rules, and no way into the store around them.
package logpb

import "encoding/binary"

// Codec is how a body is compressed, named as in the x-log-compresstype header.
type Codec string

// The codecs. LZ4 is one raw block, Deflate is a zlib stream (RFC 1950) or, from old clients, raw (RFC 1951).
const (
	None    Codec = ""
	LZ4     Codec = "lz4"
	Zstd    Codec = "zstd"
	Deflate Codec = "deflate"
)

// Wire types.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// message is the schema of a protobuf message: the wire type of each known field by its number, from 1.
type message []byte

// The messages (reference sls-api 4.1). A Content and a LogTag are alike.
var (
	groupMessage = message{
		groupLogs: wireBytes, groupCategory: wireBytes, groupTopic: wireBytes, groupSource: wireBytes,
		groupMachine: wireBytes, groupTags: wireBytes,
	}
	logMessage         = message{logTime: wireVarint, logContents: wireBytes, logValues: wireBytes, logNanos: wireFixed32}
	pairMessage        = message{pairKey: wireBytes, pairValue: wireBytes}
	listMessage        = message{listGroups: wireBytes}
	packageListMessage = message{listPackages: wireBytes}
	packageMessage     = message{packageData: wireBytes, packageSize: wireVarint, packageCodec: wireVarint}
)

// Field numbers.
const (
	groupLogs     = 1
	groupCategory = 2
	groupTopic    = 3
	groupSource   = 4
	groupMachine  = 5
	groupTags     = 6

	logTime     = 1
	logContents = 2
	logValues   = 3
	logNanos    = 4

	pairKey   = 1
	pairValue = 2

	listGroups   = 1
	listPackages = 1

	packageData  = 1
	packageSize  = 2
	packageCodec = 3
)

// Tags: a field number and its wire type in one byte.
const (
	tagLogs     = groupLogs<<3 | wireBytes
	tagTopic    = groupTopic<<3 | wireBytes
	tagSource   = groupSource<<3 | wireBytes
	tagTags     = groupTags<<3 | wireBytes
	tagTime     = logTime<<3 | wireVarint
	tagContents = logContents<<3 | wireBytes
	tagNanos    = logNanos<<3 | wireFixed32
	tagKey      = pairKey<<3 | wireBytes
	tagValue    = pairValue<<3 | wireBytes
	tagGroups   = listGroups<<3 | wireBytes
)

const (
	maxTagBytes = binary.MaxVarintLen32
	maxNanos    = 999_999_999
)
