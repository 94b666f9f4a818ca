package trail

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

// What was written by the first release is read by every other: docs/format/trail.md.
func TestFormat(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 123e6, time.UTC)
	e := Event{
		ID: "01a2184c-9ab4-7bfe-94e0-425087e5e4db", Seq: 1, Time: at, Received: at, Category: Management, Type: APICall, Service: ServiceSLS, Name: "CreateLogStore",
		APIVersion: "0.6.0", Region: "local", RequestID: "0123456789ABCDEF01234567", Account: "1", Source: netip.MustParseAddr("192.0.2.1"),
		Identity:  Identity{Kind: Role, Account: "1", Role: "ops", Session: "ada", AccessKey: "STS.x"},
		Resources: []Resource{{Type: "ACS::SLS::Project", Name: "web"}, {Type: "ACS::SLS::Logstore", Name: "app"}}, Status: 200,
	}
	text, err := json.Marshal(&e)
	if err != nil {
		t.Fatal(err)
	}
	const wantText = `{"id":"01a2184c-9ab4-7bfe-94e0-425087e5e4db","seq":1,"time":"2026-11-26T12:00:00.123Z","received":"2026-11-26T12:00:00.123Z","category":"Management","type":"ApiCall","service":"sls","name":"CreateLogStore","apiVersion":"0.6.0","region":"local","requestId":"0123456789ABCDEF01234567","account":"1","identity":{"kind":"role","account":"1","role":"ops","session":"ada","accessKey":"STS.x"},"source":"192.0.2.1","resources":[{"type":"ACS::SLS::Project","name":"web"},{"type":"ACS::SLS::Logstore","name":"app"}],"status":200}`
	if string(text) != wantText {
		t.Errorf("the event is\n%s, want\n%s", text, wantText)
	}
	chain := Hash{}.Next(text)
	if got, want := chain.String(), "01de0b9e424b04354d391ba0a84694ebcc42dcb6169e2832459fc5b5f243800b"; got != want {
		t.Errorf("its chain is %s, want %s", got, want)
	}
	a := Anchor{Head: Head{Seq: 1, Chain: chain}, Time: at}
	a.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if got, want := a.KeyID+" "+hex.EncodeToString(a.Signature), "139e3940e64b5491 f6eb34a659e5749458ec54d0cbda8ff2f99421c340690529770581c70fdd19972e00730c7fd6c1f9662bd69edba88ea65abcb84695ad135146ce3f316b42f508"; got != want {
		t.Errorf("the anchor is signed %s, want %s", got, want)
	}
	a.Next = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	a.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if got, want := hex.EncodeToString(a.Signature), "99ea1ee75f2fea4831f3a8514fa375e5fcfb781fbe6cd33e734977441532ff782b083de8336372f6f9f93d324e198b48cc80b0fb2ff0fa022ee5bd0bbd222009"; got != want {
		t.Errorf("the handover is signed %s, want %s", got, want)
	}
	r := ToRecord(&e, text, chain)
	const wantFields = "seq=1 eventId=01a2184c-9ab4-7bfe-94e0-425087e5e4db eventTime=1795694400123 eventName=CreateLogStore service=sls eventRW=Write category=Management account=1 userName=ops:ada accessKeyId=STS.x resourceType=ACS::SLS::Project;ACS::SLS::Logstore resourceName=web;app sourceIp=192.0.2.1 requestId=0123456789ABCDEF01234567 "
	fields := ""
	for _, f := range r.Fields[2:] {
		fields += f.Key + "=" + f.Value + " "
	}
	if fields != wantFields || r.Nanos != 123e6 || r.Time != uint32(at.Unix()) {
		t.Errorf("the log is %d.%d %s, want %s", r.Time, r.Nanos, fields, wantFields)
	}
	back, gotText, gotChain, err := FromRecord(&r)
	if err != nil || string(gotText) != wantText || gotChain != chain || back.Identity.UserName() != "ops:ada" {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

// Evidence comes back as it was saved, and what is no evidence is refused.
func TestEvidence(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	a := Anchor{Head: Head{Seq: 7}, Time: time.UnixMilli(1_700_000_000_000).UTC()}
	a.Sign(key)
	e, err := NewEvidence(Keys{{Public: public}}, a)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	got, keys, err := ParseEvidence(text)
	if err != nil || got.Anchor.Check(keys) != nil || got.Anchor.Seq != 7 {
		t.Errorf("got %+v, %v, %v", got, keys, err)
	}
	for _, bad := range []string{
		"", "[]", `{"keys":[{"publicKey":"x"}]}`, `{"anchor":{"chain":"zz"}}`,
		`{"keys":[{"publicKey":"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}]}`,
	} {
		if _, _, err := ParseEvidence([]byte(bad)); err == nil {
			t.Errorf("%s is evidence", bad)
		}
	}
	got.Anchor.Seq++
	if got.Anchor.Check(keys) == nil {
		t.Error("a changed anchor is good")
	}
}

// Whatever is in a log, reading and verifying it ends, and nothing that was not signed is good.
func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"seq":1,"name":"AuditAnchor","type":"ServiceEvent","additional":{"seq":0}}`), "00")
	f.Add([]byte(`{"seq":1,"name":"AuditKeyRotated","type":"ServiceEvent","additional":{"seq":0,"next":"AAAA"}}`), "00")
	f.Add([]byte(`{"seq":1,"name":"AuditHistoryExpired","type":"ServiceEvent","additional":{"first":1,"floor":{"seq":-1}}}`), "00")
	f.Add([]byte(`{"seq":1}`), Hash{}.Next([]byte(`{"seq":1}`)).String())
	anchor := Anchor{Head: Head{Seq: 1, Chain: Hash{1}}}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	anchor.Sign(key)
	public, _ := key.Public().(ed25519.PublicKey)
	f.Fuzz(func(t *testing.T, event []byte, chain string) {
		h, err := parseHash(chain)
		if err != nil {
			return
		}
		var e Event
		_ = json.Unmarshal(event, &e)
		r := ToRecord(&e, event, h)
		v := NewVerifier(Keys{{Public: public}}, nil, anchor)
		v.record(0, &r)
		if v.Finish().Good() {
			t.Errorf("%s is good", event)
		}
	})
}
