package luban_test

import (
	"runtime"
	"testing"
)

// BenchmarkChannels opens kick channels that then wait, and tells the memory of both ends of one, in one process.
func BenchmarkChannels(b *testing.B) {
	const size = 500
	bed := newBed(b)
	clients := make([]*client, size)
	for i := range clients {
		clients[i] = bed.registered(keys()[0])
		clients[i].http.CloseIdleConnections()
	}
	before := heap()
	for _, c := range clients {
		bed.dialed(c)
	}
	perChannel := float64(heap()-before) / size
	for b.Loop() {
		for _, c := range clients {
			if status, body := c.heartbeat(); status != 200 {
				b.Fatal(status, body)
			}
			c.http.CloseIdleConnections()
		}
	}
	b.ReportMetric(perChannel, "B/channel-both-ends")
}

// heap is what is in use, stacks among it.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
