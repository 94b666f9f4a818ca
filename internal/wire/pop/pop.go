// Package pop speaks the RPC dialect of Alibaba Cloud's control APIs (reference delivery a.1, a.9, a.10): an action and a version by name,
// parameters in the query and in a form, JSON as the answer.
//
//	read parameters, capped ──> action ──> authenticate ──> authorize ──> handler: decode, one domain call ──> JSON
//
// Rules that clients break on, in one place each:
//   - The action is in headers (new clients) or in the query (old ones); parameters are looked for in both query and form, since
//     clients of different languages place them differently (params.go).
//   - Every answer has RequestId; every error Code, Message, RequestId, HostId and Recommend (errors.go).
package pop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/control"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/iam"
	"github.com/sluicelog/sluice/internal/keyquota"
	"github.com/sluicelog/sluice/internal/site"
	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/backfill"
	"github.com/sluicelog/sluice/internal/trail/history"
	"github.com/sluicelog/sluice/internal/trail/trails"
	"github.com/sluicelog/sluice/internal/wire"
)

const formType = "application/x-www-form-urlencoded"

// maxParams is how many parameters a query or a form may have: far more than any action.
const maxParams = 1000

// maxForm is the largest form in bytes: far more than any parameter of any action.
const maxForm = 1 << 20

// action is one row of the table of actions.
type action struct {
	version    string
	name       string
	permission string // what policies know it by, "esa:CreateSiteDeliveryTask"
	mutating   bool
	resources  []string // what it acts on, below the account: {UserName} is a parameter. The signer has to be allowed all of them; none: the handler asks

	handle func(*API, *request) (any, error)
}

// service is what audit events call the service: as permissions do, other than for Simple Log Service.
func (a *action) service() string {
	service, _, _ := strings.Cut(a.permission, ":")
	if service == "log" {
		return trail.ServiceSLS
	}
	return service
}

// API is the dialect. It is safe for concurrent use.
type API struct {
	Services
	actions map[string]map[string]action // by version and name
}

// Services are what the dialect translates to.
type Services struct {
	Auth       *auth.Authenticator
	Keys       *auth.Keys
	Identity   *iam.Directory
	KeyQuotas  *keyquota.Quotas
	Sites      *site.Sites
	Deliveries *delivery.Engine
	OSS        delivery.OSSRole // by which tasks write to OSS
	Assistant  *assistant.Service

	AssistantSettings *assistant.Settings

	Control *control.Control // for apps

	History     *history.History
	HistoryJobs *backfill.Jobs
	Trails      *trails.Trails
	DataEvents  func() map[string][]string // names of data events, by service; nil: none
}

// New makes the dialect over its services.
func New(s Services) *API {
	a := &API{Services: s, actions: map[string]map[string]action{}}
	for _, table := range tables {
		for _, row := range table {
			if a.actions[row.version] == nil {
				a.actions[row.version] = map[string]action{}
			}
			a.actions[row.version][row.name] = row
		}
	}
	return a
}

// tables are all actions of the dialect, by product.
var tables = [][]action{
	esaSites, esaFields, esaTasks, esaContainers,
	ramUsers, ramKeys, ramGroups, ramPolicies, ramAttachments, ramRoles, stsActions,
	ecsCommands, ecsInvocations, ecsFiles, ecsInstances, ecsSettings, oosParameters,
	auditLookups, auditTrails, auditRegions, auditSelectors, auditKeys, auditJobs, auditUnserved,
	logApps, logService, logUnserved,
}

// Claims implements [wire.Claimant].
func (a *API) Claims(r *http.Request) bool {
	if r.Header.Get("X-Acs-Action") != "" {
		return true
	}
	if r.URL.Path != "/" || r.Header.Get("X-Log-Apiversion") != "" {
		return false
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && kind == formType || // which only this dialect has
		strings.Contains(r.URL.RawQuery, "Action=") && strings.Contains(r.URL.RawQuery, "Version=")
}

// Serve implements [wire.Dialect].
func (a *API) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	q := &request{r: r, call: c}
	c.Detail = q
	answer, err := a.serve(q)
	if err != nil {
		a.Refuse(w, r, c, err)
		return
	}
	body, err := withRequestID(answer, requestID(c))
	if err != nil {
		a.Refuse(w, r, c, err)
		return
	}
	send(w, http.StatusOK, body)
}

// Drain implements [wire.Dialect]: no call lasts long.
func (a *API) Drain() {}

// serve takes a request from its parameters to its handler.
func (a *API) serve(q *request) (any, error) {
	body, err := q.read()
	if err != nil {
		return nil, err
	}
	name, err := q.named("Action")
	if err != nil {
		return nil, err
	}
	version, err := q.named("Version")
	if err != nil {
		return nil, err
	}
	act, ok := a.actions[version][name]
	if !ok {
		return nil, sluice.Errorf(sluice.NotFound, "api", "there is no action %.64q in version %.32q", name, version)
	}
	q.action, q.call.Action = act, act.name
	q.call.Service = act.service()
	if q.principal, err = a.Auth.AuthenticateRPC(q.r, q.params, body); err != nil {
		return nil, err
	}
	q.call.AccessKey = q.principal.AccessKeyID
	if q.call.Charge, err = a.KeyQuotas.Hold(q.r.Context(), q.principal.Origin(), q.principal.Root, act.mutating); err != nil {
		return nil, err
	}
	if err := q.admit(); err != nil {
		return nil, err
	}
	if err := q.call.Start(); err != nil {
		return nil, err
	}
	return act.handle(a, q)
}

