package actiontrail

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
)

// place is how far a region was read. Times are whole seconds.
type place struct {
	Read    time.Time `json:"read"`    // all before it was read once
	Settled time.Time `json:"settled"` // all before it will not be read again; not after Read
	Window  *window   `json:"window,omitempty"`
	Slice   int64     `json:"slice"` // seconds of the next window at most
}

// window is the time that is being read: from From up to, not including, To.
type window struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Second bool      `json:"second,omitempty"` // its second look
	Token  string    `json:"token,omitempty"`  // of the next page, "" for the first
	Pages  int       `json:"pages,omitempty"`  // read so far
}

// ends are the times up to which there may be windows, and what tells about the first of them.
type ends struct {
	first, second time.Time
	tell          func()
}

// Bounds of windows. One that has many pages costs much to begin anew, and has much to be remembered; empty ones cost a request each.
const (
	firstSlice = 3600  // seconds
	leastSlice = 60    //
	mostSlice  = 86400 //
	fewPages   = 2
	manyPages  = 500
	mostPages  = 200_000 // then the API walks in circles
)

func placeOf(raw json.RawMessage, start time.Time) (*place, error) {
	p := &place{Slice: firstSlice}
	if len(raw) == 0 || string(raw) == "null" {
		p.Read = start.Truncate(time.Second)
		p.Settled = p.Read
		return p, nil
	}
	return p, json.Unmarshal(raw, p)
}

// next opens the next window, and says whether there is one.
func (p *place) next(e ends) bool {
	slice := time.Duration(p.Slice) * time.Second
	if to := earlier(e.second, p.Read); p.Settled.Before(to) {
		p.Window = &window{From: p.Settled, To: earlier(to, p.Settled.Add(slice)), Second: true}
		return true
	}
	if !p.Read.Before(e.first) {
		return false
	}
	to := earlier(e.first, p.Read.Add(slice))
	if p.Settled.Equal(p.Read) && p.Read.Before(e.second) {
		to = earlier(to, e.second) // all of it is settled at once
	} else {
		e.tell()
	}
	p.Window = &window{From: p.Read, To: to}
	if p.Settled.Equal(p.Read) && !to.After(e.second) {
		p.Window.Second = true
	}
	return true
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// turn goes on to the next page of the window, or past the window. Its error says that the pages lead nowhere: then the window begins anew.
func (p *place) turn(token string) error {
	w := p.Window
	w.Pages++
	switch {
	case token == "":
		p.pass()
	case token == w.Token || w.Pages >= mostPages:
		pages := w.Pages
		w.Token, w.Pages = "", 0
		return fmt.Errorf("page %d of the window from %s on leads to itself; the window is read from its start again", pages, collector.ShowTime(w.From))
	default:
		w.Token = token
	}
	return nil
}

// pass moves the place past the window.
func (p *place) pass() {
	w := p.Window
	if w.To.After(p.Read) {
		p.Read = w.To
	}
	if w.Second {
		p.Settled = w.To
	}
	switch {
	case w.Pages <= fewPages:
		p.Slice = min(2*p.Slice, mostSlice)
	case w.Pages > manyPages:
		p.Slice = max(p.Slice/2, leastSlice)
	}
	p.Window = nil
}

// batch is a batch that ends at the place, without its events.
func (p *place) batch(atEnd bool, requests int, trouble error) (*collector.Batch, error) {
	forget := p.Settled
	if p.Window != nil {
		forget = earlier(forget, p.Window.From)
	}
	raw, err := json.Marshal(p)
	return &collector.Batch{Next: raw, AtEnd: atEnd, Forget: forget, Requests: requests, Trouble: trouble}, err
}
