package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/lz4block"
	"github.com/sluicelog/sluice/internal/meta"
	"github.com/sluicelog/sluice/internal/quota"
	"github.com/sluicelog/sluice/internal/shard"
)

var (
	ctx = context.Background()
	ref = catalogtest.Ref
)

// open opens an environment with a logstore of so many shards, and a door to it.
func open(t testing.TB, shards int, o ingest.Options) (*catalogtest.Env, *ingest.Door) {
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{})
	env.CreateLogstore(shards)
	o.Now = env.Clock.Now
	return env, ingest.New(env.Catalog, o)
}

// group is a group of so many logs, as of now.
func group(env *catalogtest.Env, logs int) *sluice.LogGroup {
	g := &sluice.LogGroup{Topic: "t", Source: "10.0.0.1", Tags: []sluice.Field{{Key: "k", Value: "v"}}}
	for i := range logs {
		g.Records = append(g.Records, sluice.Record{
			Time:   uint32(env.Clock.Now().Unix()),
			Fields: []sluice.Field{{Key: "n", Value: strconv.Itoa(i)}, {Key: "uri", Value: "/index.html?" + strings.Repeat("a", i%64)}},
		})
	}
	return g
}

// put is g as a client sends it.
func put(t testing.TB, g *sluice.LogGroup, codec logpb.Codec) ingest.Put {
	t.Helper()
	raw := logpb.Append(nil, g)
	body, err := logpb.Compress(nil, codec, raw)
	if err != nil {
		t.Fatal(err)
	}
	return ingest.Put{Ref: ref, Codec: codec, RawSize: len(raw), Body: body}
}

