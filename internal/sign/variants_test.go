package sign

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// hashV1 signs a string to sign as written down in a test, by the letter of reference sls-api 2.2 and not with our code.
func hashV1(text string) string {
	mac := hmac.New(sha1.New, []byte(testSecret))
	mac.Write([]byte(text))
	return "LOG " + testID + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// hashV4 signs a canonical request as written down in a test, likewise.
func hashV4(canonical string) string {
	h := func(key, message string) string {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(message))
		return string(mac.Sum(nil))
	}
	key := h(h(h(h("aliyun_v4"+testSecret, "20231114"), testRegion), "sls"), "aliyun_v4_request")
	sum := sha256.Sum256([]byte(canonical))
	text := "SLS4-HMAC-SHA256\n20231114T221320Z\n20231114/cn-hangzhou/sls/aliyun_v4_request\n" + hex.EncodeToString(sum[:])
	return authV4(hex.EncodeToString([]byte(h(key, text))))
}

func TestToleratedV1(t *testing.T) {
	const method = "x-log-signaturemethod:hmac-sha1\n"
	request := func(path, query string, namesAndValues ...string) *Request {
		h := headerOf("Date", testDate, "x-log-signaturemethod", "hmac-sha1")
		return with(&Request{Method: "GET", Path: path, Query: query, Host: testHost, Header: h}, namesAndValues...)
	}
	for _, test := range []struct {
		name   string
		r      *Request
		signed string // behind the verb, MD5 and content type where these are empty
	}{
		{"path escaped (Go)", request("/objects/a%2Fb%20c", ""), method + "/objects/a%2Fb%20c"},
		{"path decoded (Python, Java)", request("/objects/a%2Fb%20c", ""), method + "/objects/a/b c"},
		{"plus in a path stays", request("/objects/a+b", ""), method + "/objects/a+b"},

		{"query sorted by key", request("/logstores", "size=1&offset=2"), method + "/logstores?offset=2&size=1"},
		{"query decoded, space as plus", request("/l", "q=a+b%2Bc%26d"), method + "/l?q=a b+c&d"},
		{"empty value with = (Node)", request("/l", "a=&b=1"), method + "/l?a=&b=1"},
		{"bare key as empty value", request("/l", "a&b=1"), method + "/l?a=&b=1"},
		{"query sorted as a whole (Node)", request("/l", "a=1&a-b=2"), method + "/l?a-b=2&a=1"},
		{"query sorted by key where both differ", request("/l", "a-b=2&a=1"), method + "/l?a=1&a-b=2"},
		{"nil value as the key alone (gateway), sent with =", request("/l", "a=&b=1"), method + "/l?a&b=1"},
		{"nil value as the key alone (gateway), sent without", request("/l", "a&b=&c=1"), method + "/l?a&b=&c=1"},
		{"query raw (Fluent Bit)", request("/l", "b=x%20y&a=1"), method + "/l?b=x%20y&a=1"},
		{"query badly escaped", request("/l", "a=%zz"), method + "/l?a=%zz"},
		{"nothing but separators", request("/l", "&&"), method + "/l"},
		{"bare question mark (Node)", request("/l", ""), method + "/l"},

		{"object metadata signed (Go, Java)", request("/l", "", "x-log-meta-a", "1"), "x-log-meta-a:1\n" + method + "/l"},
		{"object metadata not signed (Python)", request("/l", "", "x-log-meta-a", "1"), method + "/l"},
		{"x-log-date beside Date, not signed (Python)", request("/l", "", "x-log-date", testDate, "Date", "Tue, 14 Nov 2023 22:13:59 GMT"), method + "/l"},
		{"x-sls- as x-log- (C++)", request("/l", "", "x-sls-bodyrawsize", "7"), "x-log-bodyrawsize:7\n" + method + "/l"},
		{"x-sls- with metadata not signed", request("/l", "", "x-sls-bodyrawsize", "7", "x-log-meta-a", "1"), "x-log-bodyrawsize:7\n" + method + "/l"},
		{"x-sls- added on the way", request("/l", "", "x-sls-via", "proxy"), method + "/l"},
		{"values trimmed", request("/l", "", "x-log-apiversion", "  0.6.0\t"), "x-log-apiversion:0.6.0\n" + method + "/l"},
		{"security token first", request("/l", "", "x-acs-security-token", "tok"), "x-acs-security-token:tok\n" + method + "/l"},
		{"headers of others not signed", request("/l", "", "User-Agent", "x", "Accept-Encoding", "gzip"), method + "/l"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.r.Header.Set("Authorization", hashV1("GET\n\n\n"+testDate+"\n"+test.signed))
			if !verifies(t, test.r) {
				t.Errorf("the signature does not verify; the candidates were %q", slices.Collect(textsV1(test.r)))
			}
		})
	}
}

