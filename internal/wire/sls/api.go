// Package sls speaks the REST dialect of Simple Log Service, API version 0.6.0 (reference sls-api): what official clients
// send comes in, domain calls go out, and every answer has the shape those clients insist on.
//
//	address ──> route ──> authenticate (headers) ──> authorize ──> handler: read body under caps, check digest, decode,
//	one domain call, encode
//
// Rules that clients break on (reference 0.1) and that this package keeps in one place each:
//   - Success is exactly 200; every answer has x-log-requestid and x-log-time; every error is a JSON object (reply.go).
//   - Codes and statuses come from one table (errors.go), and actions from one table (routes.go).
//   - A body is read only after the headers proved who sent it, and never past its limit (body.go).
package sls

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentconf"
	"github.com/sluicelog/sluice/internal/asyncsql"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/backup"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/consumer"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/deletion"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/indexer"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/reindex"
	"github.com/sluicelog/sluice/internal/shipper"
	"github.com/sluicelog/sluice/internal/trail/importer"
	"github.com/sluicelog/sluice/internal/trail/ledger"
	"github.com/sluicelog/sluice/internal/wire"
)

// Services are what the dialect translates to.
type Services struct {
	Auth       *auth.Authenticator
	Keys       *auth.Keys
	Identity   *iam.Directory
	Catalog    *catalog.Catalog
	Ingest     *ingest.Door
	Reads      *ingest.ReadQuota
	Consumers  *consumer.Groups
	Query      *query.Engine
	Deletions  *deletion.Tasks
	AsyncSQL   *asyncsql.Runs
	Deliveries *delivery.Engine
	Shippers   *shipper.Shippers
	Imports    *importer.Service
	Index      *indexer.Indexer
	Reindex    *reindex.Jobs
	Backups    *backup.Backups
	KeyQuotas  *keyquota.Quotas
	Control    *control.Control
	Agents     *agentconf.Agents
	Trail      *ledger.Recorder
}

// Options of the dialect. The zero value of a field means the default in brackets.
type Options struct {
	Addressing   wire.Addressing
	Endpoint     string           // host clients are told to use: the base domain
	Region       string           // ["local"] what project objects say
	MaxBodyBytes int              // [10 MiB] one request body, before compression
	MaxSentBytes int              // [11 MiB] one compressed request body; more than MaxBodyBytes, as what does not shrink grows
	MaxBodies    int64            // [512 MiB] bodies of signed writes in memory at once, compressed and not
	MaxUnsigned  int64            // [64 MiB] the same of web tracking, so that strangers leave room for the others
	MaxAnswers   int64            // [512 MiB] pull answers in memory at once: those that are made and those that clients take slowly
	MaxPullBytes int              // [8 MiB] one pull response, before compression
	Now          func() time.Time // [time.Now]
}

// API is the dialect. It is safe for concurrent use.
type API struct {
	Services
	o      Options
	router *router

	// Bytes left of MaxBodies, MaxUnsigned and MaxAnswers.
	bodies, unsigned, answers *semaphore.Weighted

	filters *semaphore.Weighted // one for each pull with a query that may run at once

	draining context.Context // ended by Drain
	drain    context.CancelFunc
}

// New makes the dialect over its services.
func New(s Services, o Options) *API {
	o.Region = cmp.Or(o.Region, "local")
	o.MaxBodyBytes = cmp.Or(o.MaxBodyBytes, 10<<20)
	o.MaxSentBytes = cmp.Or(o.MaxSentBytes, 11<<20)
	o.MaxBodies = cmp.Or(o.MaxBodies, 512<<20)
	o.MaxUnsigned = cmp.Or(o.MaxUnsigned, 64<<20)
	o.MaxAnswers = cmp.Or(o.MaxAnswers, 512<<20)
	o.MaxPullBytes = cmp.Or(o.MaxPullBytes, 8<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &API{
		Services: s, o: o, router: newRouter(Routes()), bodies: semaphore.NewWeighted(o.MaxBodies),
		unsigned: semaphore.NewWeighted(o.MaxUnsigned), answers: semaphore.NewWeighted(o.MaxAnswers),
		filters: semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))),
	}
	a.draining, a.drain = context.WithCancel(context.Background())
	return a
}

// Serve implements [wire.Dialect].
func (a *API) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	q := &request{api: a, w: w, r: r, call: c}
	c.Service, c.Detail = "sls", q
	a.mark(w, c)
	if err := a.serve(q); err != nil {
		a.fail(w, c, err)
	}
}

