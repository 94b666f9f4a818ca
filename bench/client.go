package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/logpb"
	"github.com/sluicelog/sluice/internal/sign"
)

// A client here is a TCP connection that writes signed requests around bodies that were compressed beforehand, so that on a small
// machine the load takes as little as possible from the server it measures.

const project = "bench"

// conn is one connection to the server. It is not safe for concurrent use.
type conn struct {
	net.Conn
	in *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	return &conn{c, bufio.NewReaderSize(c, 256<<10)}, nil
}

// refusal is an answer other than 200.
type refusal struct{ request, status, text string }

// code is the error code, or the status where there is none.
func (r *refusal) code() string {
	var body struct{ ErrorCode string }
	if err := json.Unmarshal([]byte(r.text), &body); err == nil && body.ErrorCode != "" {
		return body.ErrorCode
	}
	return r.status
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %s: %s", r.request, r.status, r.text) }

// do sends a request to the project and copies the body of the answer into sink. An answer other than 200 is a *refusal.
func (c *conn) do(method, path, query string, header http.Header, content []byte, sink io.Writer) (http.Header, error) {
	r := &sign.Request{Method: method, Path: path, Query: query, Host: project + "." + baseDomain, Header: header}
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("x-log-apiversion", "0.6.0")
	sign.SignV1(accessSecret, accessKeyID, r)
	header.Set("Content-Length", strconv.Itoa(len(content)))

	var head bytes.Buffer
	fmt.Fprintf(&head, "%s %s?%s HTTP/1.1\r\nHost: %s\r\n", method, path, query, r.Host)
	if err := header.Write(&head); err != nil {
		return nil, err
	}
	head.WriteString("\r\n")
	packet := net.Buffers{head.Bytes(), content}
	if _, err := packet.WriteTo(c.Conn); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}

	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(res.Body) // all of it, so that the connection can be used again
		if err != nil {
			return nil, fmt.Errorf("%s %s: %s: %w", method, path, res.Status, err)
		}
		return nil, &refusal{method + " " + path, res.Status, string(text[:min(len(text), 1<<10)])}
	}
	if _, err := io.Copy(sink, res.Body); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return res.Header, nil
}

// post sends a JSON object, to make something of it or to ask a question.
func (c *conn) post(path string, object map[string]any) error {
	return c.send(http.MethodPost, path, object)
}

// send sends a JSON object.
func (c *conn) send(method, path string, object map[string]any) error {
	content, err := json.Marshal(object)
	if err != nil {
		return err
	}
	sum := md5.Sum(content)
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("Content-MD5", strings.ToUpper(hex.EncodeToString(sum[:])))
	header.Set("x-log-bodyrawsize", strconv.Itoa(len(content)))
	_, err = c.do(method, path, "", header, content, io.Discard)
	return err
}

// put writes one log group; an empty key leaves the choice of the shard to the server.
func (c *conn) put(logstore, key string, b *body) error {
	header := http.Header{}
	header.Set("Content-Type", "application/x-protobuf")
	header.Set("Content-MD5", b.md5)
	header.Set("x-log-bodyrawsize", strconv.Itoa(b.raw))
	header.Set("x-log-compresstype", string(logpb.LZ4))
	path, query := "/logstores/"+logstore+"/shards/lb", ""
	if key != "" {
		path, query = "/logstores/"+logstore+"/shards/route", "key="+key
	}
	_, err := c.do(http.MethodPost, path, query, header, b.data, io.Discard)
	return err
}

// pullAll reads a shard from begin to end and returns the bytes of its log groups before compression.
func (c *conn) pullAll(logstore string, shard int, codec logpb.Codec) (raw int64, err error) {
	path := fmt.Sprintf("/logstores/%s/shards/%d", logstore, shard)
	var answer bytes.Buffer
	if _, err := c.do(http.MethodGet, path, "type=cursor&from=begin", http.Header{}, nil, &answer); err != nil {
		return 0, err
	}
	var begin struct{ Cursor string }
	if err := json.Unmarshal(answer.Bytes(), &begin); err != nil {
		return 0, fmt.Errorf("read cursor: %w", err)
	}
	for cursor := begin.Cursor; ; {
		header := http.Header{}
		header.Set("Accept", "application/x-protobuf")
		header.Set("Accept-Encoding", string(codec))
		query := "type=log&count=1000&cursor=" + strings.ReplaceAll(cursor, "=", "%3D")
		got, err := c.do(http.MethodGet, path, query, header, nil, io.Discard)
		if err != nil {
			return raw, err
		}
		n, err := strconv.Atoi(got.Get("x-log-bodyrawsize"))
		if err != nil {
			return raw, fmt.Errorf("pull: x-log-bodyrawsize: %w", err)
		}
		if n == 0 {
			return raw, nil
		}
		raw += int64(n)
		cursor = got.Get("x-log-cursor")
	}
}
