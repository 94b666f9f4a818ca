// Package wire holds what the server and the dialects on it share: the record of one call, the seam between them, and how an
// address names a project.
//
//	server ── listen, limit, request id ──> Dialect.Serve(w, r, call) ──> log line and metrics, from the call
//
// The server knows no dialect's headers or error bodies, and a dialect knows nothing of listeners, limits and logs.
package wire

import "net/http"

// Call is one request as the access log and the metrics see it. The server makes it with an ID; the dialect fills in the
// rest while it serves. None of its text is secret.
type Call struct {
	ID        string // 24 upper-case hexadecimal digits
	Action    string // the API's name for it, "PutLogs"; "" when no action was found
	Project   string
	Logstore  string
	AccessKey string // id of the key that signed; "" for anonymous calls and for signatures that failed
	Code      string // error code sent; "" for success
	Err       error  // what went wrong, in full; nil for success

	RawIn, RawOut       int64 // log data written and read, before compression, in bytes
	GroupsIn, GroupsOut int   // log groups written and read

	// Charge is told, when all is over, the bytes of the request's body and of its answer as on the wire; nil for nobody.
	Charge func(in, out int64)
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
