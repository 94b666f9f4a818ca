package ledger_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
)

// record is where a record is.
type place struct{ group, record int }

// forger changes a copy of the log like somebody who can write every byte of it, and knows how the chain is made, but has no key.
type forger struct {
	*rand.Rand
	groups []*sluice.LogGroup
	upTo   uint64 // the newest anchor: what is behind it is not protected
}

func copyOf(groups []*sluice.LogGroup) (all []*sluice.LogGroup) {
	for _, g := range groups {
		c := *g
		c.Records = slices.Clone(g.Records)
		for i := range c.Records {
			c.Records[i].Fields = slices.Clone(c.Records[i].Fields)
		}
		all = append(all, &c)
	}
	return all
}

func (f *forger) at(p place) *sluice.Record { return &f.groups[p.group].Records[p.record] }

// places are those of all records up to an event.
func (f *forger) places(upTo uint64) (list []place) {
	for g := range f.groups {
		for r := range f.groups[g].Records {
			if len(list) < int(upTo) {
				list = append(list, place{g, r})
			}
		}
	}
	return list
}

func (f *forger) any() place {
	list := f.places(f.upTo)
	return list[f.IntN(len(list))]
}

func (f *forger) remove(p place) {
	g := f.groups[p.group]
	g.Records = slices.Delete(g.Records, p.record, p.record+1)
}

func (f *forger) insert(p place, r sluice.Record) {
	r.Fields = slices.Clone(r.Fields)
	g := f.groups[p.group]
	g.Records = slices.Insert(g.Records, p.record, r)
}

// flip changes one bit of a text.
func (f *forger) flip(text *string) {
	if *text == "" {
		*text = "x"
		return
	}
	b := []byte(*text)
	b[f.IntN(len(b))] ^= 1 << f.IntN(7)
	*text = string(b)
}

// forge changes an event as JSON, and makes its log anew.
func (f *forger) forge(r *sluice.Record, change func(*trail.Event)) {
	e, _, chain, err := trail.FromRecord(r)
	if err != nil {
		return
	}
	change(&e)
	text, _ := json.Marshal(&e)
	*r = trail.ToRecord(&e, text, chain)
}

// chainAnew numbers all events anew from a place on, and makes their chain fit, for n records.
func (f *forger) chainAnew(n int) {
	var head trail.Head
	for _, p := range f.places(1 << 30) {
		if n--; n < 0 {
			return
		}
		e, text, _, err := trail.FromRecord(f.at(p))
		if err != nil {
			return
		}
		if e.Seq != head.Seq+1 {
			e.Seq = head.Seq + 1
			text, _ = json.Marshal(&e)
		}
		head = trail.Head{Seq: e.Seq, Chain: head.Chain.Next(text)}
		*f.at(p) = trail.ToRecord(&e, text, head.Chain)
	}
}

// again has anchors say what they would have to say of the chain as it is now.
func (f *forger) again() {
	var head trail.Head
	for _, p := range f.places(1 << 30) {
		f.forge(f.at(p), func(e *trail.Event) {
			if e.Name == trail.AnchorMade {
				e.Additional["seq"], e.Additional["chain"] = head.Seq, head.Chain.String()
			}
		})
		e, _, chain, err := trail.FromRecord(f.at(p))
		if err != nil {
			return
		}
		head = trail.Head{Seq: e.Seq, Chain: chain}
	}
}

