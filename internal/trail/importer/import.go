package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/meta"
)

// Tags of log groups.
const (
	tagImport = "import" // id of the import
	tagFile   = "file"   // key, behind the prefix
	tagNext   = "next"   // number of the first record of the file that is not in this group or one before
)

// topic of logs.
const topic = "cloudtrail"

// Bounds of one log group, beside its number of records.
const maxGroupBytes = 1 << 20

// file imports a file.
func (j *job) file(ctx context.Context, o object) error {
	select {
	case j.s.memory <- struct{}{}:
		defer func() { <-j.s.memory }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := j.settle(ctx); err != nil {
		return err
	}
	if o.size > maxFile {
		return j.leaveOut(ctx, o, &damage{0, fmt.Sprintf("the file has %d bytes, and %d are the most", o.size, maxFile)})
	}
	text, err := j.bucket.get(ctx, o.key)
	var bad *damage
	if o.size == 0 { // of a file that a crash left in the middle, the list was not asked
		o.size = int64(len(text))
	}
	if err == nil {
		err = each(text, func(int, int64, json.RawMessage) error { return ctx.Err() }) // sound as a whole?
	}
	if errors.As(err, &bad) {
		return j.leaveOut(ctx, o, bad)
	}
	if err != nil {
		return err
	}
	if j.state.File != o.key {
		next := j.state
		next.File, next.Next = o.key, 0
		if err := j.commit(ctx, next, nil); err != nil {
			return err
		}
	}
	w := &writer{j: j, ctx: ctx, key: o.key, next: j.state}
	err = each(text, w.record)
	if err == nil {
		err = w.end(o)
	}
	if err != nil {
		j.settled = false // events may be remembered that were not written
	}
	return err
}

// leaveOut makes a file done that cannot be read.
func (j *job) leaveOut(ctx context.Context, o object, bad *damage) error {
	next := j.state
	next.File, next.Next = "", 0
	next.BadFiles++
	fault := Fault{File: o.key, Offset: bad.Offset, Record: -1, Reason: bad.Reason, Time: j.s.o.Now()}
	j.s.o.Logger.Warn("a file is left out of an import", "project", j.place.Project, "import", j.place.Name, "file", o.key, "offset", bad.Offset, "reason", bad.Reason)
	return j.finish(ctx, o, next, []Fault{fault})
}

// finish makes a file done.
func (j *job) finish(ctx context.Context, o object, next state, faults []Fault) error {
	first := next.Faults
	next.Faults += len(faults)
	next.Files++
	next.Bytes += o.size
	if err := j.commit(ctx, next, func(tx meta.Tx) error {
		if err := putFaults(tx, j.doc.ID, first, faults); err != nil {
			return err
		}
		return putItem(tx, kindDone, j.doc.ID+"/"+o.key, struct{}{})
	}); err != nil {
		return err
	}
	j.done[o.key] = true
	return nil
}

// putFaults keeps faults under numbers from first on, and drops those that are too many.
func putFaults(tx meta.Tx, id string, first int, faults []Fault) error {
	for i, f := range faults {
		if err := putItem(tx, kindFault, faultName(id, first+i), f); err != nil {
			return err
		}
		if old := first + i - maxFaults; old >= 0 {
			if err := tx.DeleteItem(kindFault, faultName(id, old)); err != nil {
				return err
			}
		}
	}
	return nil
}

// numbered is a record, its number in the file, and where it is.
type numbered struct {
	sluice.Record
	n  int
	at int64
}

// writer writes the records of a file in groups.
type writer struct {
	j    *job
	ctx  context.Context
	key  string
	next state // behind what is written

	records    []numbered
	bytes      int
	at         int // number of the record behind those of the group, and behind duplicates that follow
	duplicates int64
	bad        []Fault // of the file
	badRecords int64   // of the file: counted when it is done, since a crash has them looked at again
}

// maxBad is how many bad records of one file are kept apart; all are counted.
const maxBad = 100

// record takes a record.
func (w *writer) record(n int, at int64, raw json.RawMessage) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	r, err := record(raw, w.otherwise())
	if err != nil {
		w.refuse(n, at, err)
		return nil
	}
	if n < w.next.Next { // before a crash
		return nil
	}
	w.at = n + 1
	if id, ok := identify(&r); ok && !w.j.seen.first(id) {
		w.duplicates++
		return nil
	}
	w.records = append(w.records, numbered{r, n, at})
	w.bytes += len(raw)
	if len(w.records) >= w.j.s.o.groupRecords || w.bytes >= maxGroupBytes {
		return w.flush()
	}
	return nil
}

