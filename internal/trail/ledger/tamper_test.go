package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/ledger"
)

// record is where a record is.
type place struct{ group, record int }

// forger changes a copy of the log, and of what metadata says of it, like somebody who can write every byte of both, and knows how the chain is made, but has
// none of the keys; one of his own he has.
type forger struct {
	*rand.Rand
	groups []*sluice.LogGroup
	base   trail.Head // what the first event goes on from
	upTo   uint64     // events in front of the newest anchor: what is behind it is not protected
	keys   trail.Keys
	newest trail.Anchor
}

// evil is the forger's own key.
var evil = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{6}, ed25519.SeedSize))

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

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
	head := f.base
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
	head := f.base
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

// signAnew makes the chain anew, and has anchors and handovers from event number from on signed with a key. The newest is what metadata has then.
func (f *forger) signAnew(from uint64, key ed25519.PrivateKey) {
	head := f.base
	for _, p := range f.places(1 << 30) {
		e, _, _, err := trail.FromRecord(f.at(p))
		if err != nil {
			return
		}
		e.Seq = head.Seq + 1
		if (e.Name == trail.AnchorMade || e.Name == trail.KeyRotated) && e.Seq >= from {
			a := trail.Anchor{Head: head, Floor: f.newest.Floor, Time: e.Time}
			if e.Name == trail.KeyRotated {
				a.Next = public(key)
			}
			a.Sign(key)
			e.Additional, _ = a.Details()
			if e.Name == trail.AnchorMade {
				f.newest = a
			}
		}
		text, _ := json.Marshal(&e)
		head = trail.Head{Seq: e.Seq, Chain: head.Chain.Next(text)}
		*f.at(p) = trail.ToRecord(&e, text, head.Chain)
	}
}

// last is the place of the last event of a name.
func (f *forger) last(name string) (place, trail.Event) {
	for _, p := range slices.Backward(f.places(1 << 30)) {
		if e, _, _, err := trail.FromRecord(f.at(p)); err == nil && e.Name == name {
			return p, e
		}
	}
	panic("there is no event " + name)
}

// cutBehind removes all behind a place, and that place.
func (f *forger) cutBehind(p place) {
	f.groups = f.groups[:p.group+1]
	f.groups[p.group].Records = f.groups[p.group].Records[:p.record]
}

// What whoever verifies knows of the keys beforehand.
const (
	nothing = iota // he trusts the first one that metadata has
	first          // the fingerprint of the first key
	last           // and that of the last
)

