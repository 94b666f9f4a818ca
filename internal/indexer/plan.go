package indexer

import (
	"cmp"
	"maps"
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

// part is a segment that can be merged.
type part struct {
	segment.Info
	of *Segment
}

// partsOf leaves out segments that cannot be opened, and those of another configuration: queries treat them differently.
func partsOf(all []*Segment, config uint64) []part {
	var parts []part
	for _, s := range all {
		if s.Bad == nil && s.Config == config {
			parts = append(parts, part{s.Info(), s})
		}
	}
	return parts
}

// plan returns the parts to merge now, nil if there is nothing to merge.
func plan(parts []part, window time.Duration) []part {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Name, b.Name)) })
	small, large := map[int64][]part{}, map[int64][]part{}
	newest := int64(math.MinInt64)
	var allSmall []part
	for _, p := range parts {
		w := p.Last.UnixNano() / int64(window)
		newest = max(newest, w)
		switch {
		case segment.Small(p.Info):
			small[w] = append(small[w], p)
			allSmall = append(allSmall, p)
		case p.Bytes < largestByte:
			large[w] = append(large[w], p)
		}
	}
	for _, w := range slices.Sorted(maps.Keys(small)) {
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
	for _, w := range slices.Sorted(maps.Keys(large)) {
		if chosen := ofASize(large[w], 3, copyFanIn); chosen != nil {
			return chosen
		}
	}
	return nil
}

// filling returns the first parts that together fill a group as nearly as they can, if there are enough.
func filling(small []part) []part {
	var sum segment.Info
	for i, p := range small {
		sum.Rows += p.Rows
		sum.Bytes += p.Bytes
		if segment.Overfull(sum) {
			return small[:i]
		}
	}
	return nil
}

// sizeClass is the power of 2^width that a size belongs to.
func sizeClass(n int64, width int) int { return (bits.Len64(uint64(n)) + width - 1) / width }

// ofASize returns the first fanIn parts of a class of sizes, which differ by a factor of 2^width at most.
func ofASize(parts []part, width, fanIn int) []part {
	classes := map[int][]part{}
	for _, p := range parts {
		c := sizeClass(p.Bytes, width)
		if classes[c] = append(classes[c], p); len(classes[c]) == fanIn {
			return classes[c]
		}
	}
	return nil
}
