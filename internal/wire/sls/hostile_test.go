package sls_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

// mib is the size that bodies may have in these tests.
const mib = 1 << 20

// smallHub is a hub that takes bodies of at most one MiB, so that tests of the limit are quick.
func smallHub(t *testing.T) *testenv.Env {
	t.Helper()
	env := testenv.Start(t, func(c *config.Config) {
		c.Ingest.MaxBodyBytes, c.Ingest.MaxCompressedBytes = mib, mib+mib/100
	})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/", Body: []byte(`{"projectName":"web"}`)})
	env.OK(t, testenv.Call{Method: "POST", Project: "web", Target: "/logstores", Body: []byte(`{"logstoreName":"access","ttl":1,"shardCount":2}`)})
	return env
}

// sized is a valid log group of exactly size bytes.
func sized(t *testing.T, size int) []byte {
	t.Helper()
	text := strings.Repeat("x", size)
	for {
		raw := group(1, text)
		if len(raw) == size {
			return raw
		}
		text = text[:len(text)-(len(raw)-size)]
	}
}

func compressed(t *testing.T, codec logpb.Codec, raw []byte) []byte {
	t.Helper()
	packed, err := logpb.Compress(nil, codec, raw)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// with adds headers to a put.
func with(c testenv.Call, headers ...string) testenv.Call {
	h := map[string]string{}
	for name, value := range c.Header {
		h[name] = value
	}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	c.Header = h
	return c
}

func packed(codec string, body []byte, rawSize int) testenv.Call {
	return with(put(body), "x-log-compresstype", codec, "x-log-bodyrawsize", fmt.Sprint(rawSize))
}

// Whatever is wrong with a write, it has its documented code and nothing is stored.
func TestBadWrites(t *testing.T) {
	env := smallHub(t)
	good := group(3, "good")
	lz4, zstd, deflate := compressed(t, logpb.LZ4, good), compressed(t, logpb.Zstd, good), compressed(t, logpb.Deflate, good)
	big := sized(t, mib+1)
	huge := bytes.Repeat([]byte{0}, 64*mib)
	target := func(target string) testenv.Call { c := put(good); c.Target = target; return c }
	spoil := func(f func(*http.Request)) testenv.Call { c := put(good); c.Spoil = f; return c }
	f := func(name, code string, status int, c testenv.Call) {
		t.Helper()
		if a := env.Do(t, c); a.Code != code || a.Status != status {
			t.Errorf("%s: got %d %s (%s), want %d %s", name, a.Status, a.Code, a.Message, status, code)
		}
	}

	f("no protobuf", "PostBodyInvalid", 400, put([]byte("this is no log group")))
	f("cut protobuf", "PostBodyInvalid", 400, put(good[:len(good)-1]))
	f("lying inner length", "PostBodyInvalid", 400, put([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x08, 0x01}))
	f("log without time", "PostBodyInvalid", 400, put([]byte{0x0a, 0x00}))
	f("old log", "PostBodyInvalid", 400, put([]byte{0x0a, 0x02, 0x08, 0x01}))

	f("unknown compression", "InvalidCompressType", 400, packed("brotli", good, len(good)))
	f("no raw size", "InvalidBodyRawSize", 400, packed("lz4", lz4, -1))
	f("raw size is no number", "InvalidBodyRawSize", 400, with(put(lz4), "x-log-compresstype", "lz4", "x-log-bodyrawsize", "many"))
	f("raw size missing", "MissingBodyRawSize", 400, with(put(lz4), "x-log-compresstype", "lz4", "x-log-bodyrawsize", ""))
	for name, c := range map[string]struct {
		codec string
		body  []byte
	}{"lz4": {"lz4", lz4}, "zstd": {"zstd", zstd}, "deflate": {"deflate", deflate}} {
		f(name+", raw size too small", "PostBodyUncompressError", 400, packed(c.codec, c.body, len(good)-1))
		f(name+", raw size too large", "PostBodyUncompressError", 400, packed(c.codec, c.body, len(good)+1))
		f(name+", cut", "PostBodyUncompressError", 400, packed(c.codec, c.body[:len(c.body)/2], len(good)))
		f(name+", not compressed", "PostBodyUncompressError", 400, packed(c.codec, good, len(good)))
		f(name+", bomb that is honest", "PostBodyTooLarge", 400, packed(c.codec, compressed(t, logpb.Codec(c.codec), huge), len(huge)))
		f(name+", bomb that lies", "PostBodyUncompressError", 400, packed(c.codec, compressed(t, logpb.Codec(c.codec), huge), len(good)))
		f(name+", one byte too much", "PostBodyTooLarge", 400, packed(c.codec, compressed(t, logpb.Codec(c.codec), big), len(big)))
	}
	f("plain, one byte too much", "PostBodyTooLarge", 400, put(big))
	f("plain with a lying size", "InvalidBodyRawSize", 400, with(put(good), "x-log-bodyrawsize", fmt.Sprint(len(good)+1)))

	f("wrong MD5", "SignatureNotMatch", 401, spoil(func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(group(3, "evil"))) }))
	f("other MD5 than signed", "SignatureNotMatch", 401, spoil(func(r *http.Request) { r.Header.Set("Content-MD5", strings.Repeat("0", 32)) }))
	f("MD5 that is none", "SignatureNotMatch", 401, spoil(func(r *http.Request) { r.Header.Set("Content-MD5", "zz") }))
	f("other path than signed", "SignatureNotMatch", 401, spoil(func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/logstores/access", "" }))
	f("other compression than signed", "SignatureNotMatch", 401, spoil(func(r *http.Request) { r.Header.Set("x-log-compresstype", "lz4") }))

	f("no key", "ParameterInvalid", 400, target("/logstores/access/shards/route"))
	f("empty key", "ParameterInvalid", 400, target("/logstores/access/shards/route?key="))
	f("long key", "ParameterInvalid", 400, target("/logstores/access/shards/route?key="+strings.Repeat("0", 33)))
	f("exactly once", "NotSupported", 400, target("/logstores/access/shards/route?key=00&seqid=1"))
	f("missing logstore", "LogStoreNotExist", 404, target("/logstores/none/shards/lb"))
	f("parent directory", "LogStoreNotExist", 404, target("/logstores/%2e%2e/shards/lb"))
	f("encoded slash", "LogStoreNotExist", 404, target("/logstores/access%2Fshards/shards/lb"))
	f("NUL in the name", "LogStoreNotExist", 404, target("/logstores/acc%00ess/shards/lb"))
	f("long name", "LogStoreNotExist", 404, target("/logstores/"+strings.Repeat("a", 256)+"/shards/lb"))
	f("longer name", "ParameterInvalid", 400, target("/logstores/"+strings.Repeat("a", 257)+"/shards/lb"))
	f("empty name", "PathNotExist", 404, target("/logstores//shards/lb"))
	f("dots in the path", "PathNotExist", 404, target("/logstores/../logstores/access/shards/lb"))

	batch := with(put([]byte("no packages")), "x-log-mode", "batch_group")
	f("batch of nonsense", "PostBodyInvalid", 400, batch)
	f("batch that is compressed whole", "InvalidCompressType", 400, with(packed("lz4", lz4, len(good)), "x-log-mode", "batch_group"))
	f("JSON that is none", "PostBodyInvalid", 400, with(put([]byte(`{"__logs__":[`)), "Content-Type", "application/json"))

	for shard := range 2 {
		if got := pull(t, env, shard, cursor(t, env, shard, "begin"), "lz4", "").Header.Get("x-log-count"); got != "0" {
			t.Errorf("shard %d holds %s groups that were refused", shard, got)
		}
	}
	env.OK(t, put(sized(t, mib))) // the largest that is allowed
	env.OK(t, packed("lz4", compressed(t, logpb.LZ4, sized(t, mib)), mib))
}

// A group that does not compress is larger compressed than plain, and still gets in at the limit.
func TestNoiseAtTheLimit(t *testing.T) {
	env := smallHub(t)
	noise := make([]byte, mib-100)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	raw := group(1, string(noise))
	literals := literalBlock(raw) // what the Go SDK sends when lz4 gives up
	if len(literals) <= len(raw) || len(raw) > mib {
		t.Fatalf("a block of %d bytes for %d", len(literals), len(raw))
	}
	env.OK(t, packed("lz4", literals, len(raw)))
	got := append(pullRaw(t, env, 0, "lz4"), pullRaw(t, env, 1, "lz4")...)
	if !bytes.HasSuffix(got, raw) {
		t.Error("the group came back changed")
	}
}

// literalBlock is an LZ4 block of one sequence without match.
func literalBlock(raw []byte) []byte {
	block := []byte{0xf0}
	n := len(raw) - 15
	for ; n >= 255; n -= 255 {
		block = append(block, 255)
	}
	return append(append(block, byte(n)), raw...)
}

// Requests that no HTTP library would send, byte by byte.
func TestRawRequests(t *testing.T) {
	env := hub(t)
	f := func(name, request string, status int, code string) {
		t.Helper()
		conn, err := net.Dial("tcp", env.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || !strings.Contains(string(body), code) {
			t.Errorf("%s: got %d %.200s, want %d %s", name, resp.StatusCode, body, status, code)
		}
	}
	const host = " HTTP/1.1\nHost: web.sls.test\nConnection: close\n"
	f("dots", "GET /logstores/../../etc/passwd"+host+"\n", 404, "PathNotExist")
	f("double slash", "GET //logstores"+host+"\n", 404, "PathNotExist")
	f("backslash", "GET /logstores\\access"+host+"\n", 404, "PathNotExist")
	f("absolute form of a stranger", "GET http://example.com/logstores HTTP/1.1\nHost: web.sls.test\nConnection: close\n\n", 400, "InvalidHost")
	f("absolute form", "GET http://web.sls.test:80/logstores HTTP/1.1\nHost: x\nConnection: close\n\n", 400, "MissAccessKeyId")
	f("tunnel", "CONNECT web.sls.test:443"+host+"\n", 404, "PathNotExist")
	f("asterisk", "OPTIONS *"+host+"\n", 404, "PathNotExist")
	f("foreign host", "GET / HTTP/1.1\nHost: 203.0.113.7.example\nConnection: close\n\n", 400, "InvalidHost")
	f("bad query", "GET /logstores?a=%zz"+host+"\n", 400, "ParameterInvalid")
	f("unknown method", "BREW /logstores"+host+"\n", 405, "InvalidMethod")
	f("unsigned body is not awaited", "POST /logstores/access/shards/lb"+host+"Content-Length: 1000\nExpect: 100-continue\n\n", 400, "MissAccessKeyId")
	f("large headers", "GET /logstores"+host+"X-Long: "+strings.Repeat("x", 100<<10)+"\n\n", 431, "")
}

// A flood of bodies that lie about what they hold leaves no memory behind.
func TestMemoryStaysFlatUnderBombs(t *testing.T) {
	env := smallHub(t)
	bomb := compressed(t, logpb.Zstd, bytes.Repeat([]byte{0}, 64*mib))
	send := func(n int) {
		for range n {
			env.Do(t, packed("zstd", bomb, mib))
			env.Do(t, packed("lz4", bomb, mib))
		}
	}
	send(20)
	before := heap()
	send(200)
	if after := heap(); after > before+32*mib {
		t.Errorf("the heap grew from %d to %d MiB", before/mib, after/mib)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