// otherwise is the time of records that have none.
func (w *writer) otherwise() time.Time {
	at := deliveredAt(w.key)
	if at.IsZero() {
		return w.j.s.o.Now()
	}
	return at
}

// refuse leaves a record out.
func (w *writer) refuse(n int, at int64, why error) {
	w.badRecords++
	if len(w.bad) < maxBad {
		w.bad = append(w.bad, Fault{File: w.key, Offset: at, Record: n, Reason: why.Error(), Time: w.j.s.o.Now()})
	}
}

// flush writes the group, and notes how far that is. If the door refuses it for what is in it, its records go one by one.
func (w *writer) flush() error {
	if len(w.records) == 0 {
		return nil
	}
	err := w.write(w.records, w.at)
	if refusal(err) != nil {
		err = nil
		for i := 0; i < len(w.records) && err == nil; i++ {
			r := w.records[i]
			err = w.write(w.records[i:i+1], r.n+1)
			if why := refusal(err); why != nil {
				w.refuse(r.n, r.at, why)
				err = nil
			}
		}
	}
	w.records, w.bytes = nil, 0
	return err
}

// refusal is why the door took logs for bad; nil if it did not.
func refusal(err error) error {
	var e *sluice.Error
	if errors.As(err, &e) && (e.Kind == sluice.Invalid || e.Kind == sluice.TooLarge) {
		return e
	}
	return nil
}

// write writes records as a group; next is the number behind them.
func (w *writer) write(records []numbered, next int) error {
	group := &sluice.LogGroup{
		Topic: topic, Source: w.j.place.Name,
		Tags: []sluice.Field{{Key: tagImport, Value: w.j.doc.ID}, {Key: tagFile, Value: w.key}, {Key: tagNext, Value: strconv.Itoa(next)}},
	}
	for _, r := range records {
		group.Records = append(group.Records, r.Record)
	}
	if _, _, err := w.j.s.door.Append(w.ctx, w.j.ref(), group); err != nil {
		w.j.settled = false // it may be there all the same
		return fmt.Errorf("write records of %s: %w", w.key, err)
	}
	st := w.next
	st.Next = next
	st.Records += int64(len(records))
	st.Duplicates += w.duplicates
	if err := w.j.commit(w.ctx, st, nil); err != nil {
		return err
	}
	w.next, w.duplicates = st, 0
	return nil
}

// end writes what is left, and makes the file done.
func (w *writer) end(o object) error {
	if err := w.flush(); err != nil {
		return err
	}
	next := w.next
	next.Duplicates += w.duplicates
	next.BadRecords += w.badRecords
	next.File, next.Next = "", 0
	return w.j.finish(w.ctx, o, next, w.bad)
}

// clockSlack is how far before the last checkpoint logs are looked for: the clock may have been set back in between.
const clockSlack = time.Hour

// lookBack is how long events are remembered over a restart.
const lookBack = 2 * time.Hour

// settle finds out what was written, where that is not known: it reads back what came since the last checkpoint.
func (j *job) settle(ctx context.Context) error {
	if j.settled {
		return nil
	}
	next := j.state
	j.seen = seen{}
	l, err := j.s.cat.Logstore(ctx, j.ref())
	if err != nil {
		return err
	}
	from := j.s.o.Now().Add(-lookBack)
	if at := j.state.Updated; !at.IsZero() && at.Before(from) {
		from = at
	}
	for i := range l.Shards {
		if err := catalog.EachGroup(ctx, l.Shards[i].Stored, from.Add(-clockSlack), func(g *sluice.LogGroup) {
			next.takeBack(g, j.doc.ID)
			for k := range g.Records {
				if id, ok := identify(&g.Records[k]); ok {
					j.seen.first(id)
				}
			}
		}); err != nil {
			return fmt.Errorf("look for records that were written: %w", err)
		}
	}
	if next.Next != j.state.Next {
		if err := j.commit(ctx, next, nil); err != nil {
			return err
		}
	}
	j.settled = true
	return nil
}

// takeBack notes a group that is in the logstore and behind the checkpoint.
func (st *state) takeBack(g *sluice.LogGroup, id string) {
	tags := map[string]string{}
	for _, t := range g.Tags {
		tags[t.Key] = t.Value
	}
	n, err := strconv.Atoi(tags[tagNext])
	if tags[tagImport] != id || tags[tagFile] != st.File || err != nil {
		return
	}
	st.Next = max(st.Next, n)
}
