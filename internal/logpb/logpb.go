// Package logpb knows the protobuf of SLS (reference sls-api section 4) and the codecs of its bodies: checking a LogGroup
// without building it, encoding, decoding, batch packages, the JSON form of web tracking, and the compressions.
package logpb

// Codec is how a body is compressed, named as in the x-log-compresstype header.
type Codec string

// The codecs. LZ4 is one raw block, Deflate is a zlib stream (RFC 1950) or, from old clients, raw (RFC 1951).
const (
	None    Codec = ""
	LZ4     Codec = "lz4"
	Zstd    Codec = "zstd"
	Deflate Codec = "deflate"
)
