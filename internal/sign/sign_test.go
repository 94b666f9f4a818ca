package sign

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice"
)

// Whatever single thing changes about a signed request, the signature is void.
func TestChangedRequest(t *testing.T) {
	set := func(name, value string) func(*Request) { return func(r *Request) { r.Header.Set(name, value) } }
	del := func(name string) func(*Request) { return func(r *Request) { r.Header.Del(name) } }
	type change struct {
		name string
		do   func(*Request)
	}
	both := []change{
		{"method", func(r *Request) { r.Method = "PUT" }},
		{"path", func(r *Request) { r.Path += "/x" }},
		{"case of the path", func(r *Request) { r.Path = strings.Replace(r.Path, "logstores", "Logstores", 1) }},
		{"path escaped", func(r *Request) { r.Path = strings.Replace(r.Path, "/shards", "%2Fshards%2F", 1) }},
		{"query added", func(r *Request) { r.Query += "&x=1" }},
		{"query removed", func(r *Request) { r.Query = "" }},
		{"query value", func(r *Request) { r.Query = strings.Replace(r.Query, "2", "3", 1) }},
		{"query key", func(r *Request) { r.Query = strings.Replace(r.Query, "key=", "kez=", 1) }},
		{"content type", set("Content-Type", "application/json")},
		{"content type removed", del("Content-Type")},
		{"raw size", set("x-log-bodyrawsize", "62")},
		{"raw size removed", del("x-log-bodyrawsize")},
		{"compress type", set("x-log-compresstype", "zstd")},
		{"project added", set("x-log-project", "other")},
		{"project repeated", func(r *Request) { r.Header.Add("x-log-apiversion", "0.6.0") }},
		{"token", set("x-acs-security-token", "tok124")},
		{"token removed", del("x-acs-security-token")},
	}
	v1 := append([]change{
		{"date", set("Date", "Tue, 14 Nov 2023 22:13:21 GMT")},
		{"date removed", del("Date")},
		{"a fresh x-log-date", set("x-log-date", "Tue, 14 Nov 2023 22:13:21 GMT")},
		{"MD5", set("Content-MD5", "55F98C6AD953A54932B09C0075003842")},
		{"MD5 removed", del("Content-MD5")},
		{"method of v1", set("x-log-signaturemethod", "hmac-sha256")},
	}, both...)
	v4 := append([]change{
		{"date", set("x-log-date", "20231114T221321Z")},
		{"date removed", del("x-log-date")},
		{"SHA-256", set("x-log-content-sha256", emptySHA)},
		{"SHA-256 removed", del("x-log-content-sha256")},
		{"host", func(r *Request) { r.Host = "other-project.sls.example.com" }},
		{"date of the scope", func(r *Request) { replaceAuth(r, "20231114", "20231115") }},
		{"region", func(r *Request) { replaceAuth(r, "cn-hangzhou", "cn-shanghai") }},
	}, both...)

	f := func(version string, fresh func() *Request, sign func(*Request), changes []change) {
		signed := func() *Request {
			r := with(fresh(), "x-acs-security-token", "tok123")
			r.Query = "key=a+1%262&b="
			sign(r)
			return r
		}
		if !verifies(t, signed()) {
			t.Fatalf("%s: the request as signed does not verify", version)
		}
		for _, c := range changes {
			t.Run(version+"/"+c.name, func(t *testing.T) {
				r := signed()
				c.do(r)
				if verifies(t, r) {
					t.Error("the changed request verifies")
				}
			})
		}
		t.Run(version+"/signature", func(t *testing.T) {
			r := signed()
			auth := r.Header.Get("Authorization")
			at := strings.LastIndexAny(auth, ":=")
			if version == "v1" {
				at = strings.Index(auth, ":")
			}
			for i := at + 1; i < len(auth); i++ {
				other := byte('A')
				if auth[i] == other {
					other = 'B'
				}
				r.Header.Set("Authorization", auth[:i]+string(other)+auth[i+1:])
				if verifies(t, r) {
					t.Errorf("verifies with character %d of Authorization changed", i)
				}
			}
			r.Header.Set("Authorization", auth[:at+1])
			if verifies(t, r) {
				t.Error("verifies without a signature")
			}
		})
		t.Run(version+"/secret", func(t *testing.T) {
			r := signed()
			claim, err := Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{"", "testAccessKeySecre", "TestAccessKeySecret"} {
				if claim.Verify(secret, r) {
					t.Errorf("verifies with the secret %q", secret)
				}
			}
		})
	}
	f("v1", postV1, signV1, v1)
	f("v4", postV4, signV4, v4)
}

