// Package mns speaks the dialect of the message queue service SMQ, formerly MNS (reference audit-and-collectors 4.6): REST with XML bodies.
//
//	route by path, method and query ──> authenticate ──> authorize ──> body, capped, digest checked ──> handler: one domain call ──> XML
//
// A request is of this dialect when it has a header x-mns-version, or a signature of it; its host says nothing, and the account is that of
// who signed. Rules that clients break on, in one place each:
//   - Absent elements: some clients need every element of an answer, so answers have them all (answers.go).
//   - Every error has Code, Message, RequestId and HostId; batches that failed in part have bodies of their own (errors.go, messages.go).
//   - The signature covers path and query exactly as they were sent (package sign).
package mns

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/queue"
	"github.com/sluicelog/sluice/internal/sign"
	"github.com/sluicelog/sluice/internal/wire"
)

const version = "2015-06-06"

// maxBody is the largest body of a request: a batch of the largest messages, in base64 or with some of it escaped.
const maxBody = 4 << 20

// API is the dialect. It is safe for concurrent use.
type API struct {
	auth   *auth.Authenticator
	quotas *keyquota.Quotas
	queues *queue.Service
}

// New makes the dialect over its services.
func New(a *auth.Authenticator, quotas *keyquota.Quotas, queues *queue.Service) *API {
	return &API{a, quotas, queues}
}

// Claims implements [wire.Claimant].
func (a *API) Claims(r *http.Request) bool { return sign.IsMNS(r.Header) }

// Drain implements [wire.Dialect].
func (a *API) Drain() { a.queues.Drain() }

// Serve implements [wire.Dialect].
func (a *API) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	q := &request{r: r, call: c}
	c.Service, c.Detail = "mns", q
	answer, err := a.serve(q)
	if err != nil {
		a.Refuse(w, r, c, err)
		return
	}
	if answer.location != "" {
		w.Header()["Location"] = []string{answer.location}
	}
	c.Code = answer.code
	send(w, c, answer.status, answer.body)
}

// answer is a status, and a body in XML unless it is nil.
type answer struct {
	status   int
	body     any
	location string
	code     string // of what failed in part, for the log
}

// serve takes a request from its route to its handler.
func (a *API) serve(q *request) (answer, error) {
	switch v := q.r.Header.Get("X-Mns-Version"); v {
	case version:
	case "":
		return answer{}, sluice.Errorf(sluice.Invalid, "version-missing", "header x-mns-version is missing")
	default:
		return answer{}, sluice.Errorf(sluice.Invalid, "version", "x-mns-version is %.32q, and this server speaks %s", v, version)
	}
	act, err := q.route()
	if err != nil {
		return answer{}, err
	}
	q.call.Action = act.name
	principal, digest, err := a.auth.AuthenticateMNS(q.r)
	if err != nil {
		return answer{}, err
	}
	q.principal = principal
	q.call.AccessKey, q.account = principal.AccessKeyID, principal.Tenant()
	if q.call.Charge, err = a.quotas.Hold(q.r.Context(), principal.Origin(), principal.Root, act.mutating); err != nil {
		return answer{}, err
	}
	if err := principal.Authorize(auth.Action{Name: act.permission, Mutating: act.mutating}, auth.Resource{Path: q.resource()}); err != nil {
		return answer{}, err
	}
	if err := q.read(digest); err != nil {
		return answer{}, err
	}
	if err := q.call.Start(); err != nil {
		return answer{}, err
	}
	return act.handle(a, q)
}

// request is one request on its way through its handler.
type request struct {
	r         *http.Request
	call      *wire.Call
	principal *auth.Principal
	account   string
	name      string // of the queue; "" for all
	below     string // what of it, "messages" or ""
	query     url.Values
	body      []byte
}

func (q *request) ref() queue.Ref { return queue.Ref{Account: q.account, Name: q.name} }

// resource is what policies know the request's object by.
func (q *request) resource() string {
	path := "/queues"
	if q.name != "" {
		path += "/" + q.name
	}
	if q.below != "" {
		path += "/" + q.below
	}
	return path
}

// read reads the body.
func (q *request) read(digest auth.Digest) (err error) {
	if q.body, err = io.ReadAll(io.LimitReader(q.r.Body, maxBody+1)); err != nil {
		return sluice.Errorf(sluice.Invalid, "argument", "the body did not arrive: %w", err)
	}
	if len(q.body) > maxBody {
		return sluice.Errorf(sluice.TooLarge, "body", "the body is larger than %d bytes", maxBody)
	}
	return digest.Check(q.body)
}

// number is a parameter of the query; otherwise if it is not there.
func (q *request) number(name string, otherwise int64) (int64, error) {
	text := q.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, sluice.Errorf(sluice.Invalid, "argument", "%s is %.32q, which is no number", name, text)
	}
	return n, nil
}

// url is the address of a queue, as this client calls the server.
func (q *request) url(name string) string {
	scheme := "http"
	if q.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + q.r.Host + "/queues/" + name
}

// send answers. A body that cannot be encoded has no text of its own in it, so that is not possible.
func send(w http.ResponseWriter, c *wire.Call, status int, body any) {
	h := w.Header()
	h["X-Mns-Request-Id"], h["X-Mns-Version"] = []string{c.ID}, []string{version}
	var text []byte
	if body != nil {
		encoded, err := xml.Marshal(body)
		if err != nil {
			status, c.Err = http.StatusInternalServerError, err
		}
		text = append([]byte(xml.Header), encoded...)
		h["Content-Type"] = []string{"text/xml;charset=utf-8"}
	}
	if status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(text))}
	}
	w.WriteHeader(status)
	_, _ = w.Write(text) // one that fails means that the client is gone
}

// split cuts a path into the queue and what is below it. Names are checked before anything else sees them: no policy is asked about what no
// queue can be called.
func split(path string) (name, below string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/queues")
	if !ok || rest == "" || rest == "/" {
		return "", "", ok
	}
	if rest[0] != '/' {
		return "", "", false
	}
	name, below, found := strings.Cut(rest[1:], "/")
	if name == "" || found && below != "messages" {
		return "", "", false
	}
	return name, below, true
}
