package sign_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/sign"
)

// The vectors of reference delivery a.11, which the official client's own signer made.
const (
	acsID     = "LTAItestAccessKeyId0001"
	acsSecret = "testAccessKeySecret0123456789abcd"
	acsBody   = "BusinessType=dcdn_log_access_l1&DeliveryType=sls&FieldName=ClientIP%2CEdgeResponseStatusCode&SiteId=123456&SlsDelivery=%7B%22SLSLogStore%22%3A%22ls1%22%2C%22SLSProject%22%3A%22p1%22%2C%22SLSRegion%22%3A%22cn-hangzhou%22%7D&TaskName=t1"
	acsQuery  = "SiteId=123456&TaskName=t%201%2A~%E4%B8%AD"
)

func acsRequest(method, action, query string, more ...string) *sign.Request {
	h := http.Header{}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	h.Set("x-acs-action", action)
	h.Set("x-acs-version", "2024-09-10")
	h.Set("x-acs-date", "2026-01-02T03:04:05Z")
	h.Set("x-acs-signature-nonce", "0123456789abcdef0123456789abcdef")
	if h.Get("x-acs-credentials-provider") == "" {
		h.Set("x-acs-credentials-provider", "static_ak")
	}
	h.Set("Accept", "application/json") // not signed
	return &sign.Request{Method: method, Path: "/", Query: query, Host: "sluice.example:8443", Header: h}
}

func TestACS3Vectors(t *testing.T) {
	for _, c := range []struct {
		name, body, want string
		r                *sign.Request
	}{
		{
			"V1 form", acsBody, "2d45e9c9af7d8ea079364d4455bdca552195773fe843f1863b77e63a1520d069",
			acsRequest("POST", "CreateSiteDeliveryTask", "", "Content-Type", "application/x-www-form-urlencoded"),
		},
		{"V2 query", "", "32513c6c11f2a9e19317848946c232960bc4a36103f7051d1737e17398ad51c1", acsRequest("GET", "GetSiteDeliveryTask", acsQuery)},
		{
			"V3 token", "", "d677b8c84745ccfd427e98036a718b5359cf38c150176a73a28139136aa63f1e",
			acsRequest("GET", "GetSiteDeliveryTask", "SiteId=123456&TaskName=t1", "x-acs-credentials-provider", "static_sts",
				"x-acs-accesskey-id", acsID, "x-acs-security-token", "STS.token+/="),
		},
	} {
		sign.SignACS3(acsSecret, acsID, c.r, []byte(c.body))
		if _, got, _ := strings.Cut(c.r.Header.Get("Authorization"), "Signature="); got != c.want {
			t.Errorf("%s: signature %s, want %s", c.name, got, c.want)
		}
		claim, err := sign.ParseACS3(c.r)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if claim.AccessKeyID != acsID || !claim.Verify(acsSecret) {
			t.Errorf("%s: not verified", c.name)
		}
		if claim.Verify(acsSecret+"x") || claim.Verify("") {
			t.Errorf("%s: verified with another secret", c.name)
		}
	}
}

func TestACS3TamperedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*sign.Request){
		"query":    func(r *sign.Request) { r.Query = strings.Replace(r.Query, "123456", "123457", 1) },
		"method":   func(r *sign.Request) { r.Method = "POST" },
		"host":     func(r *sign.Request) { r.Host = "other:8443" },
		"action":   func(r *sign.Request) { r.Header.Set("x-acs-action", "DeleteSiteDeliveryTask") },
		"body":     func(r *sign.Request) { r.Header.Set("x-acs-content-sha256", strings.Repeat("0", 64)) },
		"repeated": func(r *sign.Request) { r.Header.Add("x-acs-action", "DeleteSiteDeliveryTask") },
	} {
		r := acsRequest("GET", "GetSiteDeliveryTask", acsQuery)
		sign.SignACS3(acsSecret, acsID, r, nil)
		change(r)
		if claim, err := sign.ParseACS3(r); err == nil && claim.Verify(acsSecret) {
			t.Errorf("a request with another %s is verified", name)
		}
	}
	for _, name := range []string{"host", "x-acs-action", "x-acs-date", "x-acs-content-sha256", "x-acs-signature-nonce", "x-acs-version"} {
		r := acsRequest("GET", "GetSiteDeliveryTask", acsQuery)
		sign.SignACS3(acsSecret, acsID, r, nil)
		auth := strings.Replace(r.Header.Get("Authorization"), name, "accept", 1)
		r.Header.Set("Authorization", auth)
		if _, err := sign.ParseACS3(r); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("%s need not be signed: %v", name, err)
		}
	}
	for _, auth := range []string{"", "ACS3-HMAC-SM3 Credential=a,SignedHeaders=host,Signature=b", "ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256 ,,,=", "ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature="} {
		r := acsRequest("GET", "GetSiteDeliveryTask", acsQuery)
		r.Header.Set("Authorization", auth)
		if _, err := sign.ParseACS3(r); sluice.KindOf(err) != sluice.Invalid {
			t.Errorf("Authorization %q: %v", auth, err)
		}
	}
}

func rpcParams(t *testing.T, encoded string) url.Values {
	t.Helper()
	params, err := url.ParseQuery(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Format": "json", "Version": "2024-09-10", "Timestamp": "2026-01-02T03:04:05Z", "SignatureNonce": "0123456789abcdef0123456789abcdef",
	} {
		params.Set(name, value)
	}
	return params
}

func TestRPCVectors(t *testing.T) {
	for _, c := range []struct{ name, method, action, params, want string }{
		{"V4", "POST", "CreateSiteDeliveryTask", acsBody, "Vmk4Xct4b5D9xFGbH4bLwMtVEXI="},
		{"V5", "GET", "GetSiteDeliveryTask", acsQuery, "tNGl+JJgD+go6COKjWDf5+CZPKM="},
	} {
		params := rpcParams(t, c.params)
		params.Set("Action", c.action)
		sign.SignRPC(acsSecret, acsID, c.method, params)
		if got := params.Get("Signature"); got != c.want {
			t.Errorf("%s: signature %s, want %s", c.name, got, c.want)
		}
		claim, err := sign.ParseRPC(c.method, params)
		if err != nil {
			t.Fatal(err)
		}
		if claim.AccessKeyID != acsID || !claim.Verify(acsSecret) || claim.Verify(acsSecret+"x") || claim.Verify("") {
			t.Errorf("%s: verified wrongly", c.name)
		}
		params.Set("SiteId", "1")
		if claim.Verify(acsSecret) {
			t.Errorf("%s: verified with another parameter", c.name)
		}
	}
	params := rpcParams(t, acsQuery)
	sign.SignRPC(acsSecret, acsID, "GET", params)
	params.Add("SiteId", "2")
	if _, err := sign.ParseRPC("GET", params); sluice.KindOf(err) != sluice.Invalid {
		t.Errorf("a parameter given twice: %v", err)
	}
}