func replaceAuth(r *Request, old, new string) {
	r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
}

// A request that was signed with an empty secret proves nothing, whoever the key belongs to.
func TestEmptySecret(t *testing.T) {
	r := getV1()
	SignV1("", testID, r)
	if verifies(t, r) {
		t.Error("verifies with another secret")
	}
	if claim, err := Parse(r); err != nil || claim.Verify("", r) {
		t.Errorf("verifies with the empty secret (%v)", err)
	}
}

func wantNoun(t *testing.T, err error, kind sluice.Kind, noun string) {
	t.Helper()
	var got *sluice.Error
	if !errors.As(err, &got) || got.Kind != kind || got.Noun != noun {
		t.Errorf("error is %v, want %v %q", err, kind, noun)
	}
}

func TestParse(t *testing.T) {
	const scope = "/20231114/cn-hangzhou/sls/aliyun_v4_request"
	v4 := Claim{AccessKeyID: "ak", Version: V4, Signature: "00ff", Scope: Scope{"20231114", "cn-hangzhou"}}
	for _, test := range []struct {
		name, auth, method string
		want               Claim
	}{
		{"v1", "LOG ak:c2ln", "hmac-sha1", Claim{AccessKeyID: "ak", Version: V1, Signature: "c2ln"}},
		{"v1 with SHA-256", "LOG ak:c2ln", "hmac-sha256", Claim{AccessKeyID: "ak", Version: V1SHA256, Signature: "c2ln"}},
		{"v1 without signature", "LOG ak", "hmac-sha1", Claim{AccessKeyID: "ak", Version: V1}},
		{"v4", "SLS4-HMAC-SHA256 Credential=ak" + scope + ",Signature=00ff", "", v4},
		{"v4 with a space behind the comma", "SLS4-HMAC-SHA256 Credential=ak" + scope + ", Signature=00ff", "", v4},
		{"v4 with a method of v1", "SLS4-HMAC-SHA256 Credential=ak" + scope + ",Signature=00ff", "hmac-sha1", v4},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &Request{Header: headerOf("Authorization", test.auth, "x-log-signaturemethod", test.method)}
			got, err := Parse(r)
			if err != nil || got != test.want {
				t.Errorf("Parse = %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const v4 = "SLS4-HMAC-SHA256 "
	for _, test := range []struct{ name, auth, method, noun string }{
		{"nothing", "", "hmac-sha1", "accesskeyid"},
		{"another scheme", "Basic YTpi", "hmac-sha1", "accesskeyid"},
		{"scheme alone", "LOG", "hmac-sha1", "accesskeyid"},
		{"v1 without key", "LOG :c2ln", "hmac-sha1", "accesskeyid"},
		{"v1 with a key too long", "LOG " + strings.Repeat("a", 129) + ":c2ln", "hmac-sha1", "accesskeyid"},
		{"v1 without method", "LOG ak:c2ln", "", "signaturemethod-missing"},
		{"v1 with an unknown method", "LOG ak:c2ln", "hmac-md5", "signaturemethod"},
		{"v4 without credential", v4 + "Signature=00", "", "accesskeyid"},
		{"v4 without signature", v4 + "Credential=ak/20231114/r/sls/aliyun_v4_request", "", "accesskeyid"},
		{"v4 without key", v4 + "Credential=/20231114/r/sls/aliyun_v4_request,Signature=00", "", "accesskeyid"},
		{"v4 with a key alone", v4 + "Credential=ak,Signature=00", "", "accesskeyid"},
		{"v4 with a short date", v4 + "Credential=ak/2023111/r/sls/aliyun_v4_request,Signature=00", "", "accesskeyid"},
		{"v4 without region", v4 + "Credential=ak/20231114//sls/aliyun_v4_request,Signature=00", "", "accesskeyid"},
		{"v4 of another product", v4 + "Credential=ak/20231114/r/oss/aliyun_v4_request,Signature=00", "", "accesskeyid"},
		{"v4 with a scope too long", v4 + "Credential=ak/20231114/r/sls/aliyun_v4_request/x,Signature=00", "", "accesskeyid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(&Request{Header: headerOf("Authorization", test.auth, "x-log-signaturemethod", test.method)})
			wantNoun(t, err, sluice.Invalid, test.noun)
		})
	}
}

func TestTooLarge(t *testing.T) {
	for name, grow := range map[string]func(*Request){
		"path":    func(r *Request) { r.Path += strings.Repeat("x", maxTarget) },
		"query":   func(r *Request) { r.Query += strings.Repeat("&", maxTarget) },
		"header":  func(r *Request) { r.Header.Set("x-log-a", strings.Repeat("x", maxHeaders)) },
		"headers": func(r *Request) { r.Header["X-Log-A"] = make([]string, maxHeaders) },
		"host":    func(r *Request) { r.Host = strings.Repeat("x", maxHeaders) },
	} {
		t.Run(name, func(t *testing.T) {
			r := getV1()
			grow(r)
			signV1(r)
			_, err := Parse(r)
			wantNoun(t, err, sluice.TooLarge, "request")
			_, signature, _ := strings.Cut(r.Header.Get("Authorization"), ":")
			if (Claim{AccessKeyID: testID, Version: V1, Signature: signature}).Verify(testSecret, r) {
				t.Error("Verify hashes a request that is too large")
			}
		})
	}
}

func TestTime(t *testing.T) {
	want := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
	v4 := Claim{Version: V4, Scope: Scope{"20231114", "r"}}
	f := func(name string, c Claim, h http.Header, noun string) {
		t.Helper()
		got, err := c.Time(&Request{Header: h})
		if noun != "" {
			wantNoun(t, err, sluice.Invalid, noun)
			return
		}
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	f("v1 Date", Claim{Version: V1}, headerOf("Date", testDate), "")
	f("v1 with SHA-256", Claim{Version: V1SHA256}, headerOf("Date", testDate), "")
	f("v1 x-log-date wins", Claim{Version: V1}, headerOf("x-log-date", testDate, "Date", "Wed, 15 Nov 2023 22:13:20 GMT"), "")
	f("v1 none", Claim{Version: V1}, headerOf(), "date-missing")
	f("v1 no date", Claim{Version: V1}, headerOf("Date", "yesterday"), "date")
	f("v1 another zone", Claim{Version: V1}, headerOf("Date", "Tue, 14 Nov 2023 22:13:20 CST"), "date")
	f("v1 form of v4", Claim{Version: V1}, headerOf("x-log-date", testDateV4), "date")
	f("v1 repeated", Claim{Version: V1}, headerOf("Date", testDate, "Date", testDate), "date")
	f("v4", v4, headerOf("x-log-date", testDateV4), "")
	f("v4 none", v4, headerOf("Date", testDate), "date-missing")
	f("v4 form of v1", v4, headerOf("x-log-date", testDate), "date")
	f("v4 another day", v4, headerOf("x-log-date", "20231115T000000Z"), "requesttime")
}

func TestVersionString(t *testing.T) {
	for v, want := range map[Version]string{0: "none", V1: "v1", V1SHA256: "v1-sha256", V4: "v4"} {
		if got := v.String(); got != want {
			t.Errorf("String of %d is %q, want %q", v, got, want)
		}
	}
	if (Claim{}).Verify(testSecret, getV1()) {
		t.Error("the zero claim verifies")
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, r := range map[string]*Request{"v1": postV1(), "v4": postV4()} {
		b.Run(name, func(b *testing.B) {
			if name == "v1" {
				signV1(r)
			} else {
				signV4(r)
			}
			b.ReportAllocs()
			for b.Loop() {
				if claim, err := Parse(r); err != nil || !claim.Verify(testSecret, r) {
					b.Fatal("does not verify")
				}
			}
		})
	}
}
