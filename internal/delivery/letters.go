package delivery

import (
	"context"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// writeLetters writes letters of a task to its dead-letter logstore. Nil means that all are on disk. After an error, or a crash, some may
// be, and are written again: they have the same ids.
func (e *Engine) writeLetters(ctx context.Context, j *job, letters []letter) error {
	ref := sluice.LogstoreRef{Project: j.key.project, Logstore: j.spec.DeadLetterStore()}
	if err := e.needLetterStore(ctx, ref); err != nil {
		return err
	}
	g := &sluice.LogGroup{Topic: j.key.name, Source: "sluice"}
	size := 0
	flush := func() error {
		err := e.appendLetters(ctx, ref, g)
		if sluice.KindOf(err) == sluice.NotFound {
			e.forgetLetterStore(ref) // it was deleted; the next try makes it again
		}
		g.Records, size = g.Records[:0], 0
		return err
	}
	for i := range letters {
		l := &letters[i]
		if size > 0 && size+len(l.log) > maxLettersGroup {
			if err := flush(); err != nil {
				return err
			}
		}
		g.Records = append(g.Records, l.record(j.key, j.spec.Source.Logstore, e.o.Now()))
		size += len(l.log)
	}
	return flush()
}

// appendLetters appends a group. What the write door finds too large goes in one by one, and at worst without the log's text: its place
// and reason must not be lost, and the task must not wait for ever.
func (e *Engine) appendLetters(ctx context.Context, ref sluice.LogstoreRef, g *sluice.LogGroup) error {
	if len(g.Records) == 0 {
		return nil
	}
	_, _, err := e.door.Append(ctx, ref, g)
	if k := sluice.KindOf(err); err == nil || k != sluice.TooLarge && k != sluice.Invalid {
		return err
	}
	for _, r := range g.Records {
		one := &sluice.LogGroup{Topic: g.Topic, Source: g.Source, Records: []sluice.Record{r}}
		if len(g.Records) == 1 {
			one.Records[0].Fields[len(r.Fields)-1].Value = "" // the log; it is the last
			_, _, err := e.door.Append(ctx, ref, one)
			return err
		}
		if err := e.appendLetters(ctx, ref, one); err != nil {
			return err
		}
	}
	return nil
}

// Life and size of a dead-letter logstore that the engine makes.
const (
	letterDays   = 30
	letterShards = 1
)

// needLetterStore makes a dead-letter logstore if it is not there.
func (e *Engine) needLetterStore(ctx context.Context, ref sluice.LogstoreRef) error {
	e.mu.Lock()
	known := e.writing[ref]
	e.mu.Unlock()
	if known {
		return nil
	}
	l := meta.Logstore{Project: ref.Project, Name: ref.Logstore, TTLDays: letterDays, AutoSplit: true, MaxSplitShard: 8}
	err := e.cat.CreateLogstore(ctx, l, letterShards)
	switch {
	case sluice.KindOf(err) == sluice.AlreadyExists:
	case err != nil:
		return err
	default:
		if err := e.cat.CreateIndex(ctx, ref, []byte(lettersIndex)); err != nil {
			e.o.Logger.Warn("the dead letters have no index, and can be pulled but not searched", "project", ref.Project,
				"logstore", ref.Logstore, "error", err)
		}
	}
	e.mu.Lock()
	e.writing[ref] = true
	e.mu.Unlock()
	return nil
}

func (e *Engine) forgetLetterStore(ref sluice.LogstoreRef) {
	e.mu.Lock()
	delete(e.writing, ref)
	e.mu.Unlock()
}