// admit asks whether the signer may do the action to all that its row names.
func (q *request) admit() error {
	for _, pattern := range q.action.resources {
		path, err := q.fill(pattern)
		if err != nil {
			return err
		}
		if err := q.authorize(auth.Resource{Path: path}); err != nil {
			return err
		}
	}
	return nil
}

// fill replaces {Name} of a pattern by a parameter, which has to be there. Users are themselves where they name no other.
func (q *request) fill(pattern string) (string, error) {
	before, rest, found := strings.Cut(pattern, "{")
	if !found {
		return pattern, nil
	}
	name, after, _ := strings.Cut(rest, "}")
	value := q.params.Get(name)
	if name == paramUser && value == "" && q.principal.User != "" {
		value = q.principal.User
		q.params.Set(name, value)
	}
	if value == "" {
		return "", missing(name)
	}
	if strings.ContainsAny(value, "/*?") { // no name that there can be, and none that a policy should be asked about
		return "", invalid(name, "%.80q is not a name", value)
	}
	return before + value + after, nil
}

// named is the action or the version: of a header, of a parameter, or of both if they agree. A signature covers one of the two, and where it
// is the other that is looked at, anybody on the way could choose it.
func (q *request) named(what string) (string, error) {
	header, param := q.r.Header.Get("X-Acs-"+what), q.params.Get(what)
	if header != "" && param != "" && header != param {
		return "", sluice.Errorf(sluice.Invalid, "parameter", "header X-Acs-%s says %.64q, and the parameter %.64q", what, header, param)
	}
	return cmp.Or(header, param), nil
}

// request is one request on its way through its handler.
type request struct {
	r         *http.Request
	call      *wire.Call
	action    action
	params    url.Values // of query and form
	principal *auth.Principal
}

// read reads the parameters, and returns the body that a signature may cover.
func (q *request) read() ([]byte, error) {
	var err error
	if q.params, err = parameters("the query string", q.r.URL.RawQuery); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(q.r.Body, maxForm+1))
	if err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "the body did not arrive: %w", err)
	}
	if len(body) > maxForm {
		return nil, sluice.Errorf(sluice.TooLarge, "body", "the body is larger than %d bytes", maxForm)
	}
	if kind, _, _ := mime.ParseMediaType(q.r.Header.Get("Content-Type")); kind != formType {
		return body, nil
	}
	form, err := parameters("the form", string(body))
	if err != nil {
		return nil, err
	}
	for name, values := range form {
		q.params[name] = append(q.params[name], values...)
	}
	return body, nil
}

// parameters reads what is encoded like a query.
func parameters(where, text string) (url.Values, error) {
	if strings.Count(text, "&") >= maxParams {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "%s has more than %d parameters", where, maxParams)
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "%s is badly encoded", where)
	}
	return values, nil
}

// permit asks whether the signer may do this action to a site, or to what the account has of sites; "" is the account, without any project.
func (q *request) permit(project string) error {
	q.call.Project = project
	r := auth.Resource{Project: project}
	if id, ok := strings.CutPrefix(project, site.Prefix); ok {
		if r.Name = "*"; project != site.AccountProject(q.principal.Tenant()) {
			r.Name = "site/" + id
		}
	}
	return q.authorize(r)
}

// mayPost asks whether the signer may write logs to a logstore of this server.
func (q *request) mayPost(to sluice.LogstoreRef) error {
	return q.principal.Authorize(auth.Action{Name: "log:PostLogStoreLogs", Mutating: true}, auth.Resource{Project: to.Project, Logstore: to.Logstore})
}

func (q *request) authorize(r auth.Resource) error {
	return q.principal.Authorize(auth.Action{Name: q.action.permission, Mutating: q.action.mutating}, r)
}

// requestID is the call's id in the form of a UUID, which some clients check.
func requestID(c *wire.Call) string {
	id := c.ID + "00000000"
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:32]
}

// callID is the call's id of a request id that requestID made; any other is as it was.
func callID(requestID string) string {
	id, ok := strings.CutSuffix(strings.ReplaceAll(requestID, "-", ""), "00000000")
	const length = 24
	if !ok || len(id) != length {
		return requestID
	}
	return id
}

// withRequestID is answer as a JSON object with RequestId in front.
func withRequestID(answer any, id string) ([]byte, error) {
	head := `{"RequestId":` + strconv.Quote(id)
	if answer == nil {
		return []byte(head + "}"), nil
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	if len(body) <= 2 {
		return []byte(head + "}"), nil
	}
	return append([]byte(head+","), body[1:]...), nil
}

func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json;charset=utf-8"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // one that fails means that the client is gone
}
