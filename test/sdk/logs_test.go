package sdk

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"google.golang.org/protobuf/proto"

	"github.com/sluicelog/sluice/internal/testenv"
)

// What is put on any way with any compression is pulled with any compression, in order, once.
func TestPutAndPullEveryWay(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			c := w.client(testenv.RootID, testenv.RootSecret, "")
			project, logstore := newLogstore(t, c, 1)
			var want []string
			for i := range 30 {
				text := fmt.Sprint(i, strings.Repeat(" and some more", i*i))
				want = append(want, text)
				if err := c.PutLogsWithCompressType(project, logstore, logGroup(text), i%sls.Compress_Max); err != nil {
					t.Fatal(err)
				}
			}
			for _, compress := range []int{sls.Compress_LZ4, sls.Compress_ZSTD} {
				if got := pullTexts(t, c, project, logstore, 0, compress); !slices.Equal(got, want) {
					t.Errorf("pull with compression %d: got %d groups, want the %d that were put", compress, len(got), len(want))
				}
			}
		})
	}
}

// A group comes back with topic, source, tags, fields in order, and bytes that are no text.
func TestGroupsComeBackWhole(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	group := logGroup("x")
	group.Logs[0].TimeNs = proto.Uint32(123456789)
	group.Logs[0].Contents = append(group.Logs[0].Contents,
		&sls.LogContent{Key: proto.String("text"), Value: proto.String("the same key again")},
		&sls.LogContent{Key: proto.String(""), Value: proto.String("")},
		&sls.LogContent{Key: proto.String("schlüssel"), Value: proto.String("日本語 \x00 \u0000")})
	if err := c.PutLogs(project, logstore, group); err != nil {
		t.Fatal(err)
	}
	begin, err := c.GetCursor(project, logstore, 0, "begin")
	if err != nil {
		t.Fatal(err)
	}
	groups, meta, err := c.PullLogsWithQuery(&sls.PullLogRequest{Project: project, Logstore: logstore, Cursor: begin, LogGroupMaxCount: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups.LogGroups) != 1 || meta.Count != 1 {
		t.Fatalf("got %d groups, count %d, want 1", len(groups.LogGroups), meta.Count)
	}
	got := groups.LogGroups[0]
	if got.GetCursor() != begin {
		t.Errorf("got cursor %q of the group, want %q", got.GetCursor(), begin)
	}
	if got.String() != group.String() {
		t.Errorf("got  %v\nwant %v", got, group)
	}
}

// A hash key goes to the shard that owns it.
func TestHashKeyChoosesTheShard(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 4)
	keys := map[string]int{ // first digit of the key, to the shard
		"00": 0, "3fffffffffffffffffffffffffffffff": 0, "4": 1, "7F": 1, "80000000000000000000000000000000": 2,
		"c": 3, "ffffffffffffffffffffffffffffffff": 3,
	}
	want := map[int]int{}
	for key, shard := range keys {
		if err := c.PostLogStoreLogs(project, logstore, logGroup(key), &key); err != nil {
			t.Fatal(err)
		}
		want[shard]++
	}
	for shard := range 4 {
		got := pullTexts(t, c, project, logstore, shard, sls.Compress_LZ4)
		if len(got) != want[shard] {
			t.Errorf("shard %d: got %q, want %d groups", shard, got, want[shard])
		}
		for _, key := range got {
			if keys[key] != shard {
				t.Errorf("key %s went to shard %d, want %d", key, shard, keys[key])
			}
		}
	}
	bad := "not hexadecimal"
	wantCode(t, "bad hash key", c.PostLogStoreLogs(project, logstore, logGroup("x"), &bad), "ParameterInvalid")
}

// Data that does not compress, empty data, and data of nearly the largest size.
func TestSizes(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	noise := make([]byte, 9<<20)
	for i := range noise {
		noise[i] = 'a' + byte(rand.IntN(26))
	}
	for _, compress := range []int{sls.Compress_LZ4, sls.Compress_ZSTD, sls.Compress_None} {
		for _, size := range []int{0, 1, 100, 70_000, len(noise)} {
			if err := c.PutLogsWithCompressType(project, logstore, logGroup(string(noise[:size])), compress); err != nil {
				t.Errorf("put %d bytes with compression %d: %v", size, compress, err)
			}
		}
	}
	for _, compress := range []int{sls.Compress_LZ4, sls.Compress_ZSTD} {
		got := pullTexts(t, c, project, logstore, 0, compress)
		var sizes []int
		for _, text := range got {
			if text != string(noise[:len(text)]) {
				t.Errorf("a text of %d bytes came back changed", len(text))
			}
			sizes = append(sizes, len(text))
		}
		want := []int{0, 1, 100, 70_000, len(noise)}
		if !slices.Equal(sizes, slices.Concat(want, want, want)) {
			t.Errorf("pull with compression %d: got sizes %v", compress, sizes)
		}
	}
}

// What the server refuses reaches the program that uses the SDK as a code.
func TestErrorsOfWriting(t *testing.T) {
	c := root()
	project, logstore := newLogstore(t, c, 1)
	wantCode(t, "missing logstore", c.PutLogs(project, "none", logGroup("x")), "LogStoreNotExist")
	wantCode(t, "missing project", c.PutLogs("none", logstore, logGroup("x")), "ProjectNotExist")
	old := logGroup("x")
	old.Logs[0].Time = proto.Uint32(1_000_000_000)
	wantCode(t, "a log of 2001", c.PutLogs(project, logstore, old), "PostBodyInvalid")
	wantCode(t, "too large", c.PutLogs(project, logstore, logGroup(strings.Repeat("x", 10<<20))), "PostBodyTooLarge")
	wantCode(t, "no log group", c.PutRawLogWithCompressType(project, logstore, []byte("nonsense"), sls.Compress_LZ4), "PostBodyInvalid")
	if got := pullTexts(t, c, project, logstore, 0, sls.Compress_LZ4); len(got) != 0 {
		t.Errorf("%d refused groups were stored", len(got))
	}
}
