package kafkasink

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pick asks p for the partition of a new message.
func pick(p *partitioner, key, value []byte, n int) int {
	return p.Partition(&kgo.Record{Key: key, Value: value, Partition: unassigned}, n)
}

// TestKeyVectors: what the client library of the service we follow gives for 3, 6, 12 and 50 partitions (reference delivery e.4).
func TestKeyVectors(t *testing.T) {
	counts := []int{3, 6, 12, 50}
	for _, v := range []struct {
		key                  string
		hash, crc32, murmur2 []int
	}{
		{"", []int{0, 3, 3, 35}, nil, []int{0, 3, 9, 31}},
		{"a", []int{0, 0, 0, 26}, []int{0, 3, 3, 7}, []int{1, 4, 4, 24}},
		{"ab", []int{0, 0, 6, 46}, []int{2, 5, 5, 35}, []int{2, 2, 2, 34}},
		{"abc", []int{2, 5, 11, 31}, []int{0, 0, 6, 28}, []int{0, 3, 3, 7}},
		{"sluice", []int{2, 2, 8, 24}, []int{1, 4, 10, 20}, []int{1, 1, 1, 31}},
		{"ClientRequestID", []int{0, 0, 6, 10}, []int{1, 1, 1, 19}, []int{1, 4, 4, 10}},
		{"0a1b2c3d4e5f", []int{0, 3, 9, 29}, []int{0, 3, 3, 43}, []int{2, 2, 2, 26}},
		{"192.0.2.1", []int{1, 4, 4, 26}, []int{2, 5, 11, 1}, []int{1, 1, 7, 35}},
		{"i-bp1abcdefgh", []int{1, 4, 4, 38}, []int{0, 3, 3, 21}, []int{0, 3, 9, 49}},
		{"日志", []int{2, 2, 2, 18}, []int{1, 4, 4, 0}, []int{1, 1, 1, 3}},
	} {
		for balancer, want := range map[Balancer][]int{Hash: v.hash, CRC32: v.crc32, Murmur2: v.murmur2} {
			p := newPartitioner(balancer)
			for i, n := range counts {
				if got := pick(p, []byte(v.key), nil, n); want != nil && got != want[i] {
					t.Errorf("%s of %q among %d: %d, want %d", balancer, v.key, n, got, want[i])
				}
			}
			if r := (&kgo.Record{Key: []byte(v.key), Partition: unassigned}); !p.RequiresConsistency(r) {
				t.Errorf("%s takes partitions that are away out of the count", balancer)
			}
		}
	}
}

func TestSequences(t *testing.T) {
	type message struct{ key, value int } // sizes; a key of 0 is none
	for _, c := range []struct {
		name     string
		balancer Balancer
		messages []message
		want     []int
	}{
		{
			"least bytes", LeastBytes,
			[]message{{0, 100}, {0, 40}, {0, 70}, {0, 10}, {5, 60}, {0, 30}, {0, 1}, {0, 500}, {0, 20}, {0, 20}},
			[]int{0, 1, 2, 1, 1, 2, 0, 2, 0, 1},
		},
		{"round robin", RoundRobin, make([]message, 8), []int{0, 1, 2, 0, 1, 2, 0, 1}},
		{"hash without keys", Hash, make([]message, 5), []int{0, 1, 2, 0, 1}},
	} {
		p := newPartitioner(c.balancer)
		var got []int
		for _, m := range c.messages {
			var key []byte
			if m.key > 0 {
				key = make([]byte, m.key)
			}
			got = append(got, pick(p, key, make([]byte, m.value), 3))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestLeastBytesForgets(t *testing.T) {
	p := newPartitioner(LeastBytes)
	for _, c := range []struct{ n, want int }{{2, 0}, {2, 1}, {3, 0}, {3, 1}, {3, 2}, {2, 0}} {
		if got := pick(p, nil, make([]byte, 10), c.n); got != c.want {
			t.Errorf("among %d: got %d, want %d", c.n, got, c.want)
		}
	}
}

func TestKeylessAreSpread(t *testing.T) {
	for balancer, keys := range map[Balancer][][]byte{CRC32: {nil, {}}, Murmur2: {nil}} {
		for _, key := range keys {
			p, seen := newPartitioner(balancer), map[int]bool{}
			for range 1000 {
				i := pick(p, key, nil, 4)
				if i < 0 || i >= 4 {
					t.Fatalf("%s: partition %d of 4", balancer, i)
				}
				seen[i] = true
			}
			if len(seen) != 4 {
				t.Errorf("%s: 1000 messages with the key %v reached %d partitions of 4", balancer, key, len(seen))
			}
		}
	}
}

func TestAssignedStays(t *testing.T) {
	for _, balancer := range []Balancer{RoundRobin, LeastBytes, Hash, CRC32, Murmur2} {
		p := newPartitioner(balancer)
		r := &kgo.Record{Key: []byte("k"), Partition: 5}
		if got := p.Partition(r, 7); got != 5 || !p.RequiresConsistency(r) {
			t.Errorf("%s moved a message from partition 5 to %d", balancer, got)
		}
		if got := p.Partition(r, 3); got < 0 || got > 2 {
			t.Errorf("%s: partition %d of 3", balancer, got)
		}
	}
}

func TestParseBalancer(t *testing.T) {
	for name, want := range map[string]Balancer{
		"": RoundRobin, "kafka.LeastBytes": LeastBytes, "Hash": Hash, "kafka.Hash": Hash, "kafka.RoundRobin": RoundRobin,
		"CRC32Balancer": CRC32, "crc32": CRC32, "kafka.Murmur2Balancer": Murmur2, "leastBytes": LeastBytes,
	} {
		if got, ok := ParseBalancer(name); got != want || !ok {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got, ok := ParseBalancer("kafka.Random"); ok {
		t.Errorf("an unknown name is %q", got)
	}
	for key, want := range map[string]uint32{"": 0x106e08d9, "a": 0xa2d0b27c, "日志": 0x9f199251, "abc": 0x1c94221b} {
		if got := fmt.Sprintf("%08x", murmur2([]byte(key))); got != fmt.Sprintf("%08x", want) {
			t.Errorf("murmur2 of %q: %s, want %08x", key, got, want)
		}
	}
}
