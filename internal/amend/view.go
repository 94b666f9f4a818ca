package amend

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"github.com/sluicelog/sluice"
)

// View is what became of the logs of a logstore, at one moment. A nil View is that of a logstore of which none was changed. It is safe for
// concurrent use.
type View struct {
	version uint64
	hidden  map[stretch]*roaring64.Bitmap // of deleted logs and updated ones, which are not told apart
	groups  map[stretch]*roaring.Bitmap   // of log groups that have any: what is left of their positions. It is asked of a range in no time
	now     map[Place]*Row
	rows    []*Row // of now, by time, then place

	recent   []step // the last changes, for whoever remembers something of a view before
	count    uint64 // places that are hidden
	nowBytes int64
}

// stretch is 2^16 positions of a shard. A place in it has a number: what is left of its position << indexBits | index.
type stretch struct {
	shard sluice.ShardID
	high  sluice.Position // position >> highShift
}

const (
	indexBits = 24 // of the index of a log in its group: the write door takes 512,000 logs in one
	highShift = 16 // so little is copied for a change, and little counted to find where a position is
)

func (p Place) stretch() stretch { return stretch{p.Shard, p.Position >> highShift} }

func (p Place) number() uint64 { return numberOf(p.Position) | uint64(p.Index) }

// low is what is left of a position in its stretch.
func low(p sluice.Position) uint32 { return uint32(p & (1<<highShift - 1)) }

// numberOf is the number of the first log of a group.
func numberOf(p sluice.Position) uint64 { return uint64(low(p)) << indexBits }

func (s stretch) place(number uint64) Place {
	return Place{s.shard, s.high<<highShift | sluice.Position(number>>indexBits), int32(number & (1<<indexBits - 1))}
}

// step is a change of a view: the places that it is about.
type step struct {
	from   uint64 // the version before
	places []Place
}

// What recent holds at most.
const (
	maxSteps      = 32
	maxStepPlaces = 10_000
)

// Version tells two views of a logstore apart: later ones have higher numbers, as long as the server runs. It is 0 for nil.
func (v *View) Version() uint64 {
	if v == nil {
		return 0
	}
	return v.version
}

// Hides reports whether the log that was written at p is to be left out: it is deleted, or says something else now.
func (v *View) Hides(p Place) bool {
	if v == nil {
		return false
	}
	m := v.hidden[p.stretch()]
	return m != nil && m.Contains(p.number())
}

// HidesAny reports whether there are hidden logs in a shard from a position up to another, which is not counted.
func (v *View) HidesAny(shard sluice.ShardID, from, to sluice.Position) (any bool) {
	v.Positions(shard, from, to, func(sluice.Position) bool { any = true; return false })
	return any
}

// Hidden counts the hidden logs of a shard from a position up to another, which is not counted.
func (v *View) Hidden(shard sluice.ShardID, from, to sluice.Position) (n uint64) {
	if v == nil {
		return 0
	}
	for s, m := range v.hidden {
		if s.shard != shard {
			continue
		}
		begin := s.high << highShift
		if last := begin | (1<<highShift - 1); from <= begin && to > last {
			n += m.GetCardinality()
			continue
		} else if from > last || to <= begin {
			continue
		} else if to <= last {
			n += before(m, to)
		} else {
			n += m.GetCardinality()
		}
		if from > begin {
			n -= before(m, from)
		}
	}
	return n
}

// before counts the places of m before a position of its stretch.
func before(m *roaring64.Bitmap, p sluice.Position) uint64 {
	if n := numberOf(p); n > 0 {
		return m.Rank(n - 1)
	}
	return 0
}

// Positions gives the positions of log groups with hidden logs, from a position of a shard up to another, in no order, until emit wants no more.
func (v *View) Positions(shard sluice.ShardID, from, to sluice.Position, emit func(sluice.Position) (more bool)) {
	if v == nil {
		return
	}
	for s, m := range v.groups {
		begin := s.high << highShift
		if s.shard != shard || from > begin|(1<<highShift-1) || to <= begin {
			continue
		}
		it := m.Iterator()
		if from > begin {
			it.AdvanceIfNeeded(low(from))
		}
		for it.HasNext() {
			p := begin | sluice.Position(it.Next())
			if p >= to {
				break
			}
			if !emit(p) {
				return
			}
		}
	}
}

// Since returns the places that changes were about since a version; ok is false if that is not remembered.
func (v *View) Since(version uint64) (places []Place, ok bool) {
	if v == nil {
		return nil, version == 0
	}
	if version == v.version {
		return nil, true
	}
	i := slices.IndexFunc(v.recent, func(s step) bool { return s.from == version })
	if i < 0 {
		return nil, false
	}
	for _, s := range v.recent[i:] {
		places = append(places, s.places...)
	}
	return places, true
}

// Now is what an updated log says, nil for others.
func (v *View) Now(p Place) *Row {
	if v == nil {
		return nil
	}
	return v.now[p]
}

