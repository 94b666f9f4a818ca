package logpb

import (
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

func TestCheckAccepts(t *testing.T) {
	for _, test := range []struct {
		name, raw string
		want      Stats
	}{
		{"nothing", "", Stats{}},
		{"a group without logs", "1a0174", Stats{}},
		{"a log without contents", "0a020801", Stats{Logs: 1, MinTime: 1, MaxTime: 1}},
		{"time zero", "0a020800", Stats{Logs: 1}},
		{"the last time", "0a0608ffffffff0f", Stats{Logs: 1, MinTime: 1<<32 - 1, MaxTime: 1<<32 - 1}},
		{"the last of repeated times", "0a0408050803", Stats{Logs: 1, MinTime: 3, MaxTime: 3}},
		{"several logs", "0a020807 0a020803 0a020805", Stats{Logs: 3, MinTime: 3, MaxTime: 7}},
		{"contents before time", "0a0a 12060a016b12017608 01", Stats{Logs: 1, Fields: 1, MinTime: 1, MaxTime: 1}},
		{"value before key", "0a0a 0801 12061201760a016b", Stats{Logs: 1, Fields: 1, MinTime: 1, MaxTime: 1}},
		{"empty key and value", "0a08 0801 12040a001200", Stats{Logs: 1, Fields: 1, MinTime: 1, MaxTime: 1}},
		{"no UTF-8", "0a0a 0801 12060a01ff1201c0", Stats{Logs: 1, Fields: 1, MinTime: 1, MaxTime: 1}},
		{"padded lengths", "0a 8b80808000 0801 12 8600 0a016b120176", Stats{Logs: 1, Fields: 1, MinTime: 1, MaxTime: 1}},
		{"a padded tag", "8a80808000 02 0801", Stats{Logs: 1, MinTime: 1, MaxTime: 1}},
		{"most nanoseconds", "0a07 0801 25ffc99a3b", Stats{Logs: 1, MinTime: 1, MaxTime: 1}},
		{"values of the agent", "0a05 0801 1a0176", Stats{Logs: 1, MinTime: 1, MaxTime: 1}},
		{"category and machine", "12016c 2a016d", Stats{}},
		{"unknown fields everywhere", "3801 0a0e 0801 490102030405060708 4a0178 320b 0a016b 120176 1d01020304 3a00", Stats{Logs: 1, MinTime: 1, MaxTime: 1}},
		{"an unknown ten-byte varint", "38ffffffffffffffffff01", Stats{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := unhex(test.raw)
			got, err := Check(raw, Limits{})
			if err != nil || got != test.want {
				t.Errorf("Check = %+v, %v; want %+v", got, err, test.want)
			}
			if _, err := Decode(raw); err != nil {
				t.Errorf("Decode: %v", err)
			}
		})
	}
}

func TestCheckMalformed(t *testing.T) {
	for _, test := range []struct{ name, raw string }{
		{"field number zero", "0201"},
		{"a tag alone", "0a"},
		{"a tag that does not end", "8a"},
		{"a tag of six bytes", "8a8080808000 020801"},
		{"a tag over 32 bits", "8280808010 00"},
		{"a length past the end", "0a05 0801"},
		{"a length of six bytes", "0a 828080808000 0801"},
		{"a length near 2^63", "0a ffffffffffffffff7f"},
		{"a length of 2^32-1", "0a ffffffff0f"},
		{"a varint of eleven bytes", "38 8080808080808080808001"},
		{"a varint over 64 bits", "38 ffffffffffffffffff02"},
		{"a varint that does not end", "38 ff"},
		{"a fixed32 cut short", "3d 010203"},
		{"a fixed64 cut short", "39 01020304050607"},
		{"a group", "3b 3c"},
		{"the end of a group", "3c"},
		{"wire type 6", "3e"},
		{"wire type 7", "3f"},

		{"logs as a varint", "0801"},
		{"category as a varint", "1001"},
		{"topic as a varint", "1801"},
		{"source as a fixed32", "2501020304"},
		{"machine as a varint", "2801"},
		{"tags as a varint", "3001"},
		{"a tag without key", "3203 120176"},
		{"a tag without value", "3203 0a016b"},
		{"an empty tag", "3200"},

		{"a log without time", "0a08 12060a016b120176"},
		{"an empty log", "0a00"},
		{"time as bytes", "0a03 0a0131"},
		{"time over 32 bits", "0a06 088080808010"},
		{"negative time", "0a0b 08ffffffffffffffffff01"},
		{"contents as a varint", "0a04 0801 1001"},
		{"values as a varint", "0a04 0801 1801"},
		{"nanoseconds as a varint", "0a04 0801 2001"},
		{"nanoseconds over the second", "0a07 0801 2500ca9a3b"},
		{"nanoseconds cut short", "0a05 0801 250102"},
		{"contents past the end of their log", "0a04 0801 1206 0a016b120176"},

		{"contents without key", "0a07 0801 1203120176"},
		{"contents without value", "0a07 0801 12030a016b"},
		{"empty contents", "0a04 0801 1200"},
		{"a key as a varint", "0a09 0801 12050801120176"},
		{"a value as a varint", "0a09 0801 12050a016b1001"},
		{"a key past the end", "0a07 0801 12030a096b"},
		{"a value past the end", "0a0a 0801 12060a016b120976"},
		{"a group inside contents", "0a0c 0801 12080a016b1201761b1c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := unhex(test.raw)
			_, err := Check(raw, Limits{})
			wantError(t, err, sluice.Invalid, "body")
			_, err = Decode(raw)
			wantError(t, err, sluice.Invalid, "body")
			_, err = DecodeList(append(AppendGroupHeader(nil, len(raw)), raw...))
			wantError(t, err, sluice.Invalid, "body")
		})
	}
}

