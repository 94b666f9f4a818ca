package ossserver

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"net/http"
	"strings"
)

// upload is one in parts that has begun.
type upload struct {
	Object
	parts map[string][]byte // by number
}

// serve answers a request whose signature holds.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, bucket, key string, body []byte) *failure {
	objects, ok := s.buckets[bucket]
	if !ok {
		return &failure{404, "NoSuchBucket", "The specified bucket does not exist."}
	}
	if sum := md5.Sum(body); r.Header.Get("Content-MD5") != "" && r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]) {
		return &failure{400, "InvalidDigest", "The Content-MD5 you specified was invalid."}
	}
	q := r.URL.Query()
	switch {
	case q.Has("uploads") || q.Has("uploadId"):
		return s.serveUpload(w, r, bucket, key, body)
	case r.Method == http.MethodGet && key == "":
		s.list(w, bucket, q.Get("prefix"))
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		o, ok := objects[key]
		if !ok {
			return &failure{404, "NoSuchKey", "The specified key does not exist."}
		}
		w.Header().Set("Content-Type", o.Type)
		w.Header().Set("Content-Length", fmt.Sprint(len(o.Body)))
		s.holds(w, o.Body)
		if r.Method == http.MethodGet {
			_, _ = w.Write(o.Body) // the client may be gone
		}
	case r.Method == http.MethodPut:
		objects[key] = Object{body, r.Header.Get("Content-Type"), r.Header.Get("x-oss-server-side-encryption")}
		s.holds(w, body)
	case r.Method == http.MethodDelete:
		delete(objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		return &failure{405, "MethodNotAllowed", "The specified method is not allowed against this resource."}
	}
	return nil
}

func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, bucket, key string, body []byte) *failure {
	q := r.URL.Query()
	id := q.Get("uploadId")
	u := s.uploads[id]
	switch {
	case r.Method == http.MethodPost && q.Has("uploads"):
		s.begun++
		id = fmt.Sprintf("upload-%d", s.begun)
		s.uploads[id] = &upload{Object{Type: r.Header.Get("Content-Type"), Encryption: r.Header.Get("x-oss-server-side-encryption")}, map[string][]byte{}}
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, bucket, key, id)
	case u == nil:
		return &failure{404, "NoSuchUpload", "The specified upload does not exist."}
	case r.Method == http.MethodPut:
		u.parts[q.Get("partNumber")] = body
		s.holds(w, body)
	case r.Method == http.MethodDelete:
		delete(s.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost:
		var ok bool
		if u.Body, ok = u.join(body); !ok {
			return &failure{400, "InvalidPart", "One or more of the specified parts could not be found."}
		}
		s.buckets[bucket][key] = u.Object
		delete(s.uploads, id)
		fmt.Fprintf(w, `<CompleteMultipartUploadResult><Bucket>%s</Bucket><Key>%s</Key><ETag>"B864DB6A936D376F9F8D3ED3BBE540DD-3"</ETag></CompleteMultipartUploadResult>`, bucket, key)
	default:
		return &failure{405, "MethodNotAllowed", "The specified method is not allowed against this resource."}
	}
	return nil
}

// holds says what the server has of a body.
func (s *Server) holds(w http.ResponseWriter, body []byte) {
	crc := crc64.Checksum(body, crc64.MakeTable(crc64.ECMA))
	if s.corrupt {
		crc++
	}
	w.Header().Set("x-oss-hash-crc64ecma", fmt.Sprint(crc))
	w.Header().Set("ETag", fmt.Sprintf(`"%X"`, md5.Sum(body)))
	w.WriteHeader(http.StatusOK)
}

// list is an answer to GetBucketV2.
func (s *Server) list(w http.ResponseWriter, bucket, prefix string) {
	type contents struct {
		Key  string
		Size int
		ETag string
	}
	answer := struct {
		XMLName     xml.Name `xml:"ListBucketResult"`
		Name        string
		Prefix      string
		MaxKeys     int
		IsTruncated bool
		KeyCount    int
		Contents    []contents
	}{Name: bucket, Prefix: prefix, MaxKeys: 1000}
	for _, name := range s.names(bucket, prefix) {
		body := s.buckets[bucket][name].Body
		answer.Contents = append(answer.Contents, contents{name, len(body), fmt.Sprintf(`"%X"`, md5.Sum(body))})
	}
	answer.KeyCount = len(answer.Contents)
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer) // the client may be gone
}

// join is what CompleteMultipartUpload makes of parts.
func (u *upload) join(list []byte) (whole []byte, ok bool) {
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
		body, ok := u.parts[p.PartNumber]
		if !ok || strings.Trim(p.ETag, `"`) != fmt.Sprintf("%X", md5.Sum(body)) {
			return nil, false
		}
		whole = append(whole, body...)
	}
	return whole, true
}