// Between returns the updated logs of a half-open range of times in nanoseconds since 1970, by time, then place. They are not to be changed.
func (v *View) Between(from, to int64) []*Row {
	if v == nil {
		return nil
	}
	at := func(t int64) int {
		i, _ := slices.BinarySearchFunc(v.rows, t, func(r *Row, t int64) int { return cmp.Compare(r.Time(), t) })
		return i
	}
	return v.rows[at(from):max(at(to), at(from))]
}

// Count is how many logs are deleted or updated, and how many of these are updated.
func (v *View) Count() (changed, updated int64) {
	if v == nil {
		return 0, 0
	}
	return int64(v.count), int64(len(v.now))
}

// with returns the view after some changes, in their order.
func (v *View) with(version uint64, changes ...*Change) *View {
	w := &View{version: version, hidden: map[stretch]*roaring64.Bitmap{}, groups: map[stretch]*roaring.Bitmap{}, now: map[Place]*Row{}}
	if v != nil {
		maps.Copy(w.hidden, v.hidden)
		maps.Copy(w.groups, v.groups)
		maps.Copy(w.now, v.now)
		w.count, w.nowBytes = v.count, v.nowBytes
	}
	own := map[stretch]bool{} // what v does not share
	for _, c := range changes {
		for _, p := range c.Gone {
			w.hide(p, own)
		}
		for i := range c.Now {
			r := &c.Now[i]
			w.hide(r.Place, own)
			w.now[r.Place] = r
			w.nowBytes += r.Bytes()
		}
	}
	w.recent = v.stepsTo(changes)
	w.order(v, changes)
	return w
}

// inTime orders updated logs.
func inTime(a, b *Row) int { return cmp.Or(cmp.Compare(a.Time(), b.Time()), a.compare(b.Place)) }

// fewChanged logs find their places among those that are in order already.
const fewChanged = 64

// order puts the updated logs into order: those of v are.
func (v *View) order(before *View, changes []*Change) {
	n := 0
	for _, c := range changes {
		n += c.Len()
	}
	if before == nil || n > fewChanged {
		v.rows = slices.SortedFunc(maps.Values(v.now), inTime)
		return
	}
	v.rows = slices.Clone(before.rows)
	remove := func(p Place) {
		if old := before.now[p]; old != nil {
			if i, ok := slices.BinarySearchFunc(v.rows, old, inTime); ok {
				v.rows = slices.Delete(v.rows, i, i+1)
			}
		}
	}
	for _, c := range changes {
		for _, p := range c.Gone {
			remove(p)
		}
		for i := range c.Now {
			r := &c.Now[i]
			remove(r.Place)
			if v.now[r.Place] == r {
				i, _ := slices.BinarySearchFunc(v.rows, r, inTime)
				v.rows = slices.Insert(v.rows, i, r)
			}
		}
	}
}

// stepsTo are the steps of the view after some changes.
func (v *View) stepsTo(changes []*Change) []step {
	if v == nil {
		return nil
	}
	s := step{from: v.version}
	for _, c := range changes {
		s.places = append(s.places, c.Gone...)
		for i := range c.Now {
			s.places = append(s.places, c.Now[i].Place)
		}
	}
	steps := append(slices.Clone(v.recent), s)
	n := 0
	for i := len(steps) - 1; i >= 0; i-- {
		if n += len(steps[i].places); n > maxStepPlaces || len(steps)-i > maxSteps {
			return slices.Clone(steps[i+1:])
		}
	}
	return steps
}

// hide hides what was written at p, and what it said until now.
func (v *View) hide(p Place, own map[stretch]bool) {
	s := p.stretch()
	m, groups := v.hidden[s], v.groups[s]
	if !own[s] {
		if m == nil {
			m, groups = roaring64.New(), roaring.New()
		} else {
			m, groups = m.Clone(), groups.Clone()
		}
		v.hidden[s], v.groups[s], own[s] = m, groups, true
	}
	groups.Add(low(p.Position))
	if m.CheckedAdd(p.number()) {
		v.count++
	} else if old := v.now[p]; old != nil {
		v.nowBytes -= old.Bytes()
		delete(v.now, p)
	}
}

// from is the change that makes v of nothing, without what lies before the positions from which logs are still there, and without shards that
// are not among them.
func (v *View) from(begins map[sluice.ShardID]sluice.Position) *Change {
	c := &Change{}
	for s, m := range v.hidden {
		begin, ok := begins[s.shard]
		if !ok {
			continue
		}
		for it := m.Iterator(); it.HasNext(); {
			p := s.place(it.Next())
			switch r := v.now[p]; {
			case p.Position < begin:
			case r != nil:
				c.Now = append(c.Now, *r)
			default:
				c.Gone = append(c.Gone, p)
			}
		}
	}
	return c
}

// left counts the hidden places that are not before the positions from which logs are still there.
func (v *View) left(begins map[sluice.ShardID]sluice.Position) (n uint64) {
	for shard, begin := range begins {
		n += v.Hidden(shard, begin, math.MaxInt64)
	}
	return n
}
