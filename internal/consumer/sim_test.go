package consumer_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
)

// beatEvery is how often a client of the simulation means to send a heartbeat.
const beatEvery = timeout / 3

var seedFlag = flag.Uint64("seed", 0, "of the simulation; 0 takes another one each time")

// Clients that behave as the libraries do come, pause, crash and lose answers, while shards fill up, are consumed, split, merged
// and deleted, and the server restarts. After every step no shard is worked on by two live clients, and nothing was handed out
// before its turn; once all is calm, every open shard has one owner, numbers differ by at most one, and nothing moves.
func TestSimulation(t *testing.T) {
	seeds := 12
	if testing.Short() {
		seeds = 3
	}
	for range seeds {
		seed := cmp.Or(*seedFlag, rand.Uint64())
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSim(t, rand.New(rand.NewPCG(seed, 1)))
			for range 6 {
				for range 60 {
					s.step()
					s.checkOwners()
				}
				s.calm()
			}
		})
	}
}

type sim struct {
	*bed
	t         *testing.T
	r         *rand.Rand
	order     bool
	clients   []*client
	made      int
	restarted time.Time // the last time
}

// client is what a client library remembers.
type client struct {
	name     string
	working  map[sluice.ShardID]bool // true while it shuts down
	accepted time.Time               // the last heartbeat that the server took
	answered time.Time               // the last one whose answer arrived
	paused   bool
	ghost    bool // was written off when the server restarted, and may have come back as if not
}

func newSim(t *testing.T, r *rand.Rand) *sim {
	order := r.IntN(2) == 0
	return &sim{bed: open(t, 1+r.IntN(5), order), t: t, r: r, order: order}
}

func (s *sim) step() {
	s.Clock.Advance(time.Duration(s.r.Int64N(int64(beatEvery / 2))))
	if len(s.clients) == 0 {
		s.join()
	}
	c := s.clients[s.r.IntN(len(s.clients))]
	switch n := s.r.IntN(100); {
	case n < 50:
		s.heartbeat(c, s.r.IntN(10) == 0)
	case n < 62:
		s.consumeSome(c)
	case n < 70:
		s.shutDown(c)
	case n < 78:
		s.write()
	case n < 85:
		s.reshard()
	case n < 89:
		s.join()
	case n < 95:
		c.paused = !c.paused
	case n < 97: // crash
		s.clients = slices.DeleteFunc(s.clients, func(other *client) bool { return other == c })
	case n < 98:
		s.deleteShard()
	default:
		s.restart()
	}
}

// restart restarts the server. Clients that were written off before are ghosts then: the new server cannot know.
func (s *sim) restart() {
	now := s.Clock.Now()
	for _, c := range s.clients {
		c.ghost = c.ghost && s.unsettled() || now.Sub(c.accepted) >= timeout
	}
	s.bed.restart()
	s.restarted = now
}

func (s *sim) join() {
	s.made++
	s.clients = append(s.clients, &client{
		name: fmt.Sprint("c", s.made), working: map[sluice.ShardID]bool{}, answered: s.Clock.Now(),
	})
}

// heartbeat sends one as the libraries do; lost says that the answer does not arrive.
func (s *sim) heartbeat(c *client, lost bool) {
	if c.paused {
		return
	}
	held := slices.Sorted(maps.Keys(c.working))
	now := s.Clock.Now()
	got, err := s.groups.Heartbeat(ctx, ref, "g", c.name, held)
	if err != nil {
		wantError(s.t, c.name, err, sluice.Invalid, "consumer-body")
		if now.Sub(c.accepted) < timeout && !s.haunted() {
			s.t.Fatalf("live client %s with %v was refused: %v", c.name, held, err)
		}
		if now.Sub(c.answered) >= timeout+beatEvery {
			clear(c.working)
		}
		return
	}
	c.accepted = now
	for _, id := range got {
		if !slices.Contains(held, id) && !s.isOpen(id) {
			s.t.Fatalf("%s was given shard %v, for which there is nothing to do, or whose turn it is not", c.name, id)
		}
	}
	if lost {
		return
	}
	c.answered = now
	for id := range c.working {
		if !slices.Contains(got, id) {
			c.working[id] = true
		}
	}
	for _, id := range got {
		if !c.working[id] {
			c.working[id] = false
		}
	}
}

// shutDown ends the work on the shards that the server took back. The last checkpoint has to be accepted.
func (s *sim) shutDown(c *client) {
	if c.paused {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.working)) {
		if !c.working[id] {
			continue
		}
		s.save(c, id)
		delete(c.working, id)
	}
}

// save sets a checkpoint somewhere in what a shard holds.
func (s *sim) save(c *client, id sluice.ShardID) {
	shard, ok := s.View().Shard(id)
	if !ok {
		return
	}
	begin, end := shard.Stored.Bounds()
	at := begin + sluice.Position(s.r.Int64N(int64(end-begin)+1))
	err := s.groups.SetCheckpoint(ctx, ref, "g", c.name, id, at.Cursor(), false)
	if err != nil && s.Clock.Now().Sub(c.accepted) < timeout && !s.haunted() {
		s.t.Fatalf("live client %s cannot save shard %v, which it works on: %v", c.name, id, err)
	}
}

