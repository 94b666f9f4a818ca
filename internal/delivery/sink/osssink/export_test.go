package osssink

import "github.com/sluicelog/sluice/internal/delivery/sink"

// SetParts changes the size from which bodies go out in parts, and that of the parts.
func SetParts(s sink.Sink, from, size int64) {
	s.(*Sink).partFrom, s.(*Sink).partSize = from, size
}
