package sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/test/child"
)

// busy is a server under load, and what is known of it.
type busy struct {
	*run
	s      *child.Server
	c      *client.Client
	key    client.NewKey // a second key, whose secret only the server's files have
	mu     sync.Mutex    // guards sent and acked of run
	stop   context.CancelFunc
	actors sync.WaitGroup
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{run: &run{t: t, r: rand.New(rand.NewPCG(*seed, 2)), binary: buildServer(t), dir: t.TempDir(), next: map[sluice.ShardID]string{}}}
	for w := range writers {
		b.acked[w] = map[int]bool{}
	}
	b.start()
	b.setUp(t.Context(), b.c)
	index := `{"line":{"token":[" "]},"keys":{"writer":{"type":"long","doc_value":true},"n":{"type":"long","doc_value":true}}}`
	err := b.c.SetIndex(t.Context(), ref, json.RawMessage(index))
	if err == nil {
		err = b.c.CreateConsumerGroup(t.Context(), ref, client.ConsumerGroup{Name: "readers", TimeoutSeconds: 60})
	}
	if err == nil {
		b.key, err = b.c.CreateKey(t.Context(), client.KeySpec{Description: "in the backup"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *busy) start() {
	b.t.Helper()
	b.s, b.c = b.startOn(b.dir)
}

// startOn starts a server on a directory. Its journal is so short that the mover has always something to do.
func (b *busy) startOn(dir string) (*child.Server, *client.Client) {
	b.t.Helper()
	b.log.Reset()
	s, err := child.Start(b.t.Context(), child.Options{
		Binary: b.binary, DataDir: dir, AccessKeyID: keyID, AccessSecret: secret, Output: &b.log,
		Args: []string{"--storage-journal-file-bytes", "1MiB", "--storage-journal-bytes", "2MiB", "--retention-interval", "1s"},
	})
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.log.String())
	}
	c, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: keyID, Secret: secret, Attempts: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	return s, c
}

// load writes, consumes, splits, merges, makes and deletes logstores until rest is called.
func (b *busy) load() {
	ctx, stop := context.WithCancel(b.t.Context())
	b.stop = stop
	for w := range writers {
		b.actors.Go(func() { b.write(ctx, w) })
	}
	b.actors.Go(func() { b.consume(ctx) })
	b.actors.Go(func() { b.churn(ctx) })
}

func (b *busy) rest() {
	b.stop()
	b.actors.Wait()
}

// write sends the next numbers of a writer. What fails is not sent again: it is stored or not, but never twice.
func (b *busy) write(ctx context.Context, w int) {
	for ctx.Err() == nil {
		b.mu.Lock()
		b.sent[w]++
		n := b.sent[w]
		b.mu.Unlock()
		err := b.c.PutLogs(ctx, ref, groupOf(w, n, 10+n%20_000), client.PutOptions{HashKey: fmt.Sprintf("%032x", w*2+1)})
		b.mu.Lock()
		b.acked[w][n] = err == nil
		b.mu.Unlock()
		var refused *client.Error
		if err != nil && !errors.As(err, &refused) {
			return // the server is dead, or the test ends
		}
	}
}

// consume keeps checkpoints at the very end of every shard: any that a backup has before its logs shows.
func (b *busy) consume(ctx context.Context) {
	for ctx.Err() == nil {
		shards, err := b.c.Shards(ctx, ref)
		if err != nil {
			continue
		}
		for _, s := range shards {
			if end, err := b.c.EndCursor(ctx, ref, s.ID); err == nil {
				_ = b.c.ForceCheckpoint(ctx, ref, "readers", s.ID, end)
			}
		}
	}
}

// churn changes what metadata and logs have to agree about.
func (b *busy) churn(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		other := sluice.LogstoreRef{Project: ref.Project, Logstore: fmt.Sprintf("passing-%d", n)}
		if b.c.CreateLogstore(ctx, other, client.LogstoreSpec{TTLDays: ptr(1), ShardCount: ptr(2)}) != nil {
			continue
		}
		for k := range 20 {
			_ = b.c.PutLogs(ctx, other, groupOf(0, k, 20_000), client.PutOptions{})
		}
		if n >= 2 {
			_ = b.c.DeleteLogstore(ctx, sluice.LogstoreRef{Project: ref.Project, Logstore: fmt.Sprintf("passing-%d", n-2)})
		}
		shards, err := b.c.Shards(ctx, ref)
		if err != nil || n%3 != 0 || len(shards) > 40 {
			continue
		}
		for _, s := range shards {
			if s.ReadOnly {
				continue
			}
			if n%2 == 0 {
				_, _ = b.c.SplitShard(ctx, ref, s.ID, client.SplitOptions{})
			} else {
				_, _ = b.c.MergeShard(ctx, ref, s.ID)
			}
			break
		}
	}
}

