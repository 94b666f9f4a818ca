package smq

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
)

// queue speaks the XML dialect of MNS, as far as it takes to empty a queue.
type queue struct {
	endpoint *url.URL
	name     string
	keys     collector.Credentials
	clock    *collector.Clock
	http     *http.Client
}

const (
	apiVersion = "2015-06-06"
	namespace  = "http://mns.aliyuncs.com/doc/v1/"
	maxAnswer  = 8 << 20 // bytes; 16 messages of 64 KB, escaped
	within     = time.Minute
)

// message is one as the queue gives it. Times are milliseconds since 1970.
type message struct {
	ID            string `xml:"MessageId"`
	Receipt       string `xml:"ReceiptHandle"`
	Body          string `xml:"MessageBody"`
	Enqueued      int64  `xml:"EnqueueTime"`
	FirstDequeued int64  `xml:"FirstDequeueTime"`
	DequeueCount  int64  `xml:"DequeueCount"`
	Priority      int64  `xml:"Priority"`
}

// refusal is an answer that is not a success.
type refusal struct {
	status                   int
	code, message, requestID string
}

func (e *refusal) Error() string {
	return fmt.Sprintf("%s: %s (status %d, request %s)", cmp.Or(e.code, "no code"), e.message, e.status, e.requestID)
}

func newQueue(endpoint *url.URL, name string, s collector.SourceSetup) *queue {
	transport := s.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		}
	}
	return &queue{
		endpoint: &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host}, name: name, keys: s.Credentials, clock: s.Clock,
		http: &http.Client{Transport: s.Clock.Transport(transport), Timeout: within},
	}
}

// peek looks at a message without taking it.
func (q *queue) peek(ctx context.Context) error {
	_, err := q.call(ctx, http.MethodGet, "peekonly=true", nil)
	if codeOf(err) == "MessageNotExist" {
		return nil
	}
	return err
}

// receive takes messages, up to a number, and waits so many seconds for the first. None is no error.
func (q *queue) receive(ctx context.Context, most, wait int) ([]message, error) {
	body, err := q.call(ctx, http.MethodGet, fmt.Sprintf("numOfMessages=%d&waitseconds=%d", most, wait), nil)
	if codeOf(err) == "MessageNotExist" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var answer struct {
		Messages []message `xml:"Message"`
	}
	if err := xml.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the answer to BatchReceiveMessage is not what it should be: %w", err)
	}
	return answer.Messages, nil
}

// remove deletes messages. Those that the queue has given away again meanwhile stay, and that is no error: they come once more.
func (q *queue) remove(ctx context.Context, handles []string) error {
	type list struct {
		XMLName xml.Name `xml:"ReceiptHandles"`
		NS      string   `xml:"xmlns,attr"`
		Handles []string `xml:"ReceiptHandle"`
	}
	body, err := xml.Marshal(list{NS: namespace, Handles: handles})
	if err != nil {
		return err
	}
	_, err = q.call(ctx, http.MethodDelete, "", append([]byte(xml.Header), body...))
	var r *refusal
	if errors.As(err, &r) && r.status == http.StatusNotFound && r.code != "QueueNotExist" {
		return nil
	}
	return err
}

func codeOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.code
	}
	return ""
}

// clockIsWrong says whether a request was refused for its date.
func clockIsWrong(err error) bool {
	code := codeOf(err)
	return code == "TimeExpired" || code == "InvalidDateHeader"
}

// call sends a request about the messages of the queue and returns the body of its answer.
func (q *queue) call(ctx context.Context, method, query string, body []byte) ([]byte, error) {
	u := *q.endpoint
	u.Path, u.RawQuery = "/queues/"+q.name+"/messages", query
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.sign(req, body)
	resp, err := q.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer to %s %s: %w", method, u.Path, err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("the answer to %s %s is larger than %d bytes", method, u.Path, maxAnswer)
	case resp.StatusCode/100 != 2:
		return nil, refused(resp.StatusCode, answer)
	}
	return answer, nil
}

// refused is the error of an answer, in the words of collectors.
func refused(status int, body []byte) error {
	r := &refusal{status: status}
	var known struct{ Code, Message, RequestId string }
	if xml.Unmarshal(body, &known) == nil && known.Code != "" {
		r.code, r.message, r.requestID = known.Code, known.Message, known.RequestId
	} else {
		r.message = fmt.Sprintf("not an answer of a queue: %q", body[:min(len(body), 200)])
	}
	switch {
	case r.code == "QpsLimitExceeded" || status == http.StatusTooManyRequests:
		return &collector.Throttled{After: time.Second, Err: r}
	case status == http.StatusForbidden, r.code == "QueueNotExist":
		return &collector.Denied{Err: r}
	}
	return r
}

// sign dates and signs a request.
func (q *queue) sign(req *http.Request, body []byte) {
	h := req.Header
	h.Set("User-Agent", "sluice-collector")
	h.Set("x-mns-version", apiVersion)
	h.Set("Date", q.clock.Now().Format(http.TimeFormat))
	h.Set("Content-Type", "application/xml")
	if len(body) > 0 {
		sum := md5.Sum(body)
		// The service wants the digits in base64, not the bytes.
		h.Set("Content-MD5", base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString(sum[:]))))
	}
	if token := q.keys.SecurityToken.Reveal(); token != "" {
		h.Set("security-token", token)
	}
	h.Set("Authorization", "MNS "+q.keys.AccessKeyID+":"+signature(q.keys.AccessKeySecret.Reveal(), req))
}

// signature is that of a request, by its method, some headers, path and query as they are sent.
func signature(secret string, req *http.Request) string {
	var names []string
	for name := range req.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-mns-") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	lines := []string{req.Method, req.Header.Get("Content-MD5"), req.Header.Get("Content-Type"), req.Header.Get("Date")}
	for _, name := range names {
		lines = append(lines, name+":"+req.Header.Get(name))
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(strings.Join(append(lines, req.URL.RequestURI()), "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
