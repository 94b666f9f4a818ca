// Package agent speaks the ConfigServer protocol of Logtail and LoongCollector (reference sls-api 6.2), in its second version and in the
// first, which agents in the field still speak: POST with a protobuf message, which is answered with one.
//
//	/Agent/Heartbeat            v2   who I am, what I have        → what is news, with details
//	/Agent/FetchPipelineConfig  v2   names                        → details
//	/Agent/FetchPipelineConfig  v1   names, in other fields       → details
//	/Agent/HeartBeat            v1   who I am, what I have        → what is news, without details
//
// The protocol has no signatures. Who is let in is for package agentconf to say, from the address and, if one is wanted, a token. The
// project is the one of the host that the agent calls, as everywhere, or the one that is configured for agents that call an address.
package agent

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentconf"
	"github.com/sluicelog/sluice/internal/wire"
)

// maxBody is far more than an agent with a thousand configurations sends.
const maxBody = 1 << 20

const prefix = "/Agent/"

// Options of the dialect.
type Options struct {
	Addressing wire.Addressing
	Project    string // of agents whose address names none; "" for none
	MaxServed  int    // heartbeats at once [64]; agents come in crowds, and come again
}

// API is the dialect. It is safe for concurrent use.
type API struct {
	agents *agentconf.Agents
	o      Options
	places chan struct{}
}

// New makes the dialect over its service.
func New(agents *agentconf.Agents, o Options) *API {
	if o.MaxServed == 0 {
		o.MaxServed = 64
	}
	return &API{agents: agents, o: o, places: make(chan struct{}, o.MaxServed)}
}

// Claims implements [wire.Claimant].
func (a *API) Claims(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, prefix)
}

// request is one request of an agent.
type request struct {
	r       *http.Request
	project string
	from    netip.Addr
	body    []byte
}

// actions are the paths, with what answers them. A refusal is said in the message of the answer, and in the status.
var actions = map[string]struct {
	name string
	call func(*API, *request) ([]byte, error)
	deny func(body []byte, message string) []byte
}{
	"Heartbeat":           {"AgentHeartbeat", (*API).heartbeat2, deny2},
	"FetchPipelineConfig": {"AgentFetchPipelineConfig", (*API).fetchPipelines, deny2},
	"FetchInstanceConfig": {"AgentFetchInstanceConfig", (*API).fetchNothing, deny2},
	"ReportStatus":        {"AgentReportStatus", (*API).fetchNothing, deny2},
	"HeartBeat":           {"AgentHeartBeat", (*API).heartbeat1, deny1},
	"FetchAgentConfig":    {"AgentFetchAgentConfig", (*API).fetchNothing1, deny1},
}

// Serve implements [wire.Dialect].
func (a *API) Serve(w http.ResponseWriter, r *http.Request, c *wire.Call) {
	answer, err := a.serve(r, c)
	if err != nil {
		a.Refuse(w, r, c, err)
		return
	}
	send(w, http.StatusOK, answer)
}

func (a *API) serve(r *http.Request, c *wire.Call) ([]byte, error) {
	action, ok := actions[strings.TrimPrefix(r.URL.Path, prefix)]
	if !ok {
		return nil, sluice.Errorf(sluice.NotFound, "path", "agents have no action %.64q", r.URL.Path)
	}
	c.Service, c.Action = "agent", action.name
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	default:
		return nil, sluice.Errorf(sluice.Unavailable, "server", "too many agents at once; try again")
	}
	q := &request{r: r}
	if at, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		q.from = at.Addr().Unmap()
	}
	project, err := a.o.Addressing.Project(r)
	if err != nil {
		return nil, err
	}
	if q.project = project; project == "" {
		q.project = a.o.Project
	}
	c.Project = q.project
	if !a.agents.Serves(q.from) { // before a body of theirs is read
		return nil, sluice.Errorf(sluice.Unauthorized, "agent", "agents from %s are not served: see agents.networks", q.from)
	}
	if q.body, err = io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, sluice.Errorf(sluice.TooLarge, "body", "the message is larger than %d bytes", maxBody)
		}
		return nil, sluice.Errorf(sluice.Invalid, "body", "the message did not arrive whole")
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	return action.call(a, q)
}

// Refuse implements [wire.Dialect].
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, c *wire.Call, err error) {
	c.Err = err
	status, message := http.StatusInternalServerError, "internal error"
	c.Code = "InternalServerError"
	var e *sluice.Error
	if errors.As(err, &e) && e.Kind != sluice.Internal {
		message = e.Msg
		switch e.Kind {
		case sluice.Unauthorized:
			status, c.Code = http.StatusForbidden, "Unauthorized"
		case sluice.NotFound:
			status, c.Code = http.StatusNotFound, "NotExist"
		case sluice.Unavailable:
			status, c.Code = http.StatusServiceUnavailable, "ServerBusy"
		case sluice.TooLarge:
			status, c.Code = http.StatusRequestEntityTooLarge, "PostBodyTooLarge"
		default:
			status, c.Code = http.StatusBadRequest, "ParameterInvalid"
		}
	}
	deny := deny2
	if action, ok := actions[strings.TrimPrefix(r.URL.Path, prefix)]; ok {
		deny = action.deny
	}
	send(w, status, deny(nil, message))
}

// Drain implements [wire.Dialect]: no answer here goes on.
func (a *API) Drain() {}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = []string{"application/x-protobuf"}
	w.WriteHeader(status)
	_, _ = w.Write(body) // to an agent that may have left
}
