package trail

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

/*
Verifier reads the log of audit events from its begin to its end and tells what is not as it was written:

	begin            the first event there ever was, or the one behind what retention took, as an event of it says
	... n            each has the next number, the chain of the one before and its own bytes, and the fields of its log say what it says
	anchors          each is signed with the key that was to sign there, and names the place in front of it
	handovers        each key is vouched for by the one before, down to one that is trusted
	anchors given    from metadata or from a file: the chain goes through each of them

Whoever changes, removes, repeats or moves an event breaks the chain there, unless he makes all chains behind it anew; then the signature of the next
anchor does not hold, or the chain does not go through an anchor that was kept elsewhere. Events behind the newest anchor are only as good as the file
system. A Verifier is used by one goroutine.
*/
type Verifier struct {
	signers *signers
	expect  []Anchor        // that the chain must go through, by place
	ahead   int             // the first of them that was not passed yet
	newest  Anchor          // the newest good one by a trusted key: given, or read
	taken   map[Head]Expiry // what retention says that it took, by its floor
	floor   Head            // of the anchors given: retention may have been at the events up to here when the power went, so they are passed over
	front   front
	at      Head // behind the last event looked at
	report  Report
}

// front is the first event that is looked at. What is before it is known at the end: then it is told whether it fits.
type front struct {
	found bool
	seq   uint64
	chain Hash
	text  []byte
	at    sluice.Position
}

