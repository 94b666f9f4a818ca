package sls_test

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/testenv"
)

// packageList encodes an SlsLogPackageList (reference sls-api 4.1).
func packageList(packages ...logpb.Package) []byte {
	codecs := map[logpb.Codec]uint64{logpb.None: 0, logpb.Deflate: 1, logpb.LZ4: 2, logpb.Zstd: 3}
	var list []byte
	for _, p := range packages {
		var b []byte
		b = protowire.AppendBytes(protowire.AppendTag(b, 1, protowire.BytesType), p.Data)
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(p.RawSize))
		b = protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), codecs[p.Codec])
		list = protowire.AppendBytes(protowire.AppendTag(list, 1, protowire.BytesType), b)
	}
	return list
}

func texts(t *testing.T, env *testenv.Env) []string {
	t.Helper()
	var got []string
	for shard := range 2 {
		for _, g := range pullAll(t, env, shard, "lz4") {
			got = append(got, g.Records[0].Fields[1].Value)
		}
	}
	slices.Sort(got)
	return got
}

// The packages of an agent's batch become one log group each.
func TestBatchGroup(t *testing.T) {
	env := hub(t)
	var packages []logpb.Package
	for _, codec := range []logpb.Codec{logpb.None, logpb.LZ4, logpb.Zstd, logpb.Deflate} {
		raw := group(2, "in "+string(codec))
		data := raw
		if codec != logpb.None {
			data = compressed(t, codec, raw)
		}
		packages = append(packages, logpb.Package{Data: data, RawSize: len(raw), Codec: codec})
	}
	env.OK(t, with(put(packageList(packages...)), "x-log-mode", "batch_group"))
	want := []string{"in ", "in deflate", "in lz4", "in zstd"}
	if got := texts(t, env); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	env.OK(t, with(put(nil), "x-log-mode", "batch_group")) // an empty batch is nothing to complain about
}

// A JSON body keeps the times of its logs, whichever way it is compressed.
func TestJSONBody(t *testing.T) {
	env := hub(t)
	then := uint32(now().Unix() - 3600)
	body := []byte(fmt.Sprintf(`{"__topic__":"t","__logs__":[{"a":1,"b":"x","__time__":%d,"__time_ns_part__":5},{"b":true}]}`, then))
	env.OK(t, with(put(body), "Content-Type", "application/json; charset=utf-8", "x-log-bodyrawsize", "0"))
	env.OK(t, with(packed("zstd", compressed(t, logpb.Zstd, body), len(body)), "Content-Type", "application/json"))
	for shard := range 2 {
		for _, g := range pullAll(t, env, shard, "lz4") {
			first, second := g.Records[0], g.Records[1]
			if first.Time != then || first.Nanos != 5 || second.Time <= then || g.Topic != "t" {
				t.Errorf("got times %d.%d and %d, topic %q", first.Time, first.Nanos, second.Time, g.Topic)
			}
			if want := []sluice.Field{{Key: "a", Value: "1"}, {Key: "b", Value: "x"}}; !slices.Equal(first.Fields, want) {
				t.Errorf("got fields %v, want %v", first.Fields, want)
			}
		}
	}
}

// An empty group is accepted and leaves nothing.
func TestEmptyGroup(t *testing.T) {
	env := hub(t)
	env.OK(t, put(nil))
	env.OK(t, put(logpb.Append(nil, &sluice.LogGroup{Topic: "t"})))
	if got := texts(t, env); len(got) != 0 {
		t.Errorf("got %q, want nothing", got)
	}
}

// appendMeta notes where a group came from and when.
func TestAppendMeta(t *testing.T) {
	env := hub(t)
	env.OK(t, testenv.Call{Method: "PUT", Project: "web", Target: "/logstores/access", Body: []byte(`{"appendMeta":true}`)})
	env.OK(t, put(group(1, "x")))
	for shard := range 2 {
		for _, g := range pullAll(t, env, shard, "lz4") {
			tags := map[string]string{}
			for _, tag := range g.Tags {
				tags[tag.Key] = tag.Value
			}
			if tags["__client_ip__"] != "127.0.0.1" || tags["__receive_time__"] == "" {
				t.Errorf("got tags %v", tags)
			}
		}
	}
}
