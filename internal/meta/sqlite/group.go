package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

/*
Updates that come at the same time share one transaction of SQLite and so one sync of the disk:

	A  take turn, begin, savepoint, fn, release ─ give turn ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ take turn: commit for all ─ return
	B       (waits for the turn)                  take turn, savepoint, fn, release ─ give turn ┄┄┄┄┄┄┄┄┄┄┄┄┄ take turn: committed ─ return
	C           (waits for the turn)                                                  take turn, savepoint … give ┄┄ …

The turn is given in the order of asking, so A comes back behind those who waited when it was through, and finds them in the transaction.
Who is alone commits at once. An update that fails goes back to its savepoint and leaves the others as they are; it waits for the commit like
them, since what it was refused for may be what another of them did. Nobody returns before the commit, and if that fails, all fail.
*/

// group is a transaction of SQLite that some updates share. It belongs to who has the turn.
type group struct {
	conn    *sql.Conn
	sql     *sql.Tx
	members int   // updates that are in it
	changed bool  // something that makes caches stale
	ended   bool  // committed or not
	err     error // why not
}

// maxGroup is the most updates of one group: those in it wait for it.
const maxGroup = 128

// turn is the right to use the write connection. It is given in the order of asking.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn, or for ctx to end.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

// Update runs fn and commits.
func (s *Store) Update(ctx context.Context, fn func(meta.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.waiting.Add(1)
	err := s.turn.take(ctx)
	s.waiting.Add(-1)
	if err != nil {
		return err
	}
	defer s.turn.give()
	if s.group == nil {
		if s.group, err = s.begin(); err != nil {
			return err
		}
	}
	g := s.group
	refused := s.enter(ctx, g, fn)
	if refused != nil && g.ended {
		return refused
	}
	if s.waiting.Load() > 0 && g.members < maxGroup {
		s.turn.give()
		_ = s.turn.take(context.Background()) // it ends: those before have only their fn and perhaps the commit to do
	}
	if !g.ended {
		s.end(g, s.commit(g))
	}
	if g.err != nil {
		return g.err
	}
	return refused
}

// begin opens a group.
func (s *Store) begin() (*group, error) {
	conn, err := s.write.Conn(context.Background())
	if err != nil {
		return nil, wrap("connect", err)
	}
	running, err := conn.BeginTx(context.Background(), nil)
	if err != nil {
		conn.Close()
		return nil, wrap("begin", err)
	}
	return &group{conn: conn, sql: running}, nil
}

// enter runs fn in a savepoint of the group. If it returns an error, or fn panics, the group is as it was before, or at its end.
func (s *Store) enter(ctx context.Context, g *group, fn func(meta.Tx) error) (err error) {
	t := &tx{ctx: ctx, store: s, sql: g.sql}
	if _, err := g.sql.Exec("SAVEPOINT member"); err != nil {
		s.giveUp(g, err)
		return wrap("begin", err)
	}
	in := false
	defer func() {
		if in {
			return
		}
		if _, undone := g.sql.Exec("ROLLBACK TO member; RELEASE member"); undone != nil || g.members == 0 {
			s.giveUp(g, errors.Join(err, undone)) // SQLite itself rolls everything back when the disk is full
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := g.sql.Exec("RELEASE member"); err != nil {
		return wrap("commit", err)
	}
	in = true
	g.members++
	g.changed = g.changed || t.changed
	return nil
}

// giveUp ends a group without a commit, because of what went wrong in one of its members.
func (s *Store) giveUp(g *group, cause error) {
	_ = g.sql.Rollback() // there may be nothing left to take back
	s.end(g, &sluice.Error{Kind: sluice.Unavailable, Noun: "metadata", Msg: "the server's metadata could not be changed", Err: cause})
}

// commit makes the changes of a group durable.
func (s *Store) commit(g *group) error {
	err := g.sql.Commit()
	if g.changed {
		// Also after a failure: nobody can say what the disk kept, and a cache that is filled again costs little.
		s.generation.Add(1)
	}
	if err != nil {
		// SQLite may have left the transaction open, which no later one could begin on: give the connection up.
		_ = g.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return wrap("commit", err)
}

// end closes a group; err is what its members return.
func (s *Store) end(g *group, err error) {
	g.ended, g.err = true, err
	g.conn.Close()
	s.group = nil
}
