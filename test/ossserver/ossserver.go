// Package ossserver plays Alibaba Cloud OSS for tests, from its public documentation alone: signatures V1 and V4, objects, uploads in parts, lists of
// objects, checksums and the shape of errors. It shares no code with the sink and none with the SDKs, and keeps everything in memory.
//
//	PUT, GET, HEAD, DELETE  /BUCKET/KEY            or BUCKET.Domain/KEY
//	GET                     /BUCKET?list-type=2    one page of at most 1000
//	POST /BUCKET/KEY?uploads, PUT ?uploadId&partNumber, POST or DELETE ?uploadId
package ossserver

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Object is what a bucket holds under a name.
type Object struct {
	Body       []byte
	Type       string // Content-Type
	Encryption string // x-oss-server-side-encryption
}

// Server is OSS in one region, with one access key. It is an http.Handler that is safe for concurrent use. Set its fields before it serves.
type Server struct {
	ID, Secret string // of the access key
	Region     string // as signatures have it, like cn-hangzhou
	Domain     string // of virtual-host addresses: BUCKET.Domain

	mu      sync.Mutex // guards what is below
	buckets map[string]map[string]Object
	uploads map[string]*upload
	begun   int    // uploads
	answer  string // instead of its own
	corrupt bool
	served  []string
}

// New makes a server with these buckets.
func New(buckets ...string) *Server {
	s := &Server{
		ID: "test-id", Secret: "test-secret-hunter2", Region: "cn-hangzhou", Domain: "oss.test",
		buckets: map[string]map[string]Object{}, uploads: map[string]*upload{},
	}
	for _, name := range buckets {
		s.buckets[name] = map[string]Object{}
	}
	return s
}

// Objects are those of a bucket now, by name.
func (s *Server) Objects(bucket string) map[string]Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.buckets[bucket])
}

// Answer has every request answered with an error: a status, a code, and maybe a header as key=value or the word endpoint, which has the error
// name another endpoint. "" ends that. Requests without a good signature are refused first.
func (s *Server) Answer(answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// Corrupt has the server tell another CRC than that of what it holds.
func (s *Server) Corrupt(corrupt bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.corrupt = corrupt
}

// Served are the requests that were served since it was asked last: method and query.
func (s *Server) Served() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	served := s.served
	s.served = nil
	return served
}

// Uploads is how many uploads in parts neither ended nor were aborted.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

// failure is an error of OSS.
type failure struct {
	status        int
	code, message string
}

const requestID = "5C3D9175B6FC201293AD****"

// ServeHTTP serves OSS.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("x-oss-request-id", requestID)
	w.Header().Set("Server", "AliyunOSS")
	bucket, key := s.target(r)
	failed := s.authenticate(r, bucket, key)
	switch {
	case failed != nil:
	case s.answer != "":
		failed = s.injected(w)
	default:
		if failed = s.serve(w, r, bucket, key, body); failed == nil {
			s.served = append(s.served, r.Method+" "+r.URL.RawQuery)
			return
		}
	}
	failed.write(w, r)
}

func (f *failure) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	endpoint := ""
	if f.code == "AccessDenied" && strings.Contains(f.message, "endpoint") {
		endpoint = "<Endpoint>oss-cn-shanghai.aliyuncs.com</Endpoint>"
	}
	fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message>`+
		`<RequestId>%s</RequestId><HostId>%s</HostId>%s</Error>`, f.code, f.message, requestID, r.Host, endpoint)
}

func (s *Server) injected(w http.ResponseWriter) *failure {
	f := &failure{message: "because of the test"}
	var extra string
	if _, err := fmt.Sscanf(s.answer, "%d %s %s", &f.status, &f.code, &extra); err != nil {
		extra = ""
	}
	if name, value, ok := strings.Cut(extra, "="); ok {
		w.Header().Set(name, value)
	}
	if extra == "endpoint" {
		f.message = "The bucket you are attempting to access must be addressed using the specified endpoint."
	}
	return f
}

// target takes an address apart.
func (s *Server) target(r *http.Request) (bucket, key string) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name, ok := strings.CutSuffix(host, "."+s.Domain); ok {
		return name, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// names are the names of a bucket's objects with a prefix, in order.
func (s *Server) names(bucket, prefix string) []string {
	names := slices.Sorted(maps.Keys(s.buckets[bucket]))
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
}
