package ossserver

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authenticate checks the signature in whatever version it has.
func (s *Server) authenticate(r *http.Request, bucket, key string) *failure {
	auth := r.Header.Get("Authorization")
	var id, got, want string
	switch {
	case strings.HasPrefix(auth, "OSS4-HMAC-SHA256 "):
		fields := map[string]string{}
		for field := range strings.SplitSeq(strings.TrimPrefix(auth, "OSS4-HMAC-SHA256 "), ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
			fields[name] = value
		}
		scope := strings.Split(fields["Credential"], "/")
		if len(scope) != 5 || scope[2] != s.Region || scope[3] != "oss" || scope[4] != "aliyun_v4_request" {
			return &failure{400, "InvalidArgument", "Invalid signing region in Authorization header."}
		}
		id, got, want = scope[0], fields["Signature"], s.v4(r, bucket, key, scope[1], fields["AdditionalHeaders"])
	case strings.HasPrefix(auth, "OSS "):
		id, got, _ = strings.Cut(strings.TrimPrefix(auth, "OSS "), ":")
		want = s.v1(r, bucket, key)
	default:
		return &failure{403, "AccessDenied", "You have no right to access this object."}
	}
	switch {
	case id != s.ID:
		return &failure{403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."}
	case got != want:
		return &failure{403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."}
	}
	return nil
}

func mac(h func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(h, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// signedHeaders are those that either version signs, by their lower-case names.
func signedHeaders(r *http.Request, also ...string) (names []string, values map[string]string) {
	values = map[string]string{}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-oss-") || slices.Contains(also, lower) {
			values[lower] = strings.TrimSpace(r.Header.Get(name))
			names = append(names, lower)
		}
	}
	slices.Sort(names)
	return names, values
}

// v4 is the signature of version 4.
func (s *Server) v4(r *http.Request, bucket, key, day, additional string) string {
	also := []string{"content-type", "content-md5"}
	if additional != "" {
		also = append(also, strings.Split(additional, ";")...)
	}
	names, values := signedHeaders(r, also...)
	var headers strings.Builder
	for _, name := range names {
		headers.WriteString(name + ":" + values[name] + "\n")
	}
	var query []string
	for name, list := range r.URL.Query() {
		for _, value := range list {
			pair := escape(name)
			if value != "" {
				pair += "=" + escape(value)
			}
			query = append(query, pair)
		}
	}
	slices.Sort(query)
	path := strings.ReplaceAll(escape("/"+bucket+"/"+key), "%2F", "/")
	canonical := strings.Join([]string{r.Method, path, strings.Join(query, "&"), headers.String(), additional, r.Header.Get("x-oss-content-sha256")}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	toSign := "OSS4-HMAC-SHA256\n" + r.Header.Get("x-oss-date") + "\n" + day + "/" + s.Region + "/oss/aliyun_v4_request\n" + hex.EncodeToString(sum[:])
	k := mac(sha256.New, []byte("aliyun_v4"+s.Secret), day)
	for _, text := range []string{s.Region, "oss", "aliyun_v4_request"} {
		k = mac(sha256.New, k, text)
	}
	return hex.EncodeToString(mac(sha256.New, k, toSign))
}

// escape is percent encoding of all but the unreserved characters.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// v1 is the signature of version 1.
func (s *Server) v1(r *http.Request, bucket, key string) string {
	names, values := signedHeaders(r)
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n%s\n%s\n%s\n", r.Method, r.Header.Get("Content-MD5"), r.Header.Get("Content-Type"), r.Header.Get("Date"))
	for _, name := range names {
		text.WriteString(name + ":" + values[name] + "\n")
	}
	text.WriteString("/" + bucket + "/" + key)
	var query []string
	for _, name := range []string{"partNumber", "uploadId", "uploads"} { // of the sub-resources there are
		if q := r.URL.Query(); q.Has(name) {
			pair := name
			if v := q.Get(name); v != "" {
				pair += "=" + v
			}
			query = append(query, pair)
		}
	}
	if len(query) > 0 {
		text.WriteString("?" + strings.Join(query, "&"))
	}
	return base64.StdEncoding.EncodeToString(mac(sha1.New, []byte(s.Secret), text.String()))
}
