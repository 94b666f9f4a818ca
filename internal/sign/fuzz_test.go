package sign

import (
	"testing"
)

// fuzzRequest makes a request out of arbitrary parts. Beside a free header it has those that decide about signatures.
func fuzzRequest(method, path, query, host, name, value string) *Request {
	return &Request{
		Method: method, Path: path, Query: query, Host: host, Port: "8080",
		Header: with(getV1(), name, value, "Content-Type", value, "x-log-date", testDateV4, "x-log-meta-a", value, "x-sls-b", value).Header,
	}
}

func addRequests(add func(method, path, query, host, name, value string)) {
	add("GET", "/logstores", "logstoreName=web+log%2F%C3%A9&offset=0&size=100", testHost, "x-log-apiversion", "0.6.0")
	add("POST", "/objects/a%2Fb", "a&b=&&=&c=%zz", "h:1", "x-acs-security-token", "tok")
	add("", "", "&", "[::1]:80", "", "\n")
	add("get", "%", "?", ":", "x-log-date", "x")
}

// FuzzParse finds no Authorization header that makes Parse, Time or Verify panic, or that passes without the secret.
func FuzzParse(f *testing.F) {
	addRequests(func(method, path, query, host, name, value string) {
		f.Add("LOG ak:c2ln", "hmac-sha1", method, path, query, host, name, value)
		f.Add(authV4("00"), "", method, path, query, host, name, value)
		f.Add("SLS4-HMAC-SHA256 Credential=ak/////,Signature=", "hmac-sha256", method, path, query, host, name, value)
	})
	f.Fuzz(func(t *testing.T, auth, signatureMethod, method, path, query, host, name, value string) {
		r := fuzzRequest(method, path, query, host, name, value)
		with(r, "Authorization", auth, "x-log-signaturemethod", signatureMethod)
		claim, err := Parse(r)
		if err != nil {
			return
		}
		_, _ = claim.Time(r)
		if claim.Verify("a secret that the input does not hold", r) {
			t.Errorf("%q verifies", auth)
		}
	})
}

// FuzzSign finds no request that we can sign and not verify.
func FuzzSign(f *testing.F) {
	addRequests(func(method, path, query, host, name, value string) { f.Add(method, path, query, host, name, value) })
	f.Fuzz(func(t *testing.T, method, path, query, host, name, value string) {
		for version, sign := range map[Version]func(*Request){V1: signV1, V4: signV4} {
			r := fuzzRequest(method, path, query, host, name, value)
			r.Header.Set("x-log-date", testDateV4)
			sign(r)
			claim, err := Parse(r)
			if oversized(r) {
				continue
			}
			if err != nil || claim.Version != version || claim.AccessKeyID != testID {
				t.Fatalf("Parse = %+v, %v", claim, err)
			}
			if !claim.Verify(testSecret, r) {
				t.Errorf("what %v signed does not verify", version)
			}
		}
	})
}