// stored is the group at a position, and its block. It fails unless the block is sound and can be joined to others.
func stored(t testing.TB, env *catalogtest.Env, id sluice.ShardID, p sluice.Position) (*sluice.LogGroup, shard.Block) {
	t.Helper()
	batch, err := env.Shard(id).Stored.Read(p, p+1, 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer batch.Release()
	if len(batch.Groups) != 1 || batch.Groups[0].Position != p {
		t.Fatalf("shard %v holds %d groups from position %d on, want one at it", id, len(batch.Groups), p)
	}
	b := batch.Groups[0].Block
	b.Data = bytes.Clone(b.Data)
	raw := make([]byte, b.Raw)
	if err := lz4block.Decompress(raw, b.Data); err != nil {
		t.Fatal(err)
	}
	if tail, err := lz4block.Tail(b.Data); err != nil || tail != b.Tail {
		t.Fatalf("the tail is stored as %d, but is %d (%v)", b.Tail, tail, err)
	}
	g, err := logpb.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if b.Logs != len(g.Records) {
		t.Fatalf("stored as %d logs, but holds %d", b.Logs, len(g.Records))
	}
	return g, b
}

func TestPutKeepsTheGroup(t *testing.T) {
	for _, codec := range []logpb.Codec{logpb.None, logpb.LZ4, logpb.Zstd, logpb.Deflate} {
		env, door := open(t, 1, ingest.Options{})
		for _, logs := range []int{1, 2, 500} {
			g := group(env, logs)
			p := put(t, g, codec)
			id, at, err := door.Put(ctx, p)
			if err != nil {
				t.Fatalf("%q, %d logs: %v", codec, logs, err)
			}
			got, b := stored(t, env, id, at)
			if d := cmp.Diff(g, got); d != "" {
				t.Errorf("%q, %d logs: %s", codec, logs, d)
			}
			if codec == logpb.LZ4 && !bytes.Equal(b.Data, p.Body) {
				t.Errorf("%d logs: an lz4 body of %d bytes became a block of %d others", logs, len(p.Body), len(b.Data))
			}
		}
		if raw, writes := env.Shard(0).Traffic.Totals(); raw == 0 || writes != 3 {
			t.Errorf("%q: traffic of %d bytes in %d writes counted, want 3 writes", codec, raw, writes)
		}
	}
}

func TestAppendKeepsTheGroup(t *testing.T) {
	env, door := open(t, 1, ingest.Options{})
	var appender sluice.Appender = door
	for _, logs := range []int{1, 500, 20_000} {
		g := group(env, logs)
		id, at, err := appender.Append(ctx, ref, g)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := stored(t, env, id, at)
		if d := cmp.Diff(g, got); d != "" {
			t.Errorf("%d logs: %s", logs, d)
		}
	}
}

// The tags that a logstore asks for come behind those of the client, whatever its codec.
func TestAppendMeta(t *testing.T) {
	env, door := open(t, 1, ingest.Options{})
	err := env.Catalog.UpdateLogstore(ctx, ref, func(l *meta.Logstore) error { l.AppendMeta = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	received := sluice.Field{Key: "__receive_time__", Value: strconv.FormatInt(env.Clock.Now().Unix(), 10)}
	for _, codec := range []logpb.Codec{logpb.None, logpb.LZ4, logpb.Zstd, logpb.Deflate} {
		for addr, text := range map[netip.Addr]string{
			{}:                                      "",
			netip.MustParseAddr("192.0.2.7"):        "192.0.2.7",
			netip.MustParseAddr("::ffff:192.0.2.7"): "192.0.2.7",
			netip.MustParseAddr("2001:db8::1%eth0"): "2001:db8::1",
		} {
			for _, logs := range []int{1, 300} {
				g := group(env, logs)
				p := put(t, g, codec)
				p.Client = addr
				id, at, err := door.Put(ctx, p)
				if err != nil {
					t.Fatal(err)
				}
				if text != "" {
					g.Tags = append(g.Tags, sluice.Field{Key: "__client_ip__", Value: text})
				}
				g.Tags = append(g.Tags, received)
				got, _ := stored(t, env, id, at)
				if d := cmp.Diff(g, got); d != "" {
					t.Errorf("%q, client %v, %d logs: %s", codec, addr, logs, d)
				}
			}
		}
	}
	id, at, err := door.Append(ctx, ref, group(env, 1))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := stored(t, env, id, at)
	if want := []sluice.Field{{Key: "k", Value: "v"}, received}; !cmp.Equal(got.Tags, want) {
		t.Errorf("tags of an appended group %v, want %v", got.Tags, want)
	}
}

// A block that decodes but ends otherwise than the format demands could not be joined to others in a pull.
func TestPutRepairsOddBlocks(t *testing.T) {
	env, door := open(t, 1, ingest.Options{})
	g := group(env, 1)
	g.Tags = []sluice.Field{{Key: "k", Value: strings.Repeat("a", 40)}}
	raw := logpb.Append(nil, g)
	literals := len(raw) - 20
	odd := []byte{15<<4 | (18 - 4), byte(literals - 15)} // literals, then 18 bytes that repeat the last one, then two more
	odd = append(odd, raw[:literals]...)
	odd = append(odd, 1, 0, 2<<4, 'a', 'a')
	if _, err := lz4block.Tail(odd); !errors.Is(err, lz4block.ErrShape) {
		t.Fatalf("the block is not odd: %v", err)
	}
	id, at, err := door.Put(ctx, ingest.Put{Ref: ref, Codec: logpb.LZ4, RawSize: len(raw), Body: odd})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := stored(t, env, id, at)
	if d := cmp.Diff(g, got); d != "" {
		t.Error(d)
	}
}

func TestPutByKey(t *testing.T) {
	env, door := open(t, 4, ingest.Options{})
	p := put(t, group(env, 1), logpb.LZ4)
	for key, want := range map[string]sluice.ShardID{"0": 0, "3fff": 0, "4": 1, "1231231234": 0, "BF": 2, strings.Repeat("f", 32): 3} {
		p.HashKey = key
		if got, _, err := door.Put(ctx, p); got != want || err != nil {
			t.Errorf("key %s went to shard %v (%v), want %v", key, got, err, want)
		}
	}
	p.HashKey = ""
	turns := map[sluice.ShardID]int{}
	for range 40 {
		id, _, err := door.Put(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		turns[id]++
	}
	if want := map[sluice.ShardID]int{0: 10, 1: 10, 2: 10, 3: 10}; !cmp.Equal(turns, want) {
		t.Errorf("writes without a key went to %v, want %v", turns, want)
	}
}

func TestGroupWithoutLogsIsDropped(t *testing.T) {
	env, door := open(t, 1, ingest.Options{})
	empty := &sluice.LogGroup{Topic: "t"}
	for _, p := range []ingest.Put{put(t, empty, logpb.LZ4), put(t, empty, logpb.None), {Ref: ref}, {Ref: ref, Codec: logpb.LZ4, Body: []byte{0}}} {
		if _, at, err := door.Put(ctx, p); at != 0 || err != nil {
			t.Errorf("%+v: position %d, error %v, want none of either", p, at, err)
		}
	}
	if _, at, err := door.Append(ctx, ref, empty); at != 0 || err != nil {
		t.Errorf("position %d, error %v, want none of either", at, err)
	}
	if begin, end := env.Shard(0).Stored.Bounds(); begin != end {
		t.Errorf("%d groups were stored", end-begin)
	}
}

// What is refused is refused with the right kind and noun, and leaves nothing behind.
func TestPutRefuses(t *testing.T) {
	env, door := open(t, 1, ingest.Options{MaxRaw: 1000, MaxLogs: 10, MaxKey: 20, MaxValue: 200, MaxTags: 2})
	small := put(t, group(env, 1), logpb.LZ4)
	for _, tt := range []struct {
		what   string
		change func(*ingest.Put)
		kind   sluice.Kind
		noun   string
	}{
		{"no such project", func(p *ingest.Put) { p.Ref.Project = "nope" }, sluice.NotFound, "project"},
		{"no such logstore", func(p *ingest.Put) { p.Ref.Logstore = "nope" }, sluice.NotFound, "logstore"},
		{"unknown codec", func(p *ingest.Put) { p.Codec = "snappy" }, sluice.Invalid, "compresstype"},
		{"claims too much", func(p *ingest.Put) { p.RawSize = 1001 }, sluice.TooLarge, "body-size"},
		{"claims one byte more", func(p *ingest.Put) { p.RawSize++ }, sluice.Invalid, "body-compressed"},
		{"claims one byte less", func(p *ingest.Put) { p.RawSize-- }, sluice.Invalid, "body-compressed"},
		{"claims less than nothing", func(p *ingest.Put) { p.RawSize = -1 }, sluice.Invalid, "body-compressed"},
		{"cut body", func(p *ingest.Put) { p.Body = p.Body[:len(p.Body)-1] }, sluice.Invalid, "body-compressed"},
		{"uncompressed and too large", func(p *ingest.Put) { p.Codec, p.Body = logpb.None, make([]byte, 1001) }, sluice.TooLarge, "body-size"},
		{"not a group", func(p *ingest.Put) { p.Codec, p.Body = logpb.None, []byte("hello") }, sluice.Invalid, "body"},
		{"too many logs", func(p *ingest.Put) { *p = put(t, group(env, 11), logpb.LZ4) }, sluice.TooLarge, "body-size"},
		{"long key", func(p *ingest.Put) { *p = put(t, odd(env, strings.Repeat("k", 21), "v"), logpb.LZ4) }, sluice.TooLarge, "body-size"},
		{"long value", func(p *ingest.Put) { *p = put(t, odd(env, "k", strings.Repeat("v", 201)), logpb.LZ4) }, sluice.TooLarge, "body-size"},
		{"bad key", func(p *ingest.Put) { p.HashKey = "xyz" }, sluice.Invalid, "parameter"},
		{"long hash key", func(p *ingest.Put) { p.HashKey = strings.Repeat("0", 33) }, sluice.Invalid, "parameter"},
	} {
		p := small
		tt.change(&p)
		_, _, err := door.Put(ctx, p)
		wantError(t, tt.what, err, tt.kind, tt.noun)
	}
	if begin, end := env.Shard(0).Stored.Bounds(); begin != end {
		t.Errorf("%d refused groups were stored", end-begin)
	}
}

// odd is a group with one field.
func odd(env *catalogtest.Env, key, value string) *sluice.LogGroup {
	g := group(env, 1)
	g.Records[0].Fields = []sluice.Field{{Key: key, Value: value}}
	return g
}

func wantError(t *testing.T, what string, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: error %v (%+v), want %v %q", what, err, e, kind, noun)
	}
}

func TestTimeWindow(t *testing.T) {
	week, quarter := 7*24*time.Hour, 15*time.Minute
	for _, tt := range []struct {
		o   ingest.Options
		age time.Duration
		ok  bool
	}{
		{ingest.Options{}, week, true},
		{ingest.Options{}, week + time.Second, false},
		{ingest.Options{}, -quarter, true},
		{ingest.Options{}, -quarter - time.Second, false},
		{ingest.Options{Past: time.Hour}, time.Hour + time.Second, false},
		{ingest.Options{Past: -1}, 50 * 365 * 24 * time.Hour, true},
		{ingest.Options{Future: -1}, -50 * 365 * 24 * time.Hour, true},
		{ingest.Options{Past: 100 * 365 * 24 * time.Hour}, 50 * 365 * 24 * time.Hour, true},
	} {
		env, door := open(t, 1, tt.o)
		g := group(env, 3)
		g.Records[1].Time = uint32(env.Clock.Now().Add(-tt.age).Unix())
		_, _, err := door.Put(ctx, put(t, g, logpb.LZ4))
		if tt.ok && err != nil {
			t.Errorf("%+v: a log %v old: %v", tt.o, tt.age, err)
		}
		if !tt.ok {
			wantError(t, "a log "+tt.age.String()+" old", err, sluice.Invalid, "body-time")
		}
	}
}

func TestWriteQuotas(t *testing.T) {
	for _, tt := range []struct {
		o    ingest.Options
		noun string
		part string
	}{
		{ingest.Options{Shard: quota.Rate{BytesPerSecond: 1}}, "shard-write", "Inflow Quota Exceed"},
		{ingest.Options{Shard: quota.Rate{RequestsPerSecond: 1}}, "shard-write", "Write QPS Exceed"},
		{ingest.Options{Project: quota.Rate{BytesPerSecond: 1}}, "project-write", "Inflow Quota Exceed"},
		{ingest.Options{Project: quota.Rate{RequestsPerSecond: 1}}, "project-write", "Write QPS Exceed"},
	} {
		env, door := open(t, 2, tt.o)
		p := put(t, group(env, 1), logpb.LZ4)
		p.HashKey = "0"
		if _, _, err := door.Put(ctx, p); err != nil {
			t.Fatal(err)
		}
		_, _, err := door.Put(ctx, p)
		wantError(t, tt.noun, err, sluice.Throttled, tt.noun)
		if err == nil || !strings.Contains(err.Error(), tt.part) {
			t.Errorf("%s: message %v, want %q in it", tt.noun, err, tt.part)
		}
		p.HashKey = "f"
		if _, _, err := door.Put(ctx, p); (err == nil) != (tt.noun == "shard-write") {
			t.Errorf("%s: a write to another shard: %v", tt.noun, err)
		}
		env.Clock.Advance(time.Hour)
		if _, _, err := door.Put(ctx, p); err != nil {
			t.Errorf("%s: a write an hour later: %v", tt.noun, err)
		}
	}
}

func TestReadQuotas(t *testing.T) {
	clock := &catalogtest.Clock{}
	one, off := quota.Rate{BytesPerSecond: 1}, quota.Rate{}
	for noun, q := range map[string]*ingest.ReadQuota{
		"shard-read":   ingest.NewReadQuota(one, off, clock.Now),
		"project-read": ingest.NewReadQuota(off, one, clock.Now),
	} {
		if err := q.Admit("web", 1); err != nil {
			t.Fatal(err)
		}
		q.Charge("web", 1, 100)
		wantError(t, noun, q.Admit("web", 1), sluice.Throttled, noun)
		if err := q.Admit("web", 2); (err == nil) != (noun == "shard-read") {
			t.Errorf("%s: a pull from another shard: %v", noun, err)
		}
		clock.Advance(time.Hour)
		if err := q.Admit("web", 1); err != nil {
			t.Errorf("%s: a pull an hour later: %v", noun, err)
		}
	}
	q := ingest.NewReadQuota(off, quota.Rate{RequestsPerSecond: 1}, clock.Now)
	if err := q.Admit("web", 1); err != nil {
		t.Fatal(err)
	}
	wantError(t, "requests", q.Admit("web", 1), sluice.Throttled, "project-read")
}

// A full disk refuses writes with an error that clients retry, and takes them again when there is room.
func TestFullDisk(t *testing.T) {
	env := catalogtest.Open(t, catalog.Options{}, shard.Options{JournalFileBytes: 1 << 20})
	env.CreateLogstore(1)
	door := ingest.New(env.Catalog, ingest.Options{Now: env.Clock.Now})
	p := put(t, group(env, 5000), logpb.LZ4)
	env.FS.SetCapacity(1)
	var err error
	for range 1000 { // the journal's file is there already, and has to fill up first
		if _, _, err = door.Put(ctx, p); err != nil {
			break
		}
	}
	wantError(t, "full", err, sluice.Unavailable, "server")
	if !errors.Is(err, shard.ErrDiskFull) {
		t.Errorf("cause %v, want ErrDiskFull", err)
	}
	env.FS.SetCapacity(0)
	if _, _, err := door.Put(ctx, p); err != nil {
		t.Errorf("after room was made: %v", err)
	}
}

func TestClosedStore(t *testing.T) {
	env, door := open(t, 1, ingest.Options{})
	p := put(t, group(env, 1), logpb.LZ4)
	if err := env.Logs.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := door.Put(ctx, p)
	wantError(t, "closed", err, sluice.Unavailable, "server")
}

func TestObserve(t *testing.T) {
	var seen []ingest.Outcome
	env, door := open(t, 1, ingest.Options{Observe: func(o ingest.Outcome) { seen = append(seen, o) }})
	p := put(t, group(env, 7), logpb.LZ4)
	if _, _, err := door.Put(ctx, p); err != nil {
		t.Fatal(err)
	}
	p.Ref.Logstore = "nope"
	_, _, err := door.Put(ctx, p)
	want := []ingest.Outcome{
		{Ref: ref, Raw: p.RawSize, Stored: len(p.Body), Logs: 7},
		{Ref: p.Ref, Err: err},
	}
	if d := cmp.Diff(want, seen, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); d != "" {
		t.Error(d)
	}
}
