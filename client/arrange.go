package client

import (
	"cmp"
	"context"
	"fmt"
	"math/big"
	"slices"

	"github.com/sluicelog/sluice"
)

// maxParts is into how many parts a shard is split at once at most.
const maxParts = 100

// ArrangeShards splits or merges shards until count of them take logs, and returns all shards. It splits the widest and merges the
// narrowest, so that ranges stay as equal as they can without moving what is there. It may be called again after an error.
func (c *Client) ArrangeShards(ctx context.Context, ref sluice.LogstoreRef, count int) ([]Shard, error) {
	if count < 1 {
		return nil, fmt.Errorf("a logstore has at least one shard, not %d", count)
	}
	for {
		shards, err := c.Shards(ctx, ref)
		if err != nil {
			return nil, err
		}
		open := takingLogs(shards)
		switch {
		case len(open) == count:
			return shards, nil
		case len(open) > count:
			_, err = c.MergeShard(ctx, ref, open[narrowest(open)].ID)
		default:
			i, parts := widest(open, count)
			_, err = c.SplitShard(ctx, ref, open[i].ID, SplitOptions{Count: parts})
		}
		if err != nil {
			return nil, fmt.Errorf("arrange %s to %d shards, of %d: %w", ref, count, len(open), err)
		}
	}
}

// takingLogs are the shards that take logs, by the keys that they own.
func takingLogs(shards []Shard) []Shard {
	open := slices.DeleteFunc(slices.Clone(shards), func(s Shard) bool { return s.ReadOnly })
	slices.SortFunc(open, func(a, b Shard) int { return cmp.Compare(a.Begin.String(), b.Begin.String()) })
	return open
}

// width is how many keys a shard owns.
func width(s Shard) *big.Int {
	return new(big.Int).Sub(new(big.Int).SetBytes(s.End[:]), new(big.Int).SetBytes(s.Begin[:]))
}

// widest chooses the shard to split, and into how many parts: each further part goes to the shard whose parts are the widest.
func widest(open []Shard, count int) (index, parts int) {
	split := make([]int, len(open))
	for i := range split {
		split[i] = 1
	}
	for range count - len(open) {
		best := 0
		for i := range open {
			// width(i)/split(i) > width(best)/split(best), without the remainders
			left := new(big.Int).Mul(width(open[i]), big.NewInt(int64(split[best])))
			if left.Cmp(new(big.Int).Mul(width(open[best]), big.NewInt(int64(split[i])))) > 0 && split[i] < maxParts {
				best = i
			}
		}
		split[best]++
	}
	for i, n := range split {
		if n > split[index] {
			index = i
		}
	}
	return index, min(split[index], maxParts)
}

// narrowest chooses the shard that, with its neighbour on the right, owns the fewest keys.
func narrowest(open []Shard) int {
	best := 0
	for i := range len(open) - 1 {
		both := new(big.Int).Add(width(open[i]), width(open[i+1]))
		if both.Cmp(new(big.Int).Add(width(open[best]), width(open[best+1]))) < 0 {
			best = i
		}
	}
	return best
}
