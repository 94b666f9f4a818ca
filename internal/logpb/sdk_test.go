package logpb

import (
	"math/rand/v2"
	"slices"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/sluicelog/sluice"
)

// fromSDK turns the group of the official SDK into ours.
func fromSDK(g *sls.LogGroup) *sluice.LogGroup {
	ours := &sluice.LogGroup{Topic: g.GetTopic(), Source: g.GetSource()}
	for _, tag := range g.LogTags {
		ours.Tags = append(ours.Tags, sluice.Field{Key: tag.GetKey(), Value: tag.GetValue()})
	}
	for _, log := range g.Logs {
		r := sluice.Record{Time: log.GetTime(), Nanos: log.GetTimeNs()}
		for _, c := range log.Contents {
			r.Fields = append(r.Fields, sluice.Field{Key: c.GetKey(), Value: c.GetValue()})
		}
		ours.Records = append(ours.Records, r)
	}
	return ours
}

// toSDK is the inverse of fromSDK.
func toSDK(g *sluice.LogGroup) *sls.LogGroup {
	theirs := &sls.LogGroup{Topic: &g.Topic, Source: &g.Source}
	for _, tag := range g.Tags {
		theirs.LogTags = append(theirs.LogTags, &sls.LogTag{Key: &tag.Key, Value: &tag.Value})
	}
	for _, r := range g.Records {
		log := &sls.Log{Time: &r.Time, TimeNs: &r.Nanos}
		for _, f := range r.Fields {
			log.Contents = append(log.Contents, &sls.LogContent{Key: &f.Key, Value: &f.Value})
		}
		theirs.Logs = append(theirs.Logs, log)
	}
	return theirs
}

func TestSDKReadsOurs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genGroup().Draw(t, "group")
		raw := Append(nil, want)
		var theirs sls.LogGroup
		if err := theirs.Unmarshal(AppendTag(raw, "more", "tags")); err != nil {
			t.Fatal(err)
		}
		want.Tags = append(want.Tags, sluice.Field{Key: "more", Value: "tags"})
		if d := diff(fromSDK(&theirs), want); d != "" {
			t.Fatalf("the SDK reads (-want +got)\n%s", d)
		}
	})
}

func TestWeReadTheSDK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := rapid.SliceOfN(genGroup(), 0, 4).Draw(t, "groups")
		list := &sls.LogGroupList{}
		for _, g := range groups {
			list.LogGroups = append(list.LogGroups, toSDK(g))
		}
		raw, err := list.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeList(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(got, groups); d != "" {
			t.Fatalf("DecodeList (-want +got)\n%s", d)
		}
	})
}

// sameAsSDK fails if Check accepts bytes that the SDK cannot read or reads otherwise: such a group would stop its consumers.
func sameAsSDK(t interface{ Fatalf(string, ...any) }, raw []byte) {
	got, err := Decode(raw)
	if _, checked := Check(raw, Limits{}); (checked == nil) != (err == nil) {
		t.Fatalf("Check says %v, Decode says %v", checked, err)
	}
	if err != nil {
		return
	}
	var theirs sls.LogGroup
	if err := theirs.Unmarshal(raw); err != nil {
		t.Fatalf("Check accepts what the SDK refuses: %v\n%x", err, raw)
	}
	if d := diff(got, fromSDK(&theirs)); d != "" {
		t.Fatalf("Decode is not as the SDK (-sdk +ours)\n%s\n%x", d, raw)
	}
}

func TestDamagedAsSDK(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := Append(nil, genGroup().Draw(t, "group"))
		for range rapid.IntRange(1, 3).Draw(t, "damages") {
			if len(raw) == 0 {
				break
			}
			at := rapid.IntRange(0, len(raw)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				raw[at] = rapid.Byte().Draw(t, "byte")
			case 1:
				raw = raw[:at]
			case 2:
				raw = slices.Insert(raw, at, rapid.Byte().Draw(t, "byte"))
			}
		}
		sameAsSDK(t, raw)
	})
}

// odd encodes messages as no client does and any protobuf parser has to read: fields out of order, unknown fields between
// them, lengths with padding.
type odd struct{ *rand.Rand }

func (o odd) message(fields ...[]byte) []byte {
	for range o.IntN(3) {
		unknown := protowire.AppendTag(nil, protowire.Number(100+o.IntN(1000)), protowire.Fixed64Type)
		fields = append(fields, protowire.AppendFixed64(unknown, o.Uint64()))
	}
	return slices.Concat(fields...)
}

// shuffled is a message whose fields are all different, so that their order does not count.
func (o odd) shuffled(fields ...[]byte) []byte {
	o.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return o.message(fields...)
}

func (o odd) bytes(num protowire.Number, data []byte) []byte {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(data)))
	if o.IntN(3) == 0 { // one byte of padding behind the length
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return append(b, data...)
}

func (o odd) pair(f sluice.Field) []byte {
	return o.shuffled(o.bytes(pairKey, []byte(f.Key)), o.bytes(pairValue, []byte(f.Value)))
}

func (o odd) group(g *sluice.LogGroup) []byte {
	var fields [][]byte
	for _, r := range g.Records {
		log := [][]byte{protowire.AppendVarint([]byte{tagTime}, uint64(r.Time)), protowire.AppendFixed32([]byte{tagNanos}, r.Nanos)}
		for _, f := range r.Fields {
			log = append(log, o.bytes(logContents, o.pair(f)))
		}
		fields = append(fields, o.bytes(groupLogs, o.message(log...)))
	}
	for _, tag := range g.Tags {
		fields = append(fields, o.bytes(groupTags, o.pair(tag)))
	}
	return o.message(append(fields, o.bytes(groupSource, []byte(g.Source)), o.bytes(groupTopic, []byte(g.Topic)))...)
}

func TestOddEncodings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genGroup().Draw(t, "group")
		raw := odd{rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed")))}.group(want)
		got, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(got, want); d != "" {
			t.Fatalf("Decode (-want +got)\n%s", d)
		}
		sameAsSDK(t, raw)
	})
}
