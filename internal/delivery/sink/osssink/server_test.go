package osssink_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ossServer plays OSS, from its public documentation alone: signatures V1 and V4, PutObject, uploads in parts, and the shape of errors. It
// shares no code with the sink and none with the SDK inside it.
type ossServer struct {
	id, secret, region string
	domain             string // of virtual-host addresses: BUCKET.domain
	server             *httptest.Server

	mu      sync.Mutex // guards what is below
	buckets map[string]map[string]stored
	uploads map[string]map[string][]byte // parts by number
	answer  string                       // instead of its own: a status, a code, and maybe a header as key=value
	corrupt bool                         // says another CRC than that of what it holds
	log     []string                     // of the requests that it served
}

// stored is an object.
type stored struct {
	body            []byte
	typ, encryption string
}

func newOSSServer(t *testing.T) *ossServer {
	s := &ossServer{
		id: "test-id", secret: "test-secret-hunter2", region: "cn-hangzhou", domain: "oss.test",
		buckets: map[string]map[string]stored{}, uploads: map[string]map[string][]byte{},
	}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *ossServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("x-oss-request-id", "5C3D9175B6FC201293AD****")
	w.Header().Set("Server", "AliyunOSS")
	bucket, key := s.target(r)
	status, code, message := s.serve(w, r, bucket, key, body)
	if s.answer != "" {
		status, code, message = s.injected(w)
	}
	if code == "" {
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	endpoint := ""
	if code == "AccessDenied" && strings.Contains(message, "endpoint") {
		endpoint = "<Endpoint>oss-cn-shanghai.aliyuncs.com</Endpoint>"
	}
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message>`+
		`<RequestId>5C3D9175B6FC201293AD****</RequestId><HostId>%s</HostId>%s</Error>`, code, message, r.Host, endpoint)
}

func (s *ossServer) injected(w http.ResponseWriter) (status int, code, message string) {
	var header string
	if _, err := fmt.Sscanf(s.answer, "%d %s %s", &status, &code, &header); err != nil {
		header = ""
	}
	if key, value, ok := strings.Cut(header, "="); ok {
		w.Header().Set(key, value)
	}
	message = "because of the test"
	if header == "endpoint" {
		message = "The bucket you are attempting to access must be addressed using the specified endpoint."
	}
	return status, code, message
}

// target takes an address apart.
func (s *ossServer) target(r *http.Request) (bucket, key string) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name, ok := strings.CutSuffix(host, "."+s.domain); ok {
		return name, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// serve answers a request whose signature holds.
func (s *ossServer) serve(w http.ResponseWriter, r *http.Request, bucket, key string, body []byte) (status int, code, message string) {
	if status, code, message = s.authenticate(r, bucket, key); code != "" || s.answer != "" {
		return status, code, message
	}
	objects, ok := s.buckets[bucket]
	if !ok {
		return 404, "NoSuchBucket", "The specified bucket does not exist."
	}
	if sum := md5.Sum(body); r.Header.Get("Content-MD5") != "" && r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]) {
		return 400, "InvalidDigest", "The Content-MD5 you specified was invalid."
	}
	q := r.URL.Query()
	upload := q.Get("uploadId")
	parts, known := s.uploads[upload]
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		upload = fmt.Sprintf("upload-%d", len(s.log))
		s.uploads[upload] = map[string][]byte{"type": []byte(r.Header.Get("Content-Type")), "encryption": []byte(r.Header.Get("x-oss-server-side-encryption"))}
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, bucket, key, upload)
	case upload != "" && !known:
		return 404, "NoSuchUpload", "The specified upload does not exist."
	case r.Method == http.MethodPut && upload != "":
		parts[q.Get("partNumber")] = body
		s.holds(w, body)
	case r.Method == http.MethodDelete && upload != "":
		delete(s.uploads, upload)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && upload != "":
		whole, ok := join(parts, body)
		if !ok {
			return 400, "InvalidPart", "One or more of the specified parts could not be found."
		}
		objects[key] = stored{whole, string(parts["type"]), string(parts["encryption"])}
		delete(s.uploads, upload)
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>"B864DB6A936D376F9F8D3ED3BBE540DD-3"</ETag></CompleteMultipartUploadResult>`, bucket, key)
	case r.Method == http.MethodPut:
		objects[key] = stored{body, r.Header.Get("Content-Type"), r.Header.Get("x-oss-server-side-encryption")}
		s.holds(w, body)
	default:
		return 405, "MethodNotAllowed", "The specified method is not allowed against this resource."
	}
	s.log = append(s.log, r.Method+" "+r.URL.RawQuery)
	return 0, "", ""
}

// holds says what the server has of a body.
func (s *ossServer) holds(w http.ResponseWriter, body []byte) {
	crc := crc64.Checksum(body, crc64.MakeTable(crc64.ECMA))
	if s.corrupt {
		crc++
	}
	w.Header().Set("x-oss-hash-crc64ecma", fmt.Sprint(crc))
	w.Header().Set("ETag", fmt.Sprintf(`"%X"`, md5.Sum(body)))
	w.WriteHeader(http.StatusOK)
}

// join is what CompleteMultipartUpload makes of parts.
func join(parts map[string][]byte, list []byte) (whole []byte, ok bool) {
	var want struct {
		Part []struct {
			PartNumber string
			ETag       string
		}
	}
	if xml.Unmarshal(list, &want) != nil {
		return nil, false
	}
	for _, p := range want.Part {
		body, ok := parts[p.PartNumber]
		if !ok || strings.Trim(p.ETag, `"`) != fmt.Sprintf("%X", md5.Sum(body)) {
			return nil, false
		}
		whole = append(whole, body...)
	}
	return whole, true
}

// authenticate checks the signature in whatever version it has.
func (s *ossServer) authenticate(r *http.Request, bucket, key string) (status int, code, message string) {
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
		if len(scope) != 5 || scope[2] != s.region || scope[3] != "oss" || scope[4] != "aliyun_v4_request" {
			return 400, "InvalidArgument", "Invalid signing region in Authorization header."
		}
		id, got, want = scope[0], fields["Signature"], s.v4(r, bucket, key, scope[1], fields["AdditionalHeaders"])
	case strings.HasPrefix(auth, "OSS "):
		id, got, _ = strings.Cut(strings.TrimPrefix(auth, "OSS "), ":")
		want = s.v1(r, bucket, key)
	default:
		return 403, "AccessDenied", "You have no right to access this object."
	}
	switch {
	case id != s.id:
		return 403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records."
	case got != want:
		return 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
	}
	return 0, "", ""
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
func (s *ossServer) v4(r *http.Request, bucket, key, day, additional string) string {
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
	toSign := "OSS4-HMAC-SHA256\n" + r.Header.Get("x-oss-date") + "\n" + day + "/" + s.region + "/oss/aliyun_v4_request\n" + hex.EncodeToString(sum[:])
	k := mac(sha256.New, []byte("aliyun_v4"+s.secret), day)
	for _, text := range []string{s.region, "oss", "aliyun_v4_request"} {
		k = mac(sha256.New, k, text)
	}
	return hex.EncodeToString(mac(sha256.New, k, toSign))
}

// escape is percent encoding of all but the unreserved characters.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// v1 is the signature of version 1.
func (s *ossServer) v1(r *http.Request, bucket, key string) string {
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
	return base64.StdEncoding.EncodeToString(mac(sha1.New, []byte(s.secret), text.String()))
}
