package indexer

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/segment"
)

/*
Segments are merged so that each log is encoded few times, and so that a segment's logs are of about the same time:

	small ──as soon as they fill a group of rows──> one group ──eight of a size, copied──> 256 MB of raw logs or more
	  └──sixteen of a size, while they do not fill one──> small

A segment belongs to the window of time that its latest log is in. Only segments of one window are merged, so that a search
in time opens few of them, and retention removes whole ones; late logs end up among their own. In windows that are over, four
small ones of a size are enough. Logs whose times say nothing must not keep segments from being merged: of too many small ones,
windows are ignored.
*/
const (
	smallFanIn  = 16
	closedFanIn = 4
	copyFanIn   = 8
	maxSmall    = 256

	largestByte = 256 << 20 // raw bytes: so large a segment is not merged again
	minWindow   = time.Hour
	maxWindow   = 24 * time.Hour
	windows     = 16 // of the time for which logs are kept, at least
)

// windowOf returns how long the windows are of a logstore that keeps logs for so many days.
func windowOf(days int) time.Duration {
	return min(max(time.Duration(days)*24*time.Hour/windows, minWindow), maxWindow)
}

// planner chooses what to merge.
type planner struct {
	window time.Duration
	all    []*Segment // that can be merged, by their first time
}

// newPlanner leaves out segments that cannot be opened, and those of another configuration: queries treat them differently.
func newPlanner(all []*Segment, config uint64, window time.Duration) *planner {
	p := &planner{window: window}
	for _, s := range all {
		if s.Bad == nil && s.Config == config && s.Info().Bytes < largestByte {
			p.all = append(p.all, s)
		}
	}
	slices.SortFunc(p.all, func(a, b *Segment) int {
		return cmp.Or(a.Info().First.Compare(b.Info().First), cmp.Compare(a.name, b.name))
	})
	return p
}

// next returns the segments to merge now, nil if there are none.
func (p *planner) next() []*Segment {
	small, large := map[int64][]*Segment{}, map[int64][]*Segment{}
	newest := int64(math.MinInt64)
	var allSmall []*Segment
	for _, s := range p.all {
		w := s.Info().Last.UnixNano() / int64(p.window)
		newest = max(newest, w)
		if segment.Small(s.Info()) {
			small[w] = append(small[w], s)
			allSmall = append(allSmall, s)
		} else {
			large[w] = append(large[w], s)
		}
	}
	for _, w := range sorted(small) {
		if chosen := filling(small[w]); chosen != nil {
			return chosen
		}
		fanIn := smallFanIn
		if w < newest {
			fanIn = closedFanIn
		}
		if chosen := ofASize(small[w], 4, fanIn); chosen != nil {
			return chosen
		}
	}
	if len(allSmall) > maxSmall {
		return allSmall[:smallFanIn]
	}
	for _, w := range sorted(large) {
		if chosen := ofASize(large[w], 3, copyFanIn); chosen != nil {
			return chosen
		}
	}
	return nil
}

func sorted(byWindow map[int64][]*Segment) []int64 {
	var all []int64
	for w := range byWindow {
		all = append(all, w)
	}
	slices.Sort(all)
	return all
}

// filling returns the first segments that together fill a group as nearly as they can, if there are enough.
func filling(small []*Segment) []*Segment {
	var sum segment.Info
	for i, s := range small {
		sum.Rows += s.Info().Rows
		sum.Bytes += s.Info().Bytes
		if segment.Overfull(sum) {
			return small[:i]
		}
	}
	return nil
}

// sizeClass is the power of 2^width that a size belongs to, from 64 KiB.
func sizeClass(n int64, width int) int { return (bits.Len64(uint64(n)>>16) + width - 1) / width }

// ofASize returns the first fanIn segments of a class of sizes, which differ by a factor of 2^width at most.
func ofASize(all []*Segment, width, fanIn int) []*Segment {
	classes := map[int][]*Segment{}
	for _, s := range all {
		c := sizeClass(s.Info().Bytes, width)
		if classes[c] = append(classes[c], s); len(classes[c]) == fanIn {
			return classes[c]
		}
	}
	return nil
}
