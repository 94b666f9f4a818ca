package sign

import (
	"net/url"
	"testing"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"pgregory.net/rapid"
)

// sdkRequest is any request as the official Go SDK hands it to its signer.
type sdkRequest struct {
	method, path, query string
	headers             map[string]string
	body                []byte
}

func genRequest() *rapid.Generator[sdkRequest] {
	return rapid.Custom(func(t *rapid.T) sdkRequest {
		r := sdkRequest{
			method:  rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method"),
			path:    (&url.URL{Path: "/objects/" + rapid.String().Draw(t, "name")}).EscapedPath(),
			headers: map[string]string{"Date": testDate, "Host": testHost, "x-log-date": testDateV4, "x-log-apiversion": "0.6.0", "x-log-bodyrawsize": "0"},
			body:    rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		}
		values := url.Values{}
		for key, value := range rapid.MapOfN(rapid.StringMatching(`[a-zA-Z_-]{1,8}`), rapid.String(), 0, 4).Draw(t, "query") {
			values.Set(key, value)
		}
		r.query = values.Encode()
		for _, name := range []string{"Content-Type", "x-acs-security-token", "x-log-meta-color", "x-log-project"} {
			if rapid.Bool().Draw(t, name) {
				r.headers[name] = "a value+/="
			}
		}
		return r
	})
}

func (r sdkRequest) uri() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

// received is the request as a server sees it.
func (r sdkRequest) received() *Request {
	got := &Request{Method: r.method, Path: r.path, Query: r.query, Host: r.headers["Host"], Header: headerOf()}
	for name, value := range r.headers {
		if name != "Host" {
			got.Header.Set(name, value)
		}
	}
	return got
}

func TestSDKSignatures(t *testing.T) {
	for name, signer := range map[string]sls.Signer{
		"v1": sls.NewSignerV1(testID, testSecret),
		"v4": sls.NewSignerV4(testID, testSecret, testRegion),
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				r := genRequest().Draw(t, "request")
				if name == "v1" {
					delete(r.headers, "x-log-date")
				}
				if err := signer.Sign(r.method, r.uri(), r.headers, r.body); err != nil {
					t.Fatal(err)
				}
				got := r.received()
				claim, err := Parse(got)
				if err != nil {
					t.Fatal(err)
				}
				if !claim.Verify(testSecret, got) {
					t.Fatalf("the SDK's signature does not verify: %+v", r.headers)
				}
			})
		})
	}
}

// What we sign is what the SDK signs, so that a server which knows the SDK knows us.
func TestSignAsSDK(t *testing.T) {
	body := []byte("a body")
	headers := map[string]string{"Date": testDate, "Host": testHost, "Content-Type": "application/json", "x-log-apiversion": "0.6.0", "x-log-bodyrawsize": "6"}
	r := sdkRequest{method: "POST", path: "/logstores/l/logs", query: "a=1+2&b=%26", headers: headers, body: body}
	f := func(name string, signer sls.Signer, ours func(*Request)) {
		t.Helper()
		if err := signer.Sign(r.method, r.uri(), headers, body); err != nil {
			t.Fatal(err)
		}
		got := r.received()
		want := got.Header.Get("Authorization")
		got.Header.Del("Authorization")
		ours(got)
		if auth := got.Header.Get("Authorization"); auth != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, auth, want)
		}
	}
	f("v1", sls.NewSignerV1(testID, testSecret), signV1)
	for _, name := range []string{"Date", "Content-MD5", "x-log-signaturemethod", "Authorization"} {
		delete(headers, name)
	}
	headers["x-log-date"] = testDateV4
	f("v4", sls.NewSignerV4(testID, testSecret, testRegion), signV4)
}
