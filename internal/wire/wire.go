// Package wire holds what the server and the dialects on it share: the record of one call, the seam between them, and how an
// address names a project.
//
//	server ── listen, limit, request id ──> Dialect.Serve(w, r, call) ──> log line and metrics, from the call
//
// The server knows no dialect's headers or error bodies, and a dialect knows nothing of listeners, limits and logs.
package wire

import (
	"net/http"

	"github.com/sluicelog/sluice/internal/auth"
)

// Call is one request as the access log and the metrics see it. The server makes it with an ID; the dialect fills in the
// rest while it serves. None of its text is secret.
type Call struct {
	ID        string // 24 upper-case hexadecimal digits
	Service   string // whose action it is, in the words of package trail: "sls"; "" if the dialect does not say
	Action    string // the API's name for it, "PutLogs"; "" when no action was found
	Project   string
	Logstore  string
	AccessKey string // id of the key that signed; "" for anonymous calls and for signatures that failed
	Code      string // error code sent; "" for success
	Err       error  // what went wrong, in full; nil for success

	RawIn, RawOut       int64 // log data written and read, before compression, in bytes
	GroupsIn, GroupsOut int   // log groups written and read

	// Detail is who knows more about the call, for audit events; nil for nobody. A dialect sets it as soon as it has begun to serve.
	Detail Detailer
	// Begin is asked by [Call.Start]; nil says yes.
	Begin func() error

	// Charge is told, when all is over, the bytes of the request's body and of its answer as on the wire; nil for nobody.
	Charge func(in, out int64)
}

// Start is called by a dialect when it knows what is to be done, and that it may be, and before it does anything of it. An error is for the client:
// nothing is to be done then.
func (c *Call) Start() error {
	if c.Begin == nil {
		return nil
	}
	return c.Begin()
}

// Detailer is a request of a dialect that tells about itself.
type Detailer interface {
	// Detail is called at most a few times, before Serve has returned or at once after it, from its goroutine.
	Detail() Detail
}

// Detail is what audit events tell of a call beside what is in Call. All of it is as the client sent it: what is secret in it is for package trail to
// leave out.
type Detail struct {
	Version   string          // of the API
	Principal *auth.Principal // who signed; nil if nobody did, or not rightly
	AccessKey string          // id of the key as the request names it, whatever came of it
	Signature string          // method, "LOG-HMAC-SHA1"; "" for none
	Objects   []string        // what is acted on beside project and logstore, as "kind/name", outermost first
	Params    map[string]any  // by name: of path, query and body; values are those of JSON, and []string
}

// Dialect serves one wire family. It is safe for concurrent use.
type Dialect interface {
	// Serve answers one request.
	Serve(w http.ResponseWriter, r *http.Request, c *Call)
	// Refuse answers a request that will not be served, because of err, in the shape the dialect's clients expect.
	Refuse(w http.ResponseWriter, r *http.Request, c *Call, err error)
	// Drain is told once that the server stops: answers that go on as long as the client listens end now.
	Drain()
}
