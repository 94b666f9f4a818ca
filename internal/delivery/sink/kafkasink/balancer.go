package kafkasink

import (
	"hash/crc32"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Balancer chooses the partition of a message, by one of five rules that people know from the service we follow; each gives exactly the
// partitions of the client library whose name for it that service uses (reference delivery e.2).
//
//	roundRobin   one after the other; the first message goes to partition 0
//	leastBytes   where the fewest bytes went so far, the lowest number among equals; counted from the start of the task
//	hash         FNV-1a of the key, signed; without a key round robin
//	crc32        CRC-32 of the key, as librdkafka's consistent_random; without a key at random
//	murmur2      murmur2 of the key, as Java's client; without a key at random
type Balancer string

// The balancers.
const (
	RoundRobin Balancer = "roundRobin"
	LeastBytes Balancer = "leastBytes"
	Hash       Balancer = "hash"
	CRC32      Balancer = "crc32"
	Murmur2    Balancer = "murmur2"
)

// ParseBalancer reads a balancer's name in any case, ours or that of the service we follow, with or without its "kafka." in front. "" is RoundRobin.
func ParseBalancer(name string) (Balancer, bool) {
	switch strings.TrimPrefix(strings.ToLower(name), "kafka.") {
	case "", "roundrobin":
		return RoundRobin, true
	case "leastbytes":
		return LeastBytes, true
	case "hash":
		return Hash, true
	case "crc32", "crc32balancer":
		return CRC32, true
	case "murmur2", "murmur2balancer":
		return Murmur2, true
	}
	return "", false
}

// partitioner is a Balancer as the client library calls it. A message that already has a partition, from a try that failed, keeps it, so that
// a second try does not put messages of one shard out of order.
type partitioner struct {
	balancer Balancer

	mu      sync.Mutex // guards what is below
	counter uint32     // messages given out by round robin
	bytes   []int64    // what each partition got, for leastBytes
}

// unassigned is the partition of a message that has none.
const unassigned = -1

func newPartitioner(b Balancer) *partitioner { return &partitioner{balancer: b} }

// ForTopic is the library's constructor. A sink writes to one topic.
func (p *partitioner) ForTopic(string) kgo.TopicPartitioner { return p }

// RequiresConsistency says whether Partition chooses among all partitions (true) or only among those that can be written to now.
func (p *partitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition != unassigned || r.Key != nil && p.balancer != RoundRobin && p.balancer != LeastBytes
}

// Partition chooses one of n.
func (p *partitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition != unassigned && int(r.Partition) < n {
		return int(r.Partition)
	}
	switch p.balancer {
	case LeastBytes:
		return p.leastBytes(n, int64(len(r.Key)+len(r.Value)))
	case Hash:
		if r.Key != nil {
			return hashFNV(r.Key, n)
		}
	case CRC32:
		if len(r.Key) == 0 {
			return rand.IntN(n)
		}
		return int(crc32.ChecksumIEEE(r.Key) % uint32(n))
	case Murmur2:
		if r.Key == nil {
			return rand.IntN(n)
		}
		return int(murmur2(r.Key)&0x7fffffff) % n
	}
	return p.roundRobin(n)
}

func (p *partitioner) roundRobin(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counter++
	return int((p.counter - 1) % uint32(n))
}

// leastBytes forgets what it counted when the number of partitions changes.
func (p *partitioner) leastBytes(n int, size int64) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.bytes) != n {
		p.bytes = make([]int64, n)
	}
	least := 0
	for i, sum := range p.bytes {
		if sum < p.bytes[least] {
			least = i
		}
	}
	p.bytes[least] += size
	return least
}

func hashFNV(key []byte, n int) int {
	h := fnv.New32a()
	_, _ = h.Write(key) // it never fails
	i := int(int32(h.Sum32()) % int32(n))
	if i < 0 {
		return -i
	}
	return i
}

// murmur2 is the variant of Java's client.
func murmur2(key []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := seed ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(key[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