// Refuse implements [wire.Dialect].
func (a *API) Refuse(w http.ResponseWriter, _ *http.Request, c *wire.Call, err error) {
	a.mark(w, c)
	a.fail(w, c, err)
}

// mark sets the headers that every answer has.
func (a *API) mark(w http.ResponseWriter, c *wire.Call) {
	h := w.Header()
	h["X-Log-Requestid"] = []string{c.ID}
	h["X-Log-Time"] = []string{strconv.FormatInt(a.o.Now().Unix(), 10)}
}

// serve takes a request from its address to its handler.
func (a *API) serve(q *request) error {
	project, err := a.o.Addressing.Project(q.r)
	if err != nil {
		return err
	}
	q.project, q.call.Project = project, project
	if q.query, err = parseQuery(q.r.URL.RawQuery); err != nil {
		return err
	}
	route, err := a.router.find(q.r, project, q.query, &q.vars)
	if err != nil {
		return err
	}
	q.route, q.call.Action = route, route.Action
	q.call.Logstore = q.vars.get("logstore")
	if !route.Anonymous {
		if err := a.admit(q); err != nil {
			return err
		}
	}
	if err := q.call.Start(); err != nil {
		return err
	}
	return route.handle(a, q)
}

// admit lets a request pass whose signature holds and whose signer may do what it asks.
func (a *API) admit(q *request) error {
	principal, digest, err := a.Auth.Authenticate(q.r)
	if err != nil {
		return err
	}
	q.principal, q.digest = principal, digest
	q.call.AccessKey = principal.AccessKeyID
	if err := a.admitFlow(q); err != nil {
		return err
	}
	if q.route.Late {
		return nil
	}
	return q.authorizeRoute()
}

// admitFlow lets a request pass whose key has not taken too much, and sees to it that the key pays for it.
func (a *API) admitFlow(q *request) error {
	key, root, writing, call := q.principal.Origin(), q.principal.Root, q.route.Mutating, q.call
	if err := a.KeyQuotas.Admit(q.ctx(), key, root, writing); err != nil {
		return err
	}
	call.Charge = func(in, out int64) {
		bytes := max(out, call.RawOut)
		if writing {
			bytes = max(in, call.RawIn)
		}
		a.KeyQuotas.Charge(key, root, writing, bytes)
	}
	return nil
}

// request is one request on its way through its handler.
type request struct {
	api   *API
	w     http.ResponseWriter
	r     *http.Request
	call  *wire.Call
	route *Route
	query url.Values
	vars  pathVars

	project   string
	principal *auth.Principal // nil on anonymous routes
	digest    auth.Digest
	told      []byte // a body that is no logs, for audit events
}

func (q *request) ctx() context.Context { return q.r.Context() }

// logstore is the logstore that the path names.
func (q *request) logstore() sluice.LogstoreRef {
	return sluice.LogstoreRef{Project: q.project, Logstore: q.vars.get("logstore")}
}

// permit asks whether the signer may do this route's action to a project or to a logstore in it.
func (q *request) permit(project, logstore string) error {
	return q.authorize(auth.Resource{Project: project, Logstore: logstore})
}

// renew asks again whether the signer may: it took time to read a body, or an answer goes on, and the key may be gone by now, or the project
// somebody else's.
func (q *request) renew() error {
	principal, err := q.api.Auth.Renew(q.ctx(), q.principal)
	if err != nil {
		return err
	}
	q.principal = principal
	if q.route.Late {
		return nil
	}
	return q.authorizeRoute()
}

// authorizeRoute asks whether the signer may do the route's action to what its path names. A metric store is a logstore, too: whoever is denied
// either is denied both.
func (q *request) authorizeRoute() error {
	if err := q.authorize(q.resource()); err != nil || q.route.twin == "" {
		return err
	}
	twin := auth.Resource{Project: q.project, Path: "metricstore/" + q.vars.get("logstore")}
	if twin.Path == q.resource().Path {
		twin = auth.Resource{Project: q.project, Logstore: q.vars.get("logstore")}
	}
	return q.notForbidden(q.route.twin, twin)
}

// notForbidden returns an error if a policy denies the signer what he is about to do under another name of the action and of its object.
func (q *request) notForbidden(permission string, r auth.Resource) error {
	return q.principal.Forbids(auth.Action{Name: permission, Mutating: q.route.Mutating}, r)
}

func (q *request) authorize(r auth.Resource) error {
	return q.principal.Authorize(auth.Action{Name: q.route.Permission, Mutating: q.route.Mutating, Root: q.route.Root}, r)
}

func parseQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "the query string is badly encoded")
	}
	return query, nil
}
