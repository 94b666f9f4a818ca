package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"
)

// Inputs that all vectors of reference sls-api 2.9 share.
const (
	testID     = "testAccessKeyId"
	testSecret = "testAccessKeySecret"
	testDate   = "Tue, 14 Nov 2023 22:13:20 GMT"
	testDateV4 = "20231114T221320Z"
	testHost   = "my-project.sls.example.com"
	testRegion = "cn-hangzhou"
	emptySHA   = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// headerOf builds a header from names and values.
func headerOf(namesAndValues ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(namesAndValues); i += 2 {
		h.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return h
}

// getV1 is the request of vector A without its signature.
func getV1() *Request {
	return &Request{
		Method: "GET", Path: "/logstores", Query: "logstoreName=web+log%2F%C3%A9&offset=0&size=100", Host: testHost,
		Header: headerOf("Date", testDate, "x-log-apiversion", "0.6.0", "x-log-bodyrawsize", "0", "x-log-signaturemethod", "hmac-sha1"),
	}
}

// postV1 is the request of vector B without its signature.
func postV1() *Request {
	return &Request{
		Method: "POST", Path: "/logstores/web-access/shards/lb", Host: testHost,
		Header: headerOf("Date", testDate, "Content-MD5", "55F98C6AD953A54932B09C0075003841",
			"Content-Type", "application/x-protobuf", "x-log-apiversion", "0.6.0", "x-log-bodyrawsize", "61",
			"x-log-compresstype", "lz4", "x-log-signaturemethod", "hmac-sha1"),
	}
}

// getV4 is the request of vector E without its signature.
func getV4() *Request {
	r := getV1()
	r.Header = headerOf("x-log-date", testDateV4, "x-log-apiversion", "0.6.0", "x-log-bodyrawsize", "0", "x-log-content-sha256", emptySHA)
	return r
}

// postV4 is the request of vector F without its signature.
func postV4() *Request {
	r := postV1()
	r.Header = headerOf("x-log-date", testDateV4, "Content-Type", "application/x-protobuf", "x-log-apiversion", "0.6.0",
		"x-log-bodyrawsize", "61", "x-log-compresstype", "lz4",
		"x-log-content-sha256", "67ff62cf4d5138b7c537786c67eb7b36069b61609cf0397bac1a0773335e5c1f")
	return r
}

func authV4(signature string) string {
	return "SLS4-HMAC-SHA256 Credential=testAccessKeyId/20231114/cn-hangzhou/sls/aliyun_v4_request,Signature=" + signature
}

// with returns r with headers set.
func with(r *Request, namesAndValues ...string) *Request {
	for i := 0; i < len(namesAndValues); i += 2 {
		r.Header.Set(namesAndValues[i], namesAndValues[i+1])
	}
	return r
}

// verifies parses and verifies r with the secret of the vectors.
func verifies(t *testing.T, r *Request) bool {
	t.Helper()
	claim, err := Parse(r)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return claim.AccessKeyID == testID && claim.Verify(testSecret, r)
}

func TestVectors(t *testing.T) {
	vectorD := getV1()
	vectorD.Query = "offset=0&size=100"
	for _, test := range []struct {
		name string
		r    *Request
		auth string
		sign func(*Request) // nil: we have no client for it
	}{
		{"A: v1 GET", getV1(), "LOG testAccessKeyId:kMBktyvGwIrUU3g2qGL/G8Yhxyw=", signV1},
		{"B: v1 POST", postV1(), "LOG testAccessKeyId:zjRuEW1JmoeiUN3o5z39Mrnv6QA=", signV1},
		{"C: v1 STS", with(postV1(), "x-acs-security-token", "tok123"), "LOG testAccessKeyId:QqJnuzW3TrcIwwJnicgcY77qS4w=", signV1},
		{
			"D: v1 SHA-256", with(vectorD, "x-log-signaturemethod", "hmac-sha256"),
			"LOG testAccessKeyId:DR3T2sO2IKXiUmLEHE11GGrrlgvYhV9sUl26nIiJu3Q=", nil,
		},
		{"E: v4 GET", getV4(), authV4("928f7e3b85a2f04a10e01fda5169bcf211319e24208b03c59b46e8a426e26c9a"), signV4},
		{"F: v4 POST", postV4(), authV4("ef4256f41fa1258d6ddde1b781833644c35101e206443f57013142d2da043452"), signV4},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.r.Header.Set("Authorization", test.auth)
			if !verifies(t, test.r) {
				t.Error("the signature of the vector does not verify")
			}
			if test.sign == nil {
				return
			}
			test.r.Header.Del("Authorization")
			test.sign(test.r)
			if got := test.r.Header.Get("Authorization"); got != test.auth {
				t.Errorf("signed\ngot  %s\nwant %s", got, test.auth)
			}
		})
	}
}

func signV1(r *Request) { SignV1(testSecret, testID, r) }
func signV4(r *Request) { SignV4(testSecret, testID, testRegion, r) }

func TestVectorTexts(t *testing.T) {
	f := func(name, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s\ngot  %q\nwant %q", name, got, want)
		}
	}
	sum := func(text string) string {
		h := sha256.Sum256([]byte(text))
		return hex.EncodeToString(h[:])
	}

	f("A", first(textsV1(getV1())), "GET\n\n\nTue, 14 Nov 2023 22:13:20 GMT\nx-log-apiversion:0.6.0\nx-log-bodyrawsize:0\n"+
		"x-log-signaturemethod:hmac-sha1\n/logstores?logstoreName=web log/é&offset=0&size=100")
	f("B", first(textsV1(postV1())), "POST\n55F98C6AD953A54932B09C0075003841\napplication/x-protobuf\nTue, 14 Nov 2023 22:13:20 GMT\n"+
		"x-log-apiversion:0.6.0\nx-log-bodyrawsize:61\nx-log-compresstype:lz4\nx-log-signaturemethod:hmac-sha1\n/logstores/web-access/shards/lb")
	f("E", first(textsV4(getV4())), "GET\n/logstores\nlogstoreName=web%20log%2F%C3%A9&offset=0&size=100\nhost:my-project.sls.example.com\n"+
		"x-log-apiversion:0.6.0\nx-log-bodyrawsize:0\nx-log-content-sha256:"+emptySHA+"\nx-log-date:20231114T221320Z\n\n"+
		"host;x-log-apiversion;x-log-bodyrawsize;x-log-content-sha256;x-log-date\n"+emptySHA)
	f("E sum", sum(first(textsV4(getV4()))), "bbbe93c5436b819fd606ca7e7f9fcbb0cfbe438252428cd9e057bcafffcdb55f")
	f("F sum", sum(first(textsV4(postV4()))), "19d3350bf41c0bce49c77013a602569873d9a9afccf82dd452db6934d263da14")
	f("E key", hex.EncodeToString(keyV4(testSecret, Scope{"20231114", testRegion})),
		"4d497eb11b30a1a79e12d88d18074daf2db73346c10afa25a3f058d26fb3bdba")
}
