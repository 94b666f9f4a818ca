package trail

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

/*
Verifier reads the log of audit events from its begin to its end and tells what is not as it was written:

	floor            events up to here may be gone; what is left of them is not looked at
	floor+1 ... n    each has the next number, the chain of the one before and its own bytes, and the fields of its log say what it says
	anchors          each is signed, and names the place in front of it
	anchors given    from metadata or from a file: the chain goes through each of them

Whoever changes, removes, repeats or moves an event breaks the chain there, unless he makes all chains behind it anew; then the signature of the next
anchor does not hold, or the chain does not go through an anchor that was kept elsewhere. Events behind the newest anchor are only as good as the file
system. A Verifier is used by one goroutine.
*/
type Verifier struct {
	keys   Keys
	expect []Anchor // that the chain must go through, by place
	floor  Head
	begun  bool
	at     Head // behind the last event looked at
	report Report
}

// Report is what a verifier found.
type Report struct {
	Events   uint64    `json:"events"`   // looked at
	First    uint64    `json:"first"`    // number of the first
	Last     uint64    `json:"last"`     // and of the last
	Since    time.Time `json:"since"`    // of the first
	Until    time.Time `json:"until"`    // of the last
	Expired  uint64    `json:"expired"`  // events that may be gone and are still there
	Floor    uint64    `json:"floor"`    // events up to here may be gone
	Anchors  uint64    `json:"anchors"`  // good ones
	Anchored uint64    `json:"anchored"` // up to which event anything would have been found
	Problems []Problem `json:"problems"` // the first of them
	Found    int       `json:"found"`    // problems in all
}

// Good reports whether there is no problem.
func (r *Report) Good() bool { return r.Found == 0 }

// String is the report for people, a line for each thing.
func (r *Report) String() string {
	var b strings.Builder
	if r.Events == 0 {
		b.WriteString("there are no audit events\n")
	} else {
		fmt.Fprintf(&b, "%d events, %d to %d, of %s to %s\n", r.Events, r.First, r.Last, r.Since.Format(time.RFC3339), r.Until.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "%d anchors; what is behind event %d is not signed yet\n", r.Anchors, r.Anchored)
	if r.Floor > 0 {
		fmt.Fprintf(&b, "events up to %d are older than is kept; %d of them are still there\n", r.Floor, r.Expired)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "BAD %s\n", p)
	}
	switch more := r.Found - len(r.Problems); {
	case more > 0:
		fmt.Fprintf(&b, "BAD and %d more\n", more)
	case r.Found == 0:
		b.WriteString("good: all is as it was written\n")
	}
	return b.String()
}

// Problem is something that is not as it was written.
type Problem struct {
	Position sluice.Position `json:"position"`
	Seq      uint64          `json:"event"` // the number of an event, as it says; 0 if it does not
	What     string          `json:"what"`
}

func (p Problem) String() string {
	return fmt.Sprintf("position %d, event %d: %s", p.Position, p.Seq, p.What)
}

// maxProblems is how many problems are told.
const maxProblems = 100

// NewVerifier makes a verifier with the public keys that may have signed anchors, and anchors that the chain must go through.
func NewVerifier(keys Keys, expect ...Anchor) *Verifier {
	v := &Verifier{keys: keys, report: Report{Problems: []Problem{}}}
	newest := Anchor{}
	for _, a := range expect {
		if a.Seq == 0 {
			continue
		}
		if err := a.Check(keys); err != nil {
			v.problem(0, a.Seq, "%v", err)
			continue
		}
		v.expect = append(v.expect, a)
		if a.Seq > newest.Seq {
			newest = a
		}
	}
	v.floor, v.at = newest.Floor, newest.Floor
	v.report.Floor = newest.Floor.Seq
	return v
}

func (v *Verifier) problem(at sluice.Position, seq uint64, format string, args ...any) {
	if v.report.Found++; len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{at, seq, fmt.Sprintf(format, args...)})
	}
}

// Damaged tells that the positions of a log from one on cannot be read.
func (v *Verifier) Damaged(from sluice.Position, why error) {
	v.problem(from, 0, "cannot be read: %v", why)
}

// Group looks at the log group at the next position.
func (v *Verifier) Group(at sluice.Position, g *sluice.LogGroup) {
	if g.Topic != Topic || g.Source != "" || len(g.Tags) > 0 {
		v.problem(at, 0, "the log group has a topic, a source or tags that the server did not give it")
	}
	for i := range g.Records {
		v.record(at, &g.Records[i])
	}
}

func (v *Verifier) record(at sluice.Position, r *sluice.Record) {
	e, text, chain, err := FromRecord(r)
	if err != nil {
		v.problem(at, v.at.Seq+1, "is no audit event: %v", err)
		return
	}
	if !v.begun && e.Seq <= v.floor.Seq && e.Seq > 0 {
		v.report.Expired++
		if e.Seq == v.floor.Seq && chain != v.floor.Chain {
			v.problem(at, e.Seq, "is not the event that the newest anchor has there")
		}
		return
	}
	if want := v.at.Seq + 1; e.Seq != want {
		v.problem(at, e.Seq, "has this number where event %d was expected: events were removed, repeated or moved", want)
	} else if chain != v.at.Chain.Next(text) {
		v.problem(at, e.Seq, "was changed, or the event before it was: the chain does not fit its bytes")
	}
	if want := ToRecord(&e, text, chain); !sameRecord(r, &want) {
		v.problem(at, e.Seq, "has fields beside the event that do not say what it says")
	}
	if e.Type == ServiceEvent && e.Name == AnchorMade {
		v.anchor(at, &e)
	}
	if !v.begun {
		v.begun = true
		v.report.First, v.report.Since = e.Seq, e.Time
	}
	v.at = Head{e.Seq, chain}
	v.report.Events++
	v.report.Last, v.report.Until = e.Seq, e.Time
	v.passed(at)
}

// anchor looks at an event that is an anchor.
func (v *Verifier) anchor(at sluice.Position, e *Event) {
	a, err := anchorOf(e)
	if err == nil {
		err = a.Check(v.keys)
	}
	if err == nil && a.Head != v.at {
		err = errors.New("the anchor was made for other events than those before it")
	}
	if err != nil {
		v.problem(at, e.Seq, "%v", err)
		return
	}
	v.report.Anchors++
	v.report.Anchored = max(v.report.Anchored, a.Seq)
}

// passed compares the place that was just reached with the anchors that were given.
func (v *Verifier) passed(at sluice.Position) {
	for _, a := range v.expect {
		if a.Seq == v.at.Seq && a.Chain != v.at.Chain {
			v.problem(at, a.Seq, "is not the event that an anchor of %s has there", a.Time.Format(time.RFC3339))
		}
	}
}

// Finish tells what was found. Nothing more is looked at.
func (v *Verifier) Finish() *Report {
	for _, a := range v.expect {
		switch {
		case a.Seq > v.at.Seq:
			v.problem(0, a.Seq, "is gone, with all behind event %d: there is an anchor of %s at it", v.at.Seq, a.Time.Format(time.RFC3339))
		case a.Seq > v.floor.Seq:
			v.report.Anchored = max(v.report.Anchored, a.Seq)
		}
	}
	return &v.report
}
