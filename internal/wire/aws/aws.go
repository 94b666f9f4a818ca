// Package aws speaks the JSON 1.1 dialect of AWS for one service, CloudTrail (reference audit 1.5 to 1.7): an operation by name in a header,
// arguments and answers as JSON, signature version 4 over all of it.
//
//	POST / + X-Amz-Target ──> body, capped ──> operation ──> signature ──> authorize ──> handler: decode, one domain call ──> JSON
//
// Rules that clients break on, in one place each:
//   - The operation is what stands behind the last dot of X-Amz-Target: clients put different names before it.
//   - Times are numbers, in both directions; members that are not there are left out, never null (json.go).
//   - An error is its name, in the body and in a header, with status 400 unless it is ours (errors.go).
//
// Differs: operations that are not in the table, such as those of CloudTrail Lake, are UnsupportedOperationException.
package aws

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/courier"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
	"github.com/sluicelog/sluice/internal/wire"
)

const (
	headerTarget = "X-Amz-Target"
	contentType  = "application/x-amz-json-1.1"
	service      = "cloudtrail" // in scopes of signatures, and in the names of permissions
)

// Version is that of the API.
const Version = "2013-11-01"

// maxBody is the largest body in bytes: far more than the selectors of a trail.
const maxBody = 1 << 20

// operation is one row of the table.
type operation struct {
	name     string
	mutating bool
	trail    string // the argument that names the trail that it is about; "": it is about all of them, or the handler asks

	handle func(*API, *request) (any, error)
}

// tables are all operations.
var tables = [][]operation{trailOperations, statusOperations, selectorOperations, lookupOperations, keyOperations, tagOperations}

// History looks events up.
type History interface {
	Lookup(ctx context.Context, account string, q history.Query) (history.Page, error)
}

// Keys are the public keys of digests.
type Keys interface {
	Valid(ctx context.Context, start, end time.Time) ([]courier.Pair, error)
}

// Services are what the dialect translates to.
type Services struct {
	Auth    *auth.Authenticator
	Quotas  *keyquota.Quotas
	Trails  *trails.Trails
	History History
	Keys    Keys
	Shape   shape.Options
	Now     func() time.Time
}

// API is the dialect. It is safe for concurrent use.
type API struct {
	Services
	operations map[string]operation
}

// New makes the dialect over its services.
func New(s Services) *API {
	a := &API{Services: s, operations: map[string]operation{}}
	for _, table := range tables {
		for _, row := range table {
			a.operations[row.name] = row
		}
	}
	return a
}

// Claims implements [wire.Claimant].
func (a *API) Claims(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/" && r.Header.Get(headerTarget) != ""
}

// Serve implements [wire.Dialect].
func (a *API) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	q := &request{r: r, call: c}
	c.Service, c.Detail = trail.ServiceCloudTrail, q
	answer, err := a.serve(q)
	if err != nil {
		a.Refuse(w, r, c, err)
		return
	}
	body, err := encode(answer)
	if err != nil {
		a.Refuse(w, r, c, err)
		return
	}
	send(w, c, http.StatusOK, body)
}

// Drain implements [wire.Dialect]: no call lasts long.
func (a *API) Drain() {}

// serve takes a request from its body to its handler.
func (a *API) serve(q *request) (any, error) {
	if err := q.read(); err != nil {
		return nil, err
	}
	target := q.r.Header.Get(headerTarget)
	name := target[strings.LastIndexByte(target, '.')+1:]
	op, ok := a.operations[name]
	if ok {
		q.operation, q.call.Action = op, op.name
	}
	var err error
	if q.principal, err = a.Auth.AuthenticateAWS(q.r, q.body, service); err != nil {
		return nil, err
	}
	q.call.AccessKey = q.principal.AccessKeyID
	if !ok {
		return nil, sluice.Errorf(sluice.Unsupported, "", "operation %.64q is not supported", name)
	}
	if q.call.Charge, err = a.Quotas.Hold(q.r.Context(), q.principal.Origin(), q.principal.Root, op.mutating); err != nil {
		return nil, err
	}
	if err := a.admit(q); err != nil {
		return nil, err
	}
	if err := q.call.Start(); err != nil {
		return nil, err
	}
	return op.handle(a, q)
}

// request is one request on its way through its handler.
type request struct {
	r         *http.Request
	call      *wire.Call
	operation operation
	body      []byte
	principal *auth.Principal
	trail     trails.Key // that the operation is about
}

func (q *request) read() (err error) {
	if q.body, err = io.ReadAll(io.LimitReader(q.r.Body, maxBody+1)); err != nil {
		return sluice.Errorf(sluice.Invalid, "json", "the body did not arrive: %w", err)
	}
	if len(q.body) > maxBody {
		return sluice.Errorf(sluice.TooLarge, "body", "the body is larger than %d bytes", maxBody)
	}
	return nil
}

// admit asks whether the signer may do the operation to the trail that it names.
func (a *API) admit(q *request) error {
	switch q.operation.trail {
	case "":
		return q.authorize("*")
	case resourceList: // the handler asks for each
		return nil
	}
	var all map[string]json.RawMessage
	if err := decode(q.body, &all); err != nil {
		return err
	}
	var name string
	if raw := all[q.operation.trail]; raw != nil && json.Unmarshal(raw, &name) != nil || name == "" {
		return sluice.Errorf(sluice.Invalid, "trailname", "argument %s is missing: the name of a trail", q.operation.trail)
	}
	var err error
	if q.trail, err = a.about(q, name); err != nil {
		return err
	}
	return nil
}

// about is the trail that a name or an ARN means, once the signer may do the operation to it.
func (a *API) about(q *request, name string) (trails.Key, error) {
	k, err := a.Trails.CloudKey(q.principal.Account, name)
	if err != nil {
		return k, err
	}
	return k, q.authorize("trail/" + k.Name)
}

func (q *request) authorize(path string) error {
	return q.principal.Authorize(auth.Action{Name: service + ":" + q.operation.name, Mutating: q.operation.mutating}, auth.Resource{Path: path})
}

// requestID is the call's id in the form of a UUID.
func requestID(c *wire.Call) string {
	id := strings.ToLower(c.ID) + "00000000"
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:32]
}

func send(w http.ResponseWriter, c *wire.Call, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Amzn-Requestid"] = []string{requestID(c)}
	w.WriteHeader(status)
	_, _ = w.Write(body) // one that fails means that the client is gone
}
