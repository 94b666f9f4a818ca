package queue

import "container/heap"

// A message is in some of three piles:
//
//	ready    what can be received now: the smallest priority first, then the oldest
//	waiting  what can be received later: what is due next first
//	aging    everything: what is too old next first
//
// What is being changed (busy) is in aging alone.
type pile struct {
	less func(a, b *message) bool
	slot int // into message.at
	list []*message
}

const (
	slotState = iota // ready or waiting
	slotAging
	slots
)

func byTurn(a, b *message) bool {
	if a.Priority != b.Priority {
		return a.Priority < b.Priority
	}
	return a.id < b.id
}

func byVisible(a, b *message) bool { return a.Visible < b.Visible }
func byExpiry(a, b *message) bool  { return a.Expires < b.Expires }

// Len, Less, Swap, Push and Pop are for package heap.
func (p *pile) Len() int           { return len(p.list) }
func (p *pile) Less(i, j int) bool { return p.less(p.list[i], p.list[j]) }

func (p *pile) Swap(i, j int) {
	p.list[i], p.list[j] = p.list[j], p.list[i]
	p.list[i].at[p.slot], p.list[j].at[p.slot] = i, j
}

func (p *pile) Push(x any) {
	m := x.(*message)
	m.at[p.slot] = len(p.list)
	p.list = append(p.list, m)
}

func (p *pile) Pop() any {
	last := len(p.list) - 1
	m := p.list[last]
	p.list[last] = nil
	p.list = p.list[:last]
	return m
}

func (p *pile) add(m *message) { heap.Push(p, m) }

// first is the message on top; nil if there is none.
func (p *pile) first() *message {
	if len(p.list) == 0 {
		return nil
	}
	return p.list[0]
}

func (p *pile) take() *message { return heap.Pop(p).(*message) }

// holds reports whether m is in the pile.
func (p *pile) holds(m *message) bool {
	i := m.at[p.slot]
	return i < len(p.list) && p.list[i] == m
}

func (p *pile) remove(m *message) {
	if p.holds(m) {
		heap.Remove(p, m.at[p.slot])
	}
}
