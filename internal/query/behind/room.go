package behind

import (
	"sync"
	"time"
)

// Room runs what is behind, and has it leave a processor of four to the others when it goes on for long while they are in a hurry.
//
// Niceness is not enough for them. Who wakes up on a processor where a nicer thread runs may still wait for the system's next tick, which is
// milliseconds away, and a write wakes up many times until its answer: goroutines, the disk's interrupts, and the threads of the system's
// own that commit its journal, which do not know of niceness within a group of processes at all. Where a processor is free they start at once.
//
//	nothing behind ──Run──> all processors ──for patience, and hurry says yes──> all but one of four
//	      └── for patience <──────┴────────────hurry says no for calm────────────────────┘
//
// A Room is safe for concurrent use.
type Room struct {
	hurry func() bool

	mu     sync.Mutex // guards the rest
	active int        // what runs
	judge  judge
	ticks  bool // there is a goroutine that watches
}

// How a room changes.
const (
	tick     = 50 * time.Millisecond
	patience = 2 * tick        // that it takes all processors for, and that nothing may run in to begin again
	calm     = 2 * time.Second // without hurry, to take them all again
)

// NewRoom makes a room. Hurry says whether anybody else has had something to do since it was asked last; it is asked some times a second while
// something runs behind. Nil is no.
func NewRoom(hurry func() bool) *Room {
	if hurry == nil {
		hurry = func() bool { return false }
	}
	return &Room{hurry: hurry}
}

// Run is the function [Run], in the room.
func (r *Room) Run(fn func()) {
	r.enter()
	defer r.leave()
	Run(fn)
}

func (r *Room) enter() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active++
	if !r.ticks {
		r.ticks = true
		r.judge = judge{since: time.Now()}
		go r.watch()
	}
}

func (r *Room) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active--; r.active == 0 {
		r.judge.idle = time.Now()
	}
}

// watch tells the threads that are behind which processors are theirs, until there have been none for a while.
func (r *Room) watch() {
	every := time.NewTicker(tick)
	defer every.Stop()
	narrow := false
	for now := range every.C {
		hurry := r.hurry()
		r.mu.Lock()
		want, over := r.judge.see(now, r.active > 0, hurry)
		r.ticks = !over
		r.mu.Unlock()
		if want || narrow {
			confine(want) // again and again while it is so: threads come and go
		}
		if narrow = want; over {
			return
		}
	}
}

// judge decides by what it sees.
type judge struct {
	since   time.Time // something has been running, but for moments
	idle    time.Time // nothing has run
	hurried time.Time // somebody was in a hurry
}

// see takes in a moment. Narrow is whether a processor is to be left, over that the room is empty.
func (j *judge) see(now time.Time, active, hurry bool) (narrow, over bool) {
	if hurry {
		j.hurried = now
	}
	if !active && now.Sub(j.idle) > patience {
		return false, true
	}
	long := now.Sub(j.since) >= patience
	return long && !j.hurried.IsZero() && now.Sub(j.hurried) < calm, false
}

// spare is how many of n processors are left to others.
func spare(n int) int {
	if n < 2 {
		return 0
	}
	return (n + 3) / 4
}