// forgeries are what he does.
var forgeries = []struct {
	name string
	do   func(f *forger)
}{
	{"a bit of an event", func(f *forger) { f.flip(&f.at(f.any()).Fields[0].Value) }},
	{"a bit of a chain", func(f *forger) { f.flip(&f.at(f.any()).Fields[1].Value) }},
	{"a bit of another field", func(f *forger) {
		r := f.at(f.any())
		f.flip(&r.Fields[2+f.IntN(len(r.Fields)-2)].Value)
	}},
	{"a bit of a key", func(f *forger) {
		r := f.at(f.any())
		f.flip(&r.Fields[f.IntN(len(r.Fields))].Key)
	}},
	{"a field more", func(f *forger) {
		r := f.at(f.any())
		r.Fields = append(r.Fields, r.Fields[f.IntN(len(r.Fields))])
	}},
	{"a field less", func(f *forger) {
		r := f.at(f.any())
		i := f.IntN(len(r.Fields))
		r.Fields = slices.Delete(r.Fields, i, i+1)
	}},
	{"the time of a log", func(f *forger) { f.at(f.any()).Time += uint32(1 + f.IntN(1000)) }},
	{"the nanoseconds of a log", func(f *forger) { f.at(f.any()).Nanos++ }},
	{"one event less", func(f *forger) { f.remove(f.any()) }},
	{"one event less, and a new chain", func(f *forger) {
		f.remove(f.any())
		f.chainAnew(1 << 30)
		if f.IntN(2) == 0 {
			f.again()
			f.chainAnew(1 << 30)
		}
	}},
	{"a group less", func(f *forger) {
		g := f.any().group
		f.groups = slices.Delete(f.groups, g, g+1)
	}},
	{"two events change places", func(f *forger) {
		a, b := f.at(f.any()), f.at(f.any())
		*a, *b = *b, *a
	}},
	{"two groups change places", func(f *forger) {
		a, b := f.any().group, f.any().group
		f.groups[a], f.groups[b] = f.groups[b], f.groups[a]
	}},
	{"an event again", func(f *forger) { f.insert(f.any(), *f.at(f.any())) }},
	{"an event again, with a new number", func(f *forger) {
		f.insert(f.any(), *f.at(f.any()))
		f.chainAnew(1 << 30)
	}},
	{"the newest are gone", func(f *forger) {
		p := f.any()
		f.groups = f.groups[:p.group+1]
		f.groups[p.group].Records = f.groups[p.group].Records[:p.record]
	}},
	{"the oldest are gone", func(f *forger) {
		p := f.any()
		f.groups = f.groups[p.group:]
		f.groups[0].Records = f.groups[0].Records[p.record:]
	}},
	{"another user", func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Identity.User += "x" })
	}},
	{"another user, and a new chain up to somewhere", func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Identity.AccessKey += "x" })
		f.chainAnew(1 + f.IntN(int(f.upTo)))
	}},
	{"another user, and a new chain", func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Account += "x" })
		f.chainAnew(1 << 30)
		if f.IntN(2) == 0 {
			f.again()
			f.chainAnew(1 << 30)
		}
	}},
	{"no anchors, another user, and a new chain", func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Status += 1 })
		for _, p := range slices.Backward(f.places(1 << 30)) {
			if e, _, _, err := trail.FromRecord(f.at(p)); err == nil && e.Name == trail.AnchorMade {
				f.remove(p)
			}
		}
		f.chainAnew(1 << 30)
	}},
	{"a topic, a source, a tag", func(f *forger) {
		g := f.groups[f.any().group]
		switch f.IntN(3) {
		case 0:
			g.Topic += "x"
		case 1:
			g.Source = "x"
		default:
			g.Tags = append(g.Tags, sluice.Field{Key: "a", Value: "b"})
		}
	}},
}

