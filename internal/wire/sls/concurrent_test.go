package sls_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

// Buffers go from request to request: writers and readers at once, in every compression and many sizes, must never see each other's
// bytes.
func TestRequestsAtOnceKeepTheirBytes(t *testing.T) {
	env := hub(t)
	begins := []string{cursor(t, env, 0, "begin"), cursor(t, env, 1, "begin")}
	const writers, each = 8, 25
	codecs := []logpb.Codec{logpb.None, logpb.LZ4, logpb.Zstd, logpb.Deflate}
	var want []string
	var writing, reading sync.WaitGroup
	for w := range writers {
		for i := range each {
			want = append(want, writerText(w, i))
		}
		writing.Go(func() {
			for i := range each {
				raw := group(1+i%3, writerText(w, i))
				codec := codecs[(w+i)%len(codecs)]
				body := raw
				if codec != logpb.None {
					body = compressed(t, codec, raw)
				}
				env.OK(t, packed(string(codec), body, len(raw)))
			}
		})
	}
	stop := make(chan struct{})
	for r := range 4 {
		reading.Go(func() {
			encoding := []string{"lz4", "zstd", "deflate", ""}[r]
			for {
				select {
				case <-stop:
					return
				default:
					readTexts(t, env, r%2, begins[r%2], encoding)
				}
			}
		})
	}
	writing.Wait()
	close(stop)
	reading.Wait()

	got := append(readTexts(t, env, 0, begins[0], "lz4"), readTexts(t, env, 1, begins[1], "lz4")...)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d groups came back, or others than the %d that were put", len(got), len(want))
	}
}

// writerText says where it ends, so that foreign bytes in it show.
func writerText(writer, i int) string {
	return fmt.Sprintf("%d-%d %s.", writer, i, strings.Repeat(fmt.Sprint(writer), i*i*20))
}

// readTexts reads a shard and checks that every text in it is one that a writer wrote.
func readTexts(t *testing.T, env *testenv.Env, shard int, begin, encoding string) []string {
	groups, err := logpb.DecodeList(plain(t, pull(t, env, shard, begin, encoding, "")))
	if err != nil {
		t.Errorf("%s: %v", encoding, err)
		return nil
	}
	var texts []string
	for _, g := range groups {
		text := g.Records[0].Fields[1].Value
		var writer, i int
		if _, err := fmt.Sscanf(text, "%d-%d", &writer, &i); err != nil || text != writerText(writer, i) {
			t.Errorf("%s: a text came back changed: %.60q", encoding, text)
		}
		texts = append(texts, text)
	}
	return texts
}