// Every cut of a valid group is malformed, or ends between two fields of the group.
func TestCheckCut(t *testing.T) {
	raw := Append(nil, webGroup(3))
	whole := map[int]bool{0: true}
	for i := 0; i < len(raw); {
		_, next, err := consume(raw, i, groupMessage)
		if err != nil {
			t.Fatal(err)
		}
		whole[next] = true
		i = next
	}
	for n := range raw {
		if _, err := Check(raw[:n], Limits{}); (err == nil) != whole[n] {
			t.Errorf("Check of %d bytes: %v", n, err)
		}
	}
}

func TestCheckLimits(t *testing.T) {
	raw := Append(nil, &sluice.LogGroup{
		Tags: []sluice.Field{{Key: "tag", Value: "v"}, {Key: "longest", Value: "v"}},
		Records: []sluice.Record{
			{Time: 100, Fields: []sluice.Field{{Key: "key", Value: "value"}}},
			{Time: 200, Fields: []sluice.Field{{Key: "k", Value: strings.Repeat("v", 300)}}},
		},
	})
	f := func(name string, lim Limits, kind sluice.Kind, noun string) {
		t.Helper()
		_, err := Check(raw, lim)
		if noun == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		wantError(t, err, kind, noun)
	}
	fits := Limits{MaxRaw: len(raw), MaxLogs: 2, MaxKey: len("longest"), MaxValue: 300, MaxTags: 2, Earliest: 100, Latest: 200}
	f("all fit exactly", fits, 0, "")
	for _, change := range []struct {
		name string
		do   func(*Limits)
		kind sluice.Kind
		noun string
	}{
		{"raw", func(l *Limits) { l.MaxRaw-- }, sluice.TooLarge, "body-size"},
		{"logs", func(l *Limits) { l.MaxLogs-- }, sluice.TooLarge, "body-size"},
		{"key", func(l *Limits) { l.MaxKey-- }, sluice.TooLarge, "body-size"},
		{"value", func(l *Limits) { l.MaxValue-- }, sluice.TooLarge, "body-size"},
		{"tags", func(l *Limits) { l.MaxTags-- }, sluice.TooLarge, "body-size"},
		{"early", func(l *Limits) { l.Earliest++ }, sluice.Invalid, "body-time"},
		{"late", func(l *Limits) { l.Latest-- }, sluice.Invalid, "body-time"},
	} {
		lim := fits
		change.do(&lim)
		f(change.name, lim, change.kind, change.noun)
	}
	if _, err := Check(nil, fits); err != nil {
		t.Errorf("a group without logs has no time to be out of range: %v", err)
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	good := Append(nil, webGroup(20))
	bad := append(Append(nil, webGroup(20)), 0x0a, 0x00)
	for name, raw := range map[string][]byte{"valid": good, "malformed": bad} {
		if n := testing.AllocsPerRun(20, func() { _, _ = Check(raw, Limits{MaxKey: 128}) }); n != 0 {
			t.Errorf("Check of a %s group allocates %v times", name, n)
		}
	}
}