func TestToleratedV4(t *testing.T) {
	request := func(path, query string, namesAndValues ...string) *Request {
		h := headerOf("x-log-date", testDateV4, "x-log-content-sha256", emptySHA)
		return with(&Request{Method: "GET", Path: path, Query: query, Host: testHost + ":8080", Port: "9090", Header: h}, namesAndValues...)
	}
	const usual = "x-log-content-sha256:" + emptySHA + "\nx-log-date:20231114T221320Z\n"
	const usualNames = "x-log-content-sha256;x-log-date"
	for _, test := range []struct {
		name, canonical string
		r               *Request
	}{
		{"host as received (Go)", "/l\n\nhost:" + testHost + ":8080\n" + usual + "\nhost;" + usualNames, request("/l", "")},
		{"host without port (Python, Java)", "/l\n\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames, request("/l", "")},
		{"host with the listener's port", "/l\n\nhost:" + testHost + ":9090\n" + usual + "\nhost;" + usualNames, request("/l", "")},
		{"path escaped (Go)", "/o/a%2Fb\n\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames, request("/o/a%2Fb", "")},
		{"path decoded (Python, Java)", "/o/a/b\n\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames, request("/o/a%2Fb", "")},
		{"empty value as the key alone", "/l\na&b=1\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames, request("/l", "b=1&a=")},
		{"value encoded, key not", "/l\nk~ k=%20~-_.%2F%2A%2B\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames, request("/l", "k~+k=+~-_.%2F*%2B")},
		{"metadata not signed (Python, Go)", "/l\n\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames, request("/l", "", "x-log-meta-a", "1")},
		{
			"metadata signed (Java)", "/l\n\nhost:" + testHost + "\n" + usual + "x-log-meta-a:1\n\nhost;" + usualNames + ";x-log-meta-a",
			request("/l", "", "x-log-meta-a", "1"),
		},
		{"content type and token signed", "/l\n\ncontent-type:application/json\nhost:" + testHost + "\nx-acs-security-token:tok\n" + usual +
			"\ncontent-type;host;x-acs-security-token;" + usualNames, request("/l", "", "Content-Type", "application/json", "x-acs-security-token", "tok")},
		{
			"others not signed", "/l\n\nhost:" + testHost + "\n" + usual + "\nhost;" + usualNames,
			request("/l", "", "Date", testDate, "Content-Length", "0", "User-Agent", "x", "Accept", "*/*", "x-sls-via", "proxy"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.r.Header.Set("Authorization", hashV4("GET\n"+test.canonical+"\n"+emptySHA))
			if !verifies(t, test.r) {
				t.Errorf("the signature does not verify; the candidates were %q", slices.Collect(textsV4(test.r)))
			}
		})
	}
}

// However a request is made up, the number of texts to hash is small.
func TestTextsAreFew(t *testing.T) {
	var query []string
	for i := range 1000 {
		query = append(query, fmt.Sprintf("a%d-b=%%20&a%d&a%d=", i, i, i))
	}
	h := headerOf("x-log-date", testDateV4, "Content-Type", "x")
	for i := range 300 {
		h.Add(fmt.Sprintf("x-log-meta-%d", i), "1")
		h.Add(fmt.Sprintf("x-sls-%d", i), "1")
	}
	r := &Request{Method: "GET", Path: "/%41", Query: strings.Join(query, "&"), Host: "h:1", Port: "2", Header: h}
	if n := len(slices.Collect(textsV1(r))); n != 40 {
		t.Errorf("%d texts of v1, want 40", n)
	}
	if n := len(slices.Collect(textsV4(r))); n != 12 {
		t.Errorf("%d texts of v4, want 12", n)
	}
}