// Every change of what was there when the newest anchor was made is found, whatever else is changed to hide it.
func TestTampersAreFound(t *testing.T) {
	tampers := 10_000
	if testing.Short() {
		tampers = 1000
	}
	b := newBench(t, ledger.Options{AnchorEvents: 9})
	for n := range 30 {
		if n%3 > 0 {
			b.rec.Offer(b.event(n))
			continue
		}
		b.append(n, n+1)
	}
	b.restart()
	groups, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	keys, newest, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verify := func(groups []*sluice.LogGroup) *trail.Report {
		v := trail.NewVerifier(keys, newest)
		for i, g := range groups {
			v.Group(sluice.Position(i), g)
		}
		return v.Finish()
	}
	if r := verify(groups); !r.Good() {
		t.Fatalf("before anything is changed: %v", r.Problems)
	}
	done := map[string]int{}
	for seed := 0; tampers > 0; seed++ {
		f := &forger{Rand: rand.New(rand.NewPCG(uint64(seed), 7)), groups: copyOf(groups), upTo: newest.Seq}
		forgery := forgeries[seed%len(forgeries)]
		forgery.do(f)
		if same(groups, f.groups, newest.Seq) {
			continue // the two that changed places were one
		}
		tampers--
		done[forgery.name]++
		if r := verify(f.groups); r.Good() {
			t.Errorf("seed %d is not found: %s", seed, forgery.name)
		}
	}
	for _, forgery := range forgeries {
		if done[forgery.name] == 0 {
			t.Errorf("%q was never done", forgery.name)
		}
	}
}

// same reports whether two logs are the same up to an event.
func same(a, b []*sluice.LogGroup, upTo uint64) bool {
	flat := func(groups []*sluice.LogGroup) (all []any) {
		for _, g := range groups {
			for i := range g.Records {
				if len(all) < int(upTo) {
					all = append(all, []any{g.Topic, g.Source, g.Tags, g.Records[i]})
				}
			}
		}
		return all
	}
	return reflect.DeepEqual(flat(a), flat(b))
}

// What retention may have taken may be gone, and nothing else.
func TestFloor(t *testing.T) {
	b := newBench(t, ledger.Options{})
	b.append(0, 30)
	b.restart()
	groups, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	keys, _, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	signer := b.signer(keys)
	f := &forger{groups: groups}
	e, _, chain, err := trail.FromRecord(f.at(f.places(10)[9]))
	if err != nil || e.Seq != 10 {
		t.Fatal(e.Seq, err)
	}
	last := f.places(30)[29]
	_, _, end, _ := trail.FromRecord(f.at(last))
	anchor := trail.Anchor{Head: trail.Head{Seq: 30, Chain: end}, Floor: trail.Head{Seq: 10, Chain: chain}, Time: b.Clock.Now()}
	anchor.Sign(signer)
	for gone := range 20 {
		f := &forger{groups: copyOf(groups)}
		for _, p := range slices.Backward(f.places(uint64(gone))) {
			f.remove(p)
		}
		v := trail.NewVerifier(keys, anchor)
		for i, g := range f.groups {
			v.Group(sluice.Position(i), g)
		}
		if r := v.Finish(); r.Good() != (gone <= 10) || gone <= 10 && r.Expired != uint64(10-gone) {
			t.Errorf("%d events are gone: %+v", gone, r)
		}
	}
	anchor.Floor.Seq = 15
	if anchor.Check(keys) == nil {
		t.Error("the floor is not covered by the signature")
	}
}

// An anchor kept elsewhere tells that the newest events are gone with what metadata knew of them.
func TestAnchorKeptElsewhere(t *testing.T) {
	b := newBench(t, ledger.Options{})
	b.append(0, 10)
	b.restart()
	_, kept, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := newBench(t, ledger.Options{})
	other.append(0, 20)
	other.restart()
	if r := other.verify(); !r.Good() {
		t.Fatal(r.Problems)
	}
	if r := other.verify(kept); r.Good() {
		t.Error("an anchor of another chain is passed")
	}
	if r := b.verify(kept); !r.Good() {
		t.Error(r.Problems)
	}
	body, _ := json.Marshal(kept)
	var again trail.Anchor
	if err := json.Unmarshal(body, &again); err != nil || !bytes.Equal(again.Signature, kept.Signature) || again.Head != kept.Head || !again.Time.Equal(kept.Time) {
		t.Errorf("got %+v, %v", again, err)
	}
}
