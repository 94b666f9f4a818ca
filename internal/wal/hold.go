package wal

import "slices"

// Extent is what a file held at one moment: its first Size bytes, which do not change while the file is not released.
type Extent struct {
	Name string
	Size int64
}

// Held keeps the files of a journal from being released, until it is let go.
type Held struct {
	Extents []Extent // what was committed when the hold began: copies of these, under the names of the files, open as a journal
	j       *Journal
}

// Hold begins a hold. No Commit may be running.
func (j *Journal) Hold() *Held {
	h := &Held{j: j}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.files {
		h.Extents = append(h.Extents, Extent{Name: f.name, Size: f.size})
	}
	if n := len(h.Extents); n > 0 {
		h.Extents[n-1].Size = j.end // behind it is what was there before, or what a failed write left
	}
	j.held = append(j.held, h)
	return h
}

// LetGo ends the hold. It may be called again.
func (h *Held) LetGo() {
	h.j.mu.Lock()
	defer h.j.mu.Unlock()
	h.j.held = slices.DeleteFunc(h.j.held, func(other *Held) bool { return other == h })
}

// BreakHolds ends all holds.
func (j *Journal) BreakHolds() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held = nil
}