// Report is what a verifier found.
type Report struct {
	Events   uint64    `json:"events"`   // looked at
	First    uint64    `json:"first"`    // number of the first
	Last     uint64    `json:"last"`     // and of the last
	Since    time.Time `json:"since"`    // of the first
	Until    time.Time `json:"until"`    // of the last
	Floor    uint64    `json:"floor"`    // retention took the events up to here
	Expiry   *Expiry   `json:"expiry"`   // what it says of that; nil if it took none
	Expired  uint64    `json:"expired"`  // events that it was about to take and that are still there: nothing is said of them
	Keys     []KeySpan `json:"keys"`     // that sign, the oldest first
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
	if x := r.Expiry; x != nil {
		fmt.Fprintf(&b, "retention took the events up to %d, the last of %s, as it recorded\n", r.Floor, x.To.Format(time.RFC3339))
	}
	if r.Expired > 0 {
		fmt.Fprintf(&b, "%d events that it was about to take are still there, and nothing is said of them\n", r.Expired)
	}
	for _, k := range r.Keys {
		fmt.Fprintf(&b, "%s\n", &k)
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

// NewVerifier makes a verifier. keys are those of the record in their order, by its own word. Of them pins are trusted, with all that those vouch for; no
// pins: the first key is. The chain must go through the anchors that are given.
func NewVerifier(keys Keys, pins []Fingerprint, expect ...Anchor) *Verifier {
	v := &Verifier{taken: map[Head]Expiry{}, report: Report{Problems: []Problem{}}}
	var errs []error
	v.signers, errs = newSigners(keys, pins)
	for _, err := range errs {
		v.problem(0, 0, "%v", err)
	}
	for _, a := range expect {
		if a.Seq == 0 {
			continue
		}
		by, err := v.signers.check(&a)
		if err != nil {
			v.problem(0, a.Seq, "%v", err)
			continue
		}
		v.expect = append(v.expect, a)
		v.signed(by, a)
	}
	for _, k := range v.signers.list {
		if h := k.key.Handover; k.From > 1 {
			v.expect = append(v.expect, *h)
		}
	}
	slices.SortStableFunc(v.expect, func(a, b Anchor) int { return cmp.Compare(a.Seq, b.Seq) })
	v.floor = v.newest.Floor
	return v
}

// signed takes a good anchor.
func (v *Verifier) signed(by *signer, a Anchor) {
	if by.Trusted && a.Seq >= v.newest.Seq {
		v.newest = a
	}
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
	if !v.front.found && e.Seq > 0 && e.Seq <= v.floor.Seq {
		v.report.Expired++
		if e.Seq == v.floor.Seq && chain != v.floor.Chain {
			v.problem(at, e.Seq, "is not the last event that retention was about to take")
		}
		return
	}
	switch want := v.at.Seq + 1; {
	case !v.front.found:
		v.front = front{true, e.Seq, chain, text, at}
		v.report.First, v.report.Since = e.Seq, e.Time
	case e.Seq != want:
		v.problem(at, e.Seq, "has this number where event %d was expected: events were removed, repeated or moved", want)
	case chain != v.at.Chain.Next(text):
		v.problem(at, e.Seq, "was changed, or the event before it was: the chain does not fit its bytes")
	}
	if want := ToRecord(&e, text, chain); !sameRecord(r, &want) {
		v.problem(at, e.Seq, "has fields beside the event that do not say what it says")
	}
	if err := v.service(&e); err != nil {
		v.problem(at, e.Seq, "%v", err)
	}
	v.at = Head{e.Seq, chain}
	v.report.Events++
	v.report.Last, v.report.Until = e.Seq, e.Time
	v.passed(at)
}

// service looks at an event that says something of the record itself.
func (v *Verifier) service(e *Event) error {
	switch {
	case e.isAnchor():
		return v.anchor(e)
	case e.Type == ServiceEvent && e.Name == HistoryExpired:
		x, err := expiryOf(e)
		if err != nil {
			return fmt.Errorf("does not say what retention took: %w", err)
		}
		if _, told := v.taken[x.Floor]; !told { // behind the newest anchor somebody could say it otherwise
			v.taken[x.Floor] = x
		}
	}
	return nil
}

// anchor looks at an event that is an anchor.
func (v *Verifier) anchor(e *Event) error {
	a, err := AnchorOf(e)
	if err != nil {
		return err
	}
	by, err := v.signers.check(&a)
	if err != nil {
		return err
	}
	if a.Head != v.at && v.report.Events > 0 { // what was before the first event is told at the end
		return errors.New("the anchor was made for other events than those before it")
	}
	if e.Name == KeyRotated {
		if err := v.signers.handover(by, &a); err != nil {
			return err
		}
	}
	v.signed(by, a)
	v.report.Anchors++
	by.Anchors++
	return nil
}

// passed compares the place that was just reached with the anchors that were given.
func (v *Verifier) passed(at sluice.Position) {
	for ; v.ahead < len(v.expect) && v.expect[v.ahead].Seq <= v.at.Seq; v.ahead++ {
		if a := v.expect[v.ahead]; a.Seq == v.at.Seq && a.Chain != v.at.Chain {
			v.problem(at, a.Seq, "is not the event that an anchor of %s has there", a.Time.Format(time.RFC3339))
		}
	}
}

// Finish tells what was found. Nothing more is looked at.
func (v *Verifier) Finish() *Report {
	for _, a := range v.expect {
		if a.Seq > v.at.Seq {
			v.problem(0, a.Seq, "is gone, with all behind event %d: there is an anchor of %s at it", v.at.Seq, a.Time.Format(time.RFC3339))
		}
	}
	v.begin()
	v.keys()
	v.report.Anchored = v.newest.Seq
	return &v.report
}

// begin tells whether the record begins where it should: with the first event, or behind what retention took.
func (v *Verifier) begin() {
	floor, f := v.newest.Floor, &v.front
	v.report.Floor = floor.Seq
	if x, ok := v.taken[floor]; ok && floor.Seq > 0 {
		v.report.Expiry = &x
	} else if f.found && floor.Seq > 0 {
		v.problem(f.at, floor.Seq, "is to be gone with all before it, and no event of retention says that it took them")
	}
	for _, a := range v.expect {
		if a.Seq == floor.Seq && a.Chain != floor.Chain {
			v.problem(0, a.Seq, "is not the event that an anchor of %s has there", a.Time.Format(time.RFC3339))
		}
	}
	switch {
	case !f.found:
		return
	case f.seq == 0:
		v.problem(f.at, 0, "has no number")
		return
	case f.seq-1 > floor.Seq:
		v.problem(f.at, f.seq, "is the first one left: events %d to %d were cut off, and not by retention, which took those up to %d", floor.Seq+1, f.seq-1, floor.Seq)
		return
	}
	v.report.Expired += floor.Seq - (f.seq - 1)
	// In front of it is the beginning, or what retention took last, or the time before; else nobody knows any more, and nothing is said of it.
	for _, before := range []Head{{}, v.floor, floor} {
		if before.Seq == f.seq-1 && f.chain != before.Chain.Next(f.text) {
			v.problem(f.at, f.seq, "was changed, or is not the one behind what retention took: the chain does not fit its bytes")
			return
		}
	}
}

// keys tells what is wrong with the keys, and which there are.
func (v *Verifier) keys() {
	for _, f := range v.signers.unpinned() {
		v.problem(0, 0, "the key %s, which was given, is not one of the record", f)
	}
	for _, k := range v.signers.list {
		// Its handover is the event in front of the first place that it signs for.
		if h := k.key.Handover; k.From > 1 && !k.found && v.front.found && k.From >= v.front.seq && h.Seq <= v.at.Seq {
			v.problem(0, k.From, "is not the handover to key %s that metadata has there", k.ID)
		}
		v.report.Keys = append(v.report.Keys, k.KeySpan)
	}
	switch signed := v.newest.Seq > 0; {
	case signed:
	case v.report.Anchors > 0:
		v.problem(0, v.at.Seq, "no anchor is signed with a key that is trusted")
	case v.report.Events > 0 && len(v.signers.pins) > 0: // what a key is given for
		v.problem(0, v.at.Seq, "there is no anchor, so no key vouches for anything: of a new record, sluice trail anchor signs one")
	}
}