// known returns what was sent and acknowledged so far.
func (b *busy) known() (sent [writers]int, acked [writers]map[int]bool, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range writers {
		acked[w] = maps.Clone(b.acked[w])
		total += len(acked[w])
	}
	return b.sent, acked, total
}

// waitForWrites waits until the writers have sent that many more.
func (b *busy) waitForWrites(more int) {
	_, _, was := b.known()
	for b.t.Context().Err() == nil {
		if _, _, total := b.known(); total >= was+more {
			return
		}
		if _, err := b.c.Shards(b.t.Context(), ref); err != nil {
			b.t.Fatal(err)
		}
	}
}

// restore runs sluiced restore.
func (b *busy) restore(from, to string) (string, error) {
	out, err := exec.Command(b.binary, "restore", from, "--data-dir", to).CombinedOutput()
	return string(out), err
}

// A backup that is taken of a server under load, brought back, holds every group that was acknowledged before it began, each once and in
// order, and nothing that was sent after it ended; checkpoints lie within the shards; searches and keys work. The same is true of one that
// was made on an earlier one, whether that is still there or not.
func TestBackupUnderLoad(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 3
	}
	t.Logf("seed %d", *seed)
	b := newBusy(t)
	b.load()
	base := ""
	for round := range rounds {
		b.waitForWrites(600)
		path := filepath.Join(t.TempDir(), "backup")
		asFile, spec := round%3 == 1, client.BackupSpec{WithoutIndex: round%3 == 2}
		_, acked, before := b.known()
		m, shared := b.backup(path, base, asFile, spec)
		sent, _, after := b.known()
		t.Logf("round %d: %d files, %d shared, %d bytes; %d groups before, %d after", round, len(m.Entries), shared, m.Size(), before, after)
		if base != "" && !asFile {
			if _, err := archive.Verify(base, nil); err != nil {
				t.Errorf("the base after a backup was made on it: %v", err)
			}
			if err := os.RemoveAll(base); err != nil {
				t.Fatal(err)
			}
		}
		if !asFile {
			base = path
		}
		b.checkRestored(path, sent, acked)
	}
	b.rest()
	b.checkAtRest()
	if err := b.s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// checkAtRest takes two backups while nothing is written. Not all files are moved or merged between them, so that they share some.
func (b *busy) checkAtRest() {
	b.t.Helper()
	first, second := filepath.Join(b.t.TempDir(), "first"), filepath.Join(b.t.TempDir(), "second")
	var spec client.BackupSpec
	for n := range 20_000 { // a list as that of a large base, of files that are not here
		spec.Have = append(spec.Have, client.BackupFile{Name: fmt.Sprintf("index/elsewhere/%d", n), SHA256: strings.Repeat("00", 32)})
	}
	b.backup(first, "", false, spec)
	spec.Have = []client.BackupFile{{Name: "meta.db", SHA256: strings.Repeat("00", 32)}}
	if _, err := b.c.Backup(b.t.Context(), spec); client.Code(err) != "ParameterInvalid" {
		b.t.Errorf("a base that has metadata: %v", err)
	}
	if _, shared := b.backup(second, first, false, client.BackupSpec{}); shared == 0 {
		b.t.Error("nothing is shared with the backup before")
	}
	sent, acked, _ := b.known()
	b.checkRestored(second, sent, acked)
}

// backup takes a backup, one in a directory on a base unless that is "", and tells how many files it shares with it.
func (b *busy) backup(path, base string, asFile bool, spec client.BackupSpec) (m *archive.Manifest, shared int) {
	b.t.Helper()
	var err error
	if asFile {
		m, err = b.receive(spec, func(r io.Reader) (*archive.Manifest, error) { return archive.Save(r, path, true, nil) })
	} else {
		draft := b.draft(path, base, &spec)
		m, err = b.receive(spec, func(r io.Reader) (*archive.Manifest, error) { return draft.Fill(r, nil) })
		err = errors.Join(err, draft.Close())
		shared, _ = draft.Shared()
	}
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.log.String())
	}
	return m, shared
}

