package ingest

import (
	"math/bits"
	"sync"
)

// Buffers are pooled by size, a power of two, so that a small write does not sit on the memory of a large one.
const (
	minClass = 12 // 4 KiB
	maxClass = 25 // 32 MiB; larger ones are not pooled
)

// buffers lends byte slices. The zero value is ready.
type buffers struct {
	classes [maxClass - minClass + 1]sync.Pool
}

// get lends an empty slice with room for n bytes.
func (b *buffers) get(n int) *[]byte {
	class := max(bits.Len(uint(max(n, 1)-1)), minClass)
	if class <= maxClass {
		if buf, ok := b.classes[class-minClass].Get().(*[]byte); ok {
			return buf
		}
	}
	buf := make([]byte, 0, 1<<class)
	return &buf
}

// put takes a slice back; nil is nothing. What the borrower grew it to decides where it goes.
func (b *buffers) put(buf *[]byte) {
	if buf == nil {
		return
	}
	class := bits.Len(uint(cap(*buf))) - 1
	if class < minClass || class > maxClass {
		return
	}
	*buf = (*buf)[:0]
	b.classes[class-minClass].Put(buf)
}