// forgeries are what he does.
var forgeries = []struct {
	name  string
	known int
	do    func(f *forger)
}{
	{"a bit of an event", nothing, func(f *forger) { f.flip(&f.at(f.any()).Fields[0].Value) }},
	{"a bit of a chain", nothing, func(f *forger) { f.flip(&f.at(f.any()).Fields[1].Value) }},
	{"a bit of another field", nothing, func(f *forger) {
		r := f.at(f.any())
		f.flip(&r.Fields[2+f.IntN(len(r.Fields)-2)].Value)
	}},
	{"a bit of a key", nothing, func(f *forger) {
		r := f.at(f.any())
		f.flip(&r.Fields[f.IntN(len(r.Fields))].Key)
	}},
	{"a field more", nothing, func(f *forger) {
		r := f.at(f.any())
		r.Fields = append(r.Fields, r.Fields[f.IntN(len(r.Fields))])
	}},
	{"a field less", nothing, func(f *forger) {
		r := f.at(f.any())
		i := f.IntN(len(r.Fields))
		r.Fields = slices.Delete(r.Fields, i, i+1)
	}},
	{"the time of a log", nothing, func(f *forger) { f.at(f.any()).Time += uint32(1 + f.IntN(1000)) }},
	{"the nanoseconds of a log", nothing, func(f *forger) { f.at(f.any()).Nanos++ }},
	{"one event less", nothing, func(f *forger) { f.remove(f.any()) }},
	{"one event less, and a new chain", nothing, func(f *forger) {
		f.remove(f.any())
		f.chainAnew(1 << 30)
		if f.IntN(2) == 0 {
			f.again()
			f.chainAnew(1 << 30)
		}
	}},
	{"a group less", nothing, func(f *forger) {
		g := f.any().group
		f.groups = slices.Delete(f.groups, g, g+1)
	}},
	{"two events change places", nothing, func(f *forger) {
		a, b := f.at(f.any()), f.at(f.any())
		*a, *b = *b, *a
	}},
	{"two groups change places", nothing, func(f *forger) {
		a, b := f.any().group, f.any().group
		f.groups[a], f.groups[b] = f.groups[b], f.groups[a]
	}},
	{"an event again", nothing, func(f *forger) { f.insert(f.any(), *f.at(f.any())) }},
	{"an event again, with a new number", nothing, func(f *forger) {
		f.insert(f.any(), *f.at(f.any()))
		f.chainAnew(1 << 30)
	}},
	{"the newest are gone", nothing, func(f *forger) { f.cutBehind(f.any()) }},
	{"the oldest are gone", nothing, func(f *forger) {
		p := f.any()
		f.groups = f.groups[p.group:]
		f.groups[0].Records = f.groups[0].Records[p.record:]
	}},
	{"another user", nothing, func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Identity.User += "x" })
	}},
	{"another user, and a new chain up to somewhere", nothing, func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Identity.AccessKey += "x" })
		f.chainAnew(1 + f.IntN(int(f.upTo)))
	}},
	{"another user, and a new chain", nothing, func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Account += "x" })
		f.chainAnew(1 << 30)
		if f.IntN(2) == 0 {
			f.again()
			f.chainAnew(1 << 30)
		}
	}},
	{"no anchors, another user, and a new chain", nothing, func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Status += 1 })
		for _, p := range slices.Backward(f.places(1 << 30)) {
			if e, _, _, err := trail.FromRecord(f.at(p)); err == nil && e.Name == trail.AnchorMade {
				f.remove(p)
			}
		}
		f.chainAnew(1 << 30)
	}},
	{"a topic, a source, a tag", nothing, func(f *forger) {
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
	{"the oldest are gone, and retention is said to have taken them", nothing, func(f *forger) {
		f.cutFront()
		f.chainAnew(1 << 30)
	}},
	{"the oldest are gone, and the newest anchor is said to allow it", nothing, func(f *forger) {
		f.cutFront()
		f.newest.Floor = f.base
	}},
	{"the oldest are gone, and all is signed anew with another key", first, func(f *forger) {
		f.cutFront()
		f.newest.Floor = f.base
		f.signAnew(1, evil)
		f.keys = trail.Keys{{Public: public(evil)}}
	}},
	{"what retention said is gone, and a new chain", nothing, func(f *forger) {
		p, _ := f.last(trail.HistoryExpired)
		f.remove(p)
		f.chainAnew(1 << 30)
	}},
	{"the last key is another", nothing, func(f *forger) {
		k := &f.keys[len(f.keys)-1]
		k.Public = public(evil)
		f.signAnew(k.Handover.Seq+2, evil)
	}},
	{"the last key is another, and its handover names that", nothing, func(f *forger) {
		k := &f.keys[len(f.keys)-1]
		h := *k.Handover
		h.Next = public(evil)
		*k = trail.Key{Public: public(evil), Handover: &h}
		f.signAnew(h.Seq+2, evil)
	}},
	{"the last key is another, and vouches for itself", nothing, func(f *forger) {
		k := &f.keys[len(f.keys)-1]
		h := *k.Handover
		h.Next = public(evil)
		h.Sign(evil)
		*k = trail.Key{Public: public(evil), Handover: &h}
		f.signAnew(h.Seq+1, evil)
	}},
	{"a key more, that vouches for itself", nothing, func(f *forger) {
		h := f.newest
		h.Next = public(evil)
		h.Sign(evil)
		f.keys = append(f.keys, trail.Key{Public: public(evil), Handover: &h})
		f.signAnew(h.Seq+1, evil)
	}},
	{"a key more, that nobody vouches for", nothing, func(f *forger) {
		f.keys = append(f.keys, trail.Key{Public: public(evil)})
		f.newest.Sign(evil)
	}},
	{"the event of a handover names another key", nothing, func(f *forger) {
		p, e := f.last(trail.KeyRotated)
		f.forge(f.at(p), func(e *trail.Event) { e.Additional["next"] = []byte(public(evil)) })
		f.keys = f.keys[:len(f.keys)-1]
		f.newest = *f.keys[len(f.keys)-1].Handover
		f.signAnew(e.Seq+1, evil)
	}},
	{"the event of a handover is gone, and a new chain", nothing, func(f *forger) {
		p, _ := f.last(trail.KeyRotated)
		f.remove(p)
		f.chainAnew(1 << 30)
	}},
	{"all is signed anew with one other key", first, func(f *forger) {
		f.forge(f.at(f.any()), func(e *trail.Event) { e.Account += "x" })
		f.keys = trail.Keys{{Public: public(evil)}}
		p, _ := f.last(trail.KeyRotated)
		f.remove(p)
		f.signAnew(1, evil)
	}},
	{"keys in another order", first, func(f *forger) {
		a, b := f.IntN(len(f.keys)), f.IntN(len(f.keys))
		f.keys[a], f.keys[b] = f.keys[b], f.keys[a]
		if a == b {
			f.keys = slices.Delete(f.keys, a, a+1)
		}
	}},
	{"all from before the last handover", last, func(f *forger) {
		p, _ := f.last(trail.KeyRotated)
		f.cutBehind(p)
		f.keys = f.keys[:len(f.keys)-1]
		f.newest = trail.Anchor{}
		for _, p := range f.places(1 << 30) {
			if e, _, _, _ := trail.FromRecord(f.at(p)); e.Name == trail.AnchorMade || e.Name == trail.KeyRotated {
				f.newest, _ = trail.AnchorOf(&e)
			}
		}
	}},
}

// cutFront removes the oldest events, and puts what retention has to say of that in the place of the first that is left.
func (f *forger) cutFront() {
	p, _ := f.last(trail.HistoryExpired)
	told := *f.at(p)
	for range 2 + f.IntN(int(f.upTo)/2) { // two: one of them is what retention said
		p := f.places(1)[0]
		e, _, chain, _ := trail.FromRecord(f.at(p))
		f.base = trail.Head{Seq: e.Seq, Chain: chain}
		f.remove(p)
	}
	f.forge(&told, func(e *trail.Event) {
		e.Additional["floor"] = map[string]any{"seq": f.base.Seq, "chain": f.base.Chain.String()}
	})
	*f.at(f.places(1)[0]) = told
}

// history is a record with all that can be in one: a key that has handed over before what retention took, one that did so behind that, and the last.
func history(t *testing.T) *bench {
	b := newBench(t, ledger.Options{AnchorEvents: 9, Days: 10})
	b.append(0, 12)
	b.rotateKey()
	b.append(12, 20)
	b.restart()
	b.Clock.Advance(11 * 24 * time.Hour)
	b.sweep() // takes what is there
	for n := range 20 {
		if n == 8 {
			b.rotateKey()
		}
		if n%3 > 0 {
			b.rec.Offer(b.event(n))
			continue
		}
		b.append(n, n+1)
	}
	b.restart()
	return b
}

// Every change of what was there when the newest anchor was made is found, whatever else is changed to hide it.
func TestTampersAreFound(t *testing.T) {
	tampers := 10_000
	if testing.Short() {
		tampers = 500
	}
	b := history(t)
	groups, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	keys, newest, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := keys.Fingerprints()
	pins := map[int][]trail.Fingerprint{nothing: nil, first: all[:1], last: {all[0], all[len(all)-1]}}
	verify := func(f *forger, known int) *trail.Report {
		v := trail.NewVerifier(f.keys, pins[known], f.newest)
		for i, g := range f.groups {
			v.Group(sluice.Position(i), g)
		}
		return v.Finish()
	}
	whole := &forger{groups: groups, base: newest.Floor, upTo: newest.Seq - newest.Floor.Seq, keys: keys, newest: newest}
	for known := range pins {
		if r := verify(whole, known); !r.Good() || len(r.Keys) != 3 || r.Expired != 0 || r.Expiry == nil || r.Anchored != newest.Seq {
			t.Fatalf("before anything is changed: %v", r)
		}
	}
	done := map[string]int{}
	for seed := 0; tampers > 0; seed++ {
		f := *whole
		f.Rand, f.groups, f.keys = rand.New(rand.NewPCG(uint64(seed), 7)), copyOf(groups), slices.Clone(keys)
		forgery := forgeries[seed%len(forgeries)]
		forgery.do(&f)
		if same(groups, f.groups, whole.upTo) && reflect.DeepEqual(f.keys, keys) && reflect.DeepEqual(f.newest, newest) {
			continue // the two that changed places were one
		}
		tampers--
		done[forgery.name]++
		if r := verify(&f, forgery.known); r.Good() {
			t.Errorf("seed %d is not found: %s\n%v", seed, forgery.name, r)
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

// What retention took is gone, or a part of it if the power went; what else is gone was not taken by it.
func TestFront(t *testing.T) {
	b := newBench(t, ledger.Options{Days: 10})
	b.append(0, 5)
	for n := range 10 {
		b.append(5+n, 6+n) // a group for each
	}
	b.restart()
	before, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(11 * 24 * time.Hour)
	b.sweep()
	b.append(20, 30)
	b.restart()
	after, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	keys, newest, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verify := func(groups []*sluice.LogGroup, anchor trail.Anchor) *trail.Report {
		v := trail.NewVerifier(keys, nil, anchor)
		for i, g := range groups {
			v.Group(sluice.Position(i), g)
		}
		return v.Finish()
	}
	floor := newest.Floor.Seq
	if r := verify(after, newest); !r.Good() || r.First != floor+1 || r.Expiry == nil || r.Expiry.First != 1 || r.Expiry.Floor != newest.Floor || r.Floor != floor || floor < 16 {
		t.Fatalf("%v %+v", r, r.Expiry)
	}
	all := append(copyOf(before), after...)
	for gone := range floor + 10 {
		f := &forger{groups: copyOf(all)}
		for _, p := range slices.Backward(f.places(gone)) {
			f.remove(p)
		}
		if r := verify(f.groups, newest); r.Good() != (gone <= floor) || gone <= floor && r.Expired != floor-gone {
			t.Errorf("%d events are gone: %v", gone, r)
		}
	}
	// Somebody has the key, and says nothing of what he took.
	signer := b.signer(keys)
	f := &forger{groups: copyOf(after)}
	f.remove(f.places(1)[0])
	e, _, chain, err := trail.FromRecord(&after[0].Records[0])
	if err != nil {
		t.Fatal(err)
	}
	anchor := newest
	anchor.Floor = trail.Head{Seq: e.Seq, Chain: chain}
	if anchor.Check(keys) == nil {
		t.Error("the floor is not covered by the signature")
	}
	anchor.Sign(signer)
	if r := verify(f.groups, anchor); r.Good() {
		t.Errorf("a floor that no event tells of is good: %v", r)
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

// Who had a key before it was changed can make the record anew from any place on where it signed. Whoever pins the key that followed finds that, and
// so does whoever has an anchor.
func TestStolenKey(t *testing.T) {
	b := newBench(t, ledger.Options{})
	b.append(0, 5)
	keys, _, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stolen := b.signer(keys)
	b.rotateKey()
	b.append(5, 10)
	b.restart()
	keys, newest, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{Rand: rand.New(rand.NewPCG(1, 1)), groups: copyOf(groups), newest: newest}
	p, _ := f.last(trail.KeyRotated)
	f.remove(p)
	f.forge(f.at(f.places(1)[0]), func(e *trail.Event) { e.Account += "x" })
	f.signAnew(1, stolen)
	verify := func(pins []trail.Fingerprint, anchors ...trail.Anchor) bool {
		v := trail.NewVerifier(keys[:1], pins, append(anchors, f.newest)...)
		for i, g := range f.groups {
			v.Group(sluice.Position(i), g)
		}
		return v.Finish().Good()
	}
	all := keys.Fingerprints()
	if !verify(all[:1]) {
		t.Error("somebody with the first key cannot forge what that key alone vouches for: then why change keys?")
	}
	if verify(all[1:]) || verify(all) || verify(all[:1], newest) || verify(all[:1], *keys[1].Handover) {
		t.Error("a record that was made anew with a retired key is good")
	}
	// What he signs behind the handover is refused by the handover itself.
	f = &forger{Rand: f.Rand, groups: copyOf(groups), newest: newest}
	_, h := f.last(trail.KeyRotated)
	f.signAnew(h.Seq+1, stolen)
	keys = keys[:2]
	v := trail.NewVerifier(keys, nil, f.newest)
	for i, g := range f.groups {
		v.Group(sluice.Position(i), g)
	}
	if r := v.Finish(); r.Good() {
		t.Errorf("anchors of a retired key are good: %v", r)
	}
}

// A record without any anchor was signed by nobody: not by a key that somebody expects either.
func TestRecordWithoutAnchors(t *testing.T) {
	b := newBench(t, ledger.Options{AnchorEvents: 5})
	b.append(0, 12)
	b.restart()
	keys, _, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	groups, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{groups: copyOf(groups)}
	for _, p := range slices.Backward(f.places(1 << 30)) {
		if e, _, _, err := trail.FromRecord(f.at(p)); err != nil || e.Name == trail.AnchorMade {
			f.remove(p)
		}
	}
	f.forge(f.at(f.places(1)[0]), func(e *trail.Event) { e.Account += "x" })
	f.chainAnew(1 << 30)
	verify := func(groups []*sluice.LogGroup, pins ...trail.Fingerprint) *trail.Report {
		v := trail.NewVerifier(keys, pins)
		for i, g := range groups {
			v.Group(sluice.Position(i), g)
		}
		return v.Finish()
	}
	if r := verify(f.groups, keys.Fingerprints()...); r.Good() || r.Anchors != 0 || r.Events < 12 {
		t.Errorf("a record that nobody signed is what a key vouches for: %v", r)
	}
	if r := verify(f.groups); !r.Good() {
		t.Errorf("of which nothing is known: %v", r)
	}
	if r := verify(nil, keys.Fingerprints()...); !r.Good() {
		t.Errorf("a record without events: %v", r)
	}
}

// What a report says of retention is what an anchor signed, and not what somebody put behind the newest.
func TestUnsignedExpiry(t *testing.T) {
	b := history(t)
	groups, err := b.rec.Log().Groups()
	if err != nil {
		t.Fatal(err)
	}
	before := b.wantGood()
	f := &forger{groups: copyOf(groups), base: trail.Head{Seq: before.Floor, Chain: before.Expiry.Floor.Chain}}
	_, e := f.last(trail.HistoryExpired)
	lie := *before.Expiry
	lie.To = lie.To.AddDate(0, 0, -100)
	if e.Additional, err = lie.Details(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(&e)
	if err != nil {
		t.Fatal(err)
	}
	end := &f.groups[len(f.groups)-1].Records
	*end = append(*end, trail.ToRecord(&e, text, trail.Hash{}))
	f.chainAnew(1 << 30)
	keys, newest, err := b.rec.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := trail.NewVerifier(keys, nil, newest)
	for i, g := range f.groups {
		v.Group(sluice.Position(i), g)
	}
	r := v.Finish()
	if r.Events != before.Events+1 || r.Expiry == nil || !r.Expiry.To.Equal(before.Expiry.To) {
		t.Errorf("retention took events up to %v, says %v", before.Expiry.To, r)
	}
}