// draft begins a backup on a base, and puts into spec what it has of that.
func (b *busy) draft(path, base string, spec *client.BackupSpec) *archive.Draft {
	b.t.Helper()
	draft, err := archive.NewDraft(path, base)
	if err != nil {
		b.t.Fatal(err)
	}
	taken, err := draft.TakeOver(b.t.Context(), func(int64, int64) {})
	if err != nil || taken.Spoilt > 0 {
		b.t.Fatalf("taken over of %s: %+v, %v", base, taken, err)
	}
	for _, f := range draft.Claims() {
		spec.Have = append(spec.Have, client.BackupFile(f))
	}
	return draft
}

func (b *busy) receive(spec client.BackupSpec, save func(io.Reader) (*archive.Manifest, error)) (*archive.Manifest, error) {
	stream, err := b.c.Backup(b.t.Context(), spec)
	if err != nil {
		return nil, err
	}
	m, err := save(stream)
	return m, errors.Join(err, stream.Close())
}

// checkRestored brings a backup back and looks at it.
func (b *busy) checkRestored(path string, sent [writers]int, acked [writers]map[int]bool) {
	t := b.t
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	if out, err := b.restore(path, dir); err != nil {
		t.Fatalf("restore: %v\n%s", err, out)
	}
	s, c := b.startOn(dir)
	view := &run{t: t, sent: sent, acked: acked, next: map[sluice.ShardID]string{}}
	view.readBack(t.Context(), c)
	b.checkCheckpoints(c)
	total := b.countLogs(c)
	own, err := client.New(client.Options{Endpoint: "http://" + s.Addr, AccessKeyID: b.key.ID, Secret: b.key.Secret, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Logstores(t.Context(), ref.Project); err != nil {
		t.Errorf("a key that only the backup has: %v", err)
	}
	// Life goes on where it was: new positions follow the old, and the index has what comes.
	if err := c.PutLogs(t.Context(), ref, groupOf(0, 1<<30, 10), client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := b.countLogs(c); got != total+1 {
		t.Errorf("%d logs are found after one more was written to %d", got, total)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.log.String(), "corrupt") {
		t.Errorf("damage in what was restored:\n%s", b.log.String())
	}
}

func (b *busy) checkCheckpoints(c *client.Client) {
	b.t.Helper()
	checkpoints, err := c.Checkpoints(b.t.Context(), ref, "readers")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range checkpoints {
		if p.Cursor == "" {
			continue // of a shard that is new
		}
		end, err := c.EndCursor(b.t.Context(), ref, p.Shard)
		if err != nil {
			b.t.Fatal(err)
		}
		at, err1 := sluice.ParseCursor(p.Cursor)
		last, err2 := sluice.ParseCursor(end)
		if err := errors.Join(err1, err2); err != nil {
			b.t.Fatal(err)
		}
		if at > last {
			b.t.Errorf("shard %v ends at %d, before its checkpoint %d", p.Shard, last, at)
		}
	}
}

// countLogs counts by a search and by reading, which have to agree.
func (b *busy) countLogs(c *client.Client) (read int) {
	t := b.t
	t.Helper()
	shards, err := c.Shards(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shards {
		cursor, err := c.BeginCursor(t.Context(), ref, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		for {
			got, err := c.Pull(t.Context(), ref, s.ID, client.PullOptions{Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			read += len(got.Groups)
			if got.Next == cursor {
				break
			}
			cursor = got.Next
		}
	}
	if n := b.found(c); n != read {
		t.Errorf("a search finds %d logs, %d can be read", n, read)
	}
	return read
}

// found counts by a search, once it is complete: an index that was left out of a backup is made anew while the server runs.
func (b *busy) found(c *client.Client) int {
	b.t.Helper()
	for {
		now := time.Now()
		found, err := c.Logs(b.t.Context(), ref, client.LogsQuery{From: now.Add(-time.Hour), To: now.Add(time.Hour), Query: "* | select count(1) as c"})
		if err != nil {
			b.t.Fatal(err)
		}
		if !found.Complete {
			continue
		}
		n, err := strconv.Atoi(found.Rows[0].Get("c"))
		if err != nil {
			b.t.Fatal(err)
		}
		return n
	}
}

var ballast = sluice.LogstoreRef{Project: ref.Project, Logstore: "ballast"}

// fill writes megabytes that do not compress into a logstore of their own, so that a backup is more than sockets hold on their way to a
// client that does not read.
func (b *busy) fill(megabytes int) {
	b.t.Helper()
	if err := b.c.CreateLogstore(b.t.Context(), ballast, client.LogstoreSpec{}); err != nil {
		b.t.Fatal(err)
	}
	b.fillMore(megabytes)
}

// fillMore writes more into that logstore.
func (b *busy) fillMore(megabytes int) {
	b.t.Helper()
	noise := make([]byte, 1e6)
	for range megabytes {
		for i := range noise {
			noise[i] = byte(b.r.Uint32())
		}
		group := &sluice.LogGroup{Records: []sluice.Record{{Time: uint32(time.Now().Unix()), Fields: []sluice.Field{{Key: "noise", Value: string(noise)}}}}}
		if err := b.c.PutLogs(b.t.Context(), ballast, group, client.PutOptions{}); err != nil {
			b.t.Fatal(err)
		}
	}
}

// One backup at a time; a client that leaves, and a server that is killed in the middle, leave nothing behind but the truth.
func TestBackupCutShort(t *testing.T) {
	b := newBusy(t)
	b.fill(24)
	b.load()
	b.waitForWrites(400)
	first, err := b.c.Backup(t.Context(), client.BackupSpec{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, first, 10_000); err != nil {
		t.Fatal(err)
	}
	if _, err := b.c.Backup(t.Context(), client.BackupSpec{}); client.Code(err) != "ServerBusy" {
		t.Errorf("a second backup beside the first: %v", err)
	}
	first.Close() // the client leaves
	var second io.ReadCloser
	for second == nil { // as soon as the server noticed
		if second, err = b.c.Backup(t.Context(), client.BackupSpec{}); err != nil && client.Code(err) != "ServerBusy" {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "backup.tar")
	if _, err := io.CopyN(io.Discard, second, 10_000); err != nil {
		t.Fatal(err)
	}
	b.waitForWrites(100)
	if err := b.s.Kill(); err != nil {
		t.Fatal(err)
	}
	b.rest()
	if _, err := archive.Save(second, path, true, nil); err == nil {
		t.Error("what was cut short passes for a backup")
	}
	second.Close()
	checkNothingLeft(t, filepath.Dir(path))
	b.start()
	if _, err := os.Stat(filepath.Join(b.dir, "backup.tmp")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the server made for the backup is still there: %v", err)
	}
	b.readBack(t.Context(), b.c)
	b.countLogs(b.c)
	if err := b.s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func checkNothingLeft(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A server that is killed while it sends a backup on a base leaves the base as it was and no backup; once it is back the next try, on the
// same base, makes one.
func TestBackupOnBaseCutShort(t *testing.T) {
	b := newBusy(t)
	b.fill(4)
	base, path := filepath.Join(t.TempDir(), "base"), filepath.Join(t.TempDir(), "backup")
	b.backup(base, "", false, client.BackupSpec{})
	b.fillMore(24) // than sockets hold
	b.load()
	b.waitForWrites(100)
	var spec client.BackupSpec
	draft := b.draft(path, base, &spec)
	_, err := b.receive(spec, func(r io.Reader) (*archive.Manifest, error) {
		begin, err := io.ReadAll(io.LimitReader(r, 10_000))
		if err = errors.Join(err, b.s.Kill()); err != nil {
			t.Fatal(err)
		}
		return draft.Fill(io.MultiReader(bytes.NewReader(begin), r), nil)
	})
	b.rest()
	if err == nil {
		t.Error("what was cut short passes for a backup")
	}
	if err := draft.Close(); err != nil {
		t.Fatal(err)
	}
	checkNothingLeft(t, filepath.Dir(path))
	if _, err := archive.Verify(base, nil); err != nil {
		t.Errorf("the base: %v", err)
	}
	b.start()
	_, acked, _ := b.known()
	_, shared := b.backup(path, base, false, client.BackupSpec{})
	t.Logf("%d files are shared with the base", shared)
	sent, _, _ := b.known()
	b.checkRestored(path, sent, acked)
	if err := b.s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// A server that was brought back to an earlier moment gives positions, and with them the names of files, a second time. A backup of it on
// one from before, of what came to nothing, has what the server has now.
func TestBackupOnBaseOfAnotherLife(t *testing.T) {
	b := newBusy(t)
	b.fill(3)
	first, second, third := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second"), filepath.Join(t.TempDir(), "third")
	b.backup(first, "", false, client.BackupSpec{})
	b.fillMore(6)
	b.backup(second, first, false, client.BackupSpec{})
	if err := b.s.Stop(); err != nil {
		t.Fatal(err)
	}
	b.dir = filepath.Join(t.TempDir(), "restored")
	if out, err := b.restore(first, b.dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.start()
	b.fillMore(6) // other noise, of the same sizes at the same positions
	m, _ := b.backup(third, second, false, client.BackupSpec{})
	names := map[string]string{}
	for _, f := range m.Entries {
		names[f.Name] = f.SHA256
	}
	was, err := archive.Verify(second, nil)
	if err != nil {
		t.Fatal(err)
	}
	others := 0
	for _, f := range was.Entries {
		if sum, ok := names[f.Name]; ok && sum != f.SHA256 && archive.Lasting(f.Name) {
			others++
		}
	}
	t.Logf("%d files have the name of another", others)
	if others == 0 {
		t.Error("no file has the name of another of the base: this proves nothing")
	}
	want := b.ballastSum(b.c)
	if err := b.s.Stop(); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again")
	if out, err := b.restore(third, again); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s, c := b.startOn(again)
	if got := b.ballastSum(c); got != want {
		t.Errorf("restored: %s, the server had %s", got, want)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// ballastSum tells how many groups the ballast has, and their sum.
func (b *busy) ballastSum(c *client.Client) string {
	t := b.t
	t.Helper()
	shards, err := c.Shards(t.Context(), ballast)
	if err != nil {
		t.Fatal(err)
	}
	groups, sum := 0, sha256.New()
	for _, s := range shards {
		cursor, err := c.BeginCursor(t.Context(), ballast, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		for {
			got, err := c.Pull(t.Context(), ballast, s.ID, client.PullOptions{Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range got.Groups {
				groups++
				_, _ = io.WriteString(sum, g.Records[0].Fields[0].Value) // a sum takes everything
			}
			if got.Next == cursor {
				break
			}
			cursor = got.Next
		}
	}
	return fmt.Sprintf("%d groups, %x", groups, sum.Sum(nil))
}

// A restore that is killed can be run again, and until then no server starts on what it left. One that is finished is not written over.
func TestRestoreKilled(t *testing.T) {
	b := newBusy(t)
	b.load()
	b.waitForWrites(2000)
	_, acked, _ := b.known()
	path := filepath.Join(t.TempDir(), "backup.tar")
	stream, err := b.c.Backup(t.Context(), client.BackupSpec{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = archive.Save(stream, path, true, nil)
	if err = errors.Join(err, stream.Close()); err != nil {
		t.Fatal(err)
	}
	sent, _, _ := b.known()
	b.rest()
	if err := b.s.Stop(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	killed := 0
	for line := 1; line <= 8; line++ {
		if b.killRestore(path, dir, fmt.Sprintf("copying %d0%%", line)) {
			killed++
		}
		if _, err := os.Stat(filepath.Join(dir, "RESTORING")); err == nil {
			out, err := exec.Command(b.binary, "--data-dir", dir, "--listen", "127.0.0.1:0").CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("was not finished")) {
				t.Fatalf("a server on half a restore: %v\n%s", err, out)
			}
		} else if err := os.RemoveAll(dir); err != nil { // it was faster than the signal
			t.Fatal(err)
		}
	}
	t.Logf("%d of 8 restores were killed before they were done", killed)
	if out, err := b.restore(path, dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := b.restore(path, dir); err == nil || !strings.Contains(out, "not empty") {
		t.Errorf("a restore over a restored directory: %v\n%s", err, out)
	}
	s, c := b.startOn(dir)
	view := &run{t: t, sent: sent, acked: acked, next: map[sluice.ShardID]string{}}
	view.readBack(t.Context(), c)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// killRestore kills a restore when it prints a line, and reports whether that was before its end.
func (b *busy) killRestore(path, dir, line string) bool {
	b.t.Helper()
	cmd := exec.Command(b.binary, "restore", path, "--data-dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == line {
			_ = cmd.Process.Kill()
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
	return cmd.Wait() != nil
}