func (s *sim) consumeSome(c *client) {
	if c.paused {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(c.working)) {
		if s.r.IntN(2) == 0 {
			s.save(c, id)
		}
	}
}

func (s *sim) write() { s.fill(s.anyWritable()) }

func (s *sim) anyWritable() sluice.ShardID {
	var all []sluice.ShardID
	for _, sh := range s.View().Shards {
		if !sh.ReadOnly {
			all = append(all, sh.ID)
		}
	}
	return all[s.r.IntN(len(all))]
}

func (s *sim) reshard() {
	id := s.anyWritable()
	var err error
	if s.View().Writable() < 8 && s.r.IntN(2) == 0 {
		_, err = s.Catalog.Split(ctx, ref, id, nil, 2)
	} else {
		_, err = s.Catalog.Merge(ctx, ref, id)
	}
	if err != nil && sluice.KindOf(err) != sluice.Invalid { // of the last shard
		s.t.Fatal(err)
	}
}

// deleteShard removes the oldest read-only shard, as retention does.
func (s *sim) deleteShard() {
	for _, sh := range s.View().Shards {
		if sh.ReadOnly {
			if err := s.Catalog.DeleteShard(ctx, ref, sh.ID); err != nil {
				s.t.Fatal(err)
			}
			return
		}
	}
}

// unsettled says that the server restarted less than a timeout ago.
func (s *sim) unsettled() bool { return s.Clock.Now().Sub(s.restarted) < timeout }

// haunted says that a ghost may have come back before the client that was given its shards: the server believes who comes
// first, and for at most a timeout the two have the same shard in hand.
func (s *sim) haunted() bool {
	return s.unsettled() && slices.ContainsFunc(s.clients, func(c *client) bool { return c.ghost })
}

// checkOwners fails if two live clients work on the same shard.
func (s *sim) checkOwners() {
	owner := map[sluice.ShardID]string{}
	for _, c := range s.clients {
		if s.Clock.Now().Sub(c.accepted) >= timeout || c.ghost && s.unsettled() {
			continue
		}
		for id := range c.working {
			if _, ok := s.View().Shard(id); !ok {
				continue // deleted; who works on it finds out by itself
			}
			if other, taken := owner[id]; taken {
				s.t.Fatalf("shard %v is worked on by %s and by %s", id, other, c.name)
			}
			owner[id] = c.name
		}
	}
}

// isOpen says whether there is something to do for a shard now, from its definition.
func (s *sim) isOpen(id sluice.ShardID) bool {
	if s.consumed(id) {
		return false
	}
	if !s.order {
		return true
	}
	for _, parent := range s.ancestors(id) {
		if !s.consumed(parent) {
			return false
		}
	}
	return true
}

// consumed says whether a shard needs no reading any more.
func (s *sim) consumed(id sluice.ShardID) bool {
	shard, ok := s.View().Shard(id)
	if !ok {
		return true
	}
	begin, end := shard.Stored.Bounds()
	saved, err := s.groups.Checkpoints(ctx, ref, "g", &id)
	if err != nil || len(saved) != 1 {
		s.t.Fatalf("checkpoint of shard %v: %v, %v", id, saved, err)
	}
	at, err := sluice.ParseCursor(saved[0].Cursor)
	return shard.ReadOnly && (begin == end || err == nil && at >= end)
}

// ancestors returns the shards that id comes from, as far as they are there.
func (s *sim) ancestors(id sluice.ShardID) (all []sluice.ShardID) {
	shard, ok := s.View().Shard(id)
	if !ok {
		return nil
	}
	for _, parent := range shard.Parents {
		all = append(append(all, parent), s.ancestors(parent)...)
	}
	return all
}

// calm lets everybody behave for as long as it takes to settle, and then wants a fair and complete assignment that stays.
func (s *sim) calm() {
	if len(s.clients) == 0 {
		s.join()
	}
	for _, c := range s.clients {
		c.paused = false
	}
	round := func() {
		s.Clock.Advance(beatEvery)
		for _, i := range s.r.Perm(len(s.clients)) {
			s.shutDown(s.clients[i])
			s.heartbeat(s.clients[i], false)
			s.checkOwners()
		}
	}
	for range 16 { // what a client was refused it drops after a timeout and a beat; then a few for the shards to move
		round()
	}
	before := s.assignment()
	round()
	if after := s.assignment(); !maps.Equal(before, after) {
		s.t.Fatalf("shards still move: %v, then %v", before, after)
	}
	open := 0
	for _, sh := range s.View().Shards {
		_, assigned := before[sh.ID]
		if want := s.isOpen(sh.ID); assigned != want {
			s.t.Fatalf("shard %v assigned: %v, want %v; all: %v", sh.ID, assigned, want, before)
		}
		if assigned {
			open++
		}
	}
	counts := map[string]int{}
	for _, name := range before {
		counts[name]++
	}
	for _, c := range s.clients {
		if n := counts[c.name]; n < open/len(s.clients) || n > open/len(s.clients)+1 {
			s.t.Fatalf("%s has %d of %d shards, with %d clients: %v", c.name, n, open, len(s.clients), before)
		}
	}
}

func (s *sim) assignment() map[sluice.ShardID]string {
	all := map[sluice.ShardID]string{}
	for _, c := range s.clients {
		for id := range c.working {
			all[id] = c.name
		}
	}
	return all
}
