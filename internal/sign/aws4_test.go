package sign

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/sluicelog/sluice"
)

// The vector of reference audit 1.6, made by botocore.
const (
	awsBody      = `{"Name":"audit-main"}`
	awsSignature = "6d6d3959cd33b049a06a0eb7bdb6d3577eaa3f218eda69c19754cdc164720dfd"
	awsAuth      = "AWS4-HMAC-SHA256 Credential=AKTEST/20260105/us-east-1/cloudtrail/aws4_request, " +
		"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=" + awsSignature
)

func awsRequest() *Request {
	return &Request{
		Method: "POST", Path: "/", Host: "trail.example.net",
		Header: headerOf("Content-Type", "application/x-amz-json-1.1", "X-Amz-Date", "20260105T010000Z",
			"X-Amz-Target", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.GetTrailStatus", "Authorization", awsAuth),
	}
}

func TestAWSVector(t *testing.T) {
	r := awsRequest()
	c, err := ParseAWS(r)
	if err != nil {
		t.Fatal(err)
	}
	if c.AccessKeyID != "AKTEST" || c.Region != "us-east-1" || c.Service != "cloudtrail" || c.Date.Format(dateV4) != "20260105T010000Z" {
		t.Errorf("parsed %+v", c)
	}
	if !c.Verify("SKTEST", r, []byte(awsBody)) {
		t.Error("the vector does not verify")
	}
	r.Header.Del("Authorization")
	SignAWS("SKTEST", "AKTEST", "us-east-1", "cloudtrail", r, []byte(awsBody))
	if got := r.Header.Get("Authorization"); got != awsAuth {
		t.Errorf("signed %s\nwant   %s", got, awsAuth)
	}
}

func TestAWSChanged(t *testing.T) {
	for name, change := range map[string]func(r *Request) (secret, body string){
		"another secret": func(*Request) (string, string) { return "SKTESU", awsBody },
		"no secret":      func(*Request) (string, string) { return "", awsBody },
		"another body":   func(*Request) (string, string) { return "SKTEST", `{"Name":"audit-maim"}` },
		"another target": func(r *Request) (string, string) {
			r.Header.Set("X-Amz-Target", "x.DeleteTrail")
			return "SKTEST", awsBody
		},
		"another method": func(r *Request) (string, string) { r.Method = "PUT"; return "SKTEST", awsBody },
		"another path":   func(r *Request) (string, string) { r.Path = "/x"; return "SKTEST", awsBody },
		"a query":        func(r *Request) (string, string) { r.Query = "a=b"; return "SKTEST", awsBody },
		"another host":   func(r *Request) (string, string) { r.Host = "trail.example.com"; return "SKTEST", awsBody },
		"another time": func(r *Request) (string, string) {
			r.Header.Set("X-Amz-Date", "20260105T010001Z")
			return "SKTEST", awsBody
		},
		"another service": func(r *Request) (string, string) {
			r.Header.Set("Authorization", strings.Replace(awsAuth, "cloudtrail", "s3", 1))
			return "SKTEST", awsBody
		},
		"another region": func(r *Request) (string, string) {
			r.Header.Set("Authorization", strings.Replace(awsAuth, "us-east-1", "us-east-2", 1))
			return "SKTEST", awsBody
		},
	} {
		r := awsRequest()
		secret, body := change(r)
		c, err := ParseAWS(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Verify(secret, r, []byte(body)) {
			t.Errorf("%s: it verifies", name)
		}
	}
}

func TestAWSRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		header, value string
		noun          string
	}{
		"no Authorization":       {"Authorization", "", "accesskeyid"},
		"another method":         {"Authorization", "SLS4-HMAC-SHA256 Credential=a", "signaturemethod"},
		"no signature":           {"Authorization", strings.TrimSuffix(awsAuth, awsSignature), "signature-incomplete"},
		"no scope":               {"Authorization", strings.Replace(awsAuth, "/20260105/", "/", 1), "signature-incomplete"},
		"an empty key":           {"Authorization", strings.Replace(awsAuth, "AKTEST", "", 1), "signature-incomplete"},
		"a target not covered":   {"Authorization", strings.Replace(awsAuth, ";x-amz-target", "", 1), "signature-incomplete"},
		"a host not covered":     {"Authorization", strings.Replace(awsAuth, "host;", "", 1), "signature-incomplete"},
		"a token not covered":    {"X-Amz-Security-Token", "t", "signature-incomplete"},
		"another day":            {"X-Amz-Date", "20260106T010000Z", "date"},
		"no date":                {"X-Amz-Date", "", "date"},
		"a date of another form": {"X-Amz-Date", "Mon, 05 Jan 2026 01:00:00 GMT", "date"},
	} {
		r := awsRequest()
		r.Header.Set(c.header, c.value)
		_, err := ParseAWS(r)
		var e *sluice.Error
		if !errors.As(err, &e) || e.Kind != sluice.Invalid || e.Noun != c.noun {
			t.Errorf("%s: %v, want Invalid %q", name, err, c.noun)
		}
	}
	r := awsRequest()
	r.Header.Set("X-Long", strings.Repeat("x", maxHeaders))
	if _, err := ParseAWS(r); sluice.KindOf(err) != sluice.TooLarge {
		t.Errorf("a request too large: %v", err)
	}
}

// FuzzAWS finds no Authorization header that makes ParseAWS or Verify panic, or that passes without the secret.
func FuzzAWS(f *testing.F) {
	f.Add(awsAuth, "20260105T010000Z", "GET", "/", "", "h", "X-Amz-Target", "a.B")
	f.Add("AWS4-HMAC-SHA256 Credential=/////, SignedHeaders=;;, Signature=", "", "", "", "&=", ":", "", "")
	f.Fuzz(func(t *testing.T, auth, date, method, path, query, host, name, text string) {
		r := &Request{Method: method, Path: path, Query: query, Host: host, Header: http.Header{"Authorization": {auth}, "X-Amz-Date": {date}}}
		r.Header.Set(name, text)
		c, err := ParseAWS(r)
		if err != nil {
			return
		}
		if c.Verify("a secret that the input does not hold", r, nil) {
			t.Errorf("%q verifies", auth)
		}
	})
}
