package sls

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/sluicelog/sluice/internal/wire"
)

var (
	typeJSON     = []string{"application/json"}
	typeProtobuf = []string{"application/x-protobuf"}
	zeroLength   = []string{"0"}
)

// ok answers a success without a body.
func (q *request) ok() error {
	q.w.Header()["Content-Length"] = zeroLength
	q.w.WriteHeader(http.StatusOK)
	return nil
}

// json answers a success with v. Slices in v must not be nil: clients expect an array and choke on null (reference 0.1, rule 4).
func (q *request) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	send(q.w, http.StatusOK, typeJSON, body)
	return nil
}

// fail answers with an error.
func (a *API) fail(w http.ResponseWriter, c *wire.Call, err error) {
	f := explain(err)
	c.Code, c.Err = f.Code, err
	// Strings only: Marshal cannot fail. It replaces what is not UTF-8 and escapes what a page could take for markup.
	body, _ := json.Marshal(struct {
		Code    string `json:"errorCode"`
		Message string `json:"errorMessage"`
	}{f.Code, f.Message})
	send(w, f.Status, typeJSON, body)
}

// send writes one answer whole, given in parts. A write that fails means that the client is gone: nobody is left to tell.
func send(w http.ResponseWriter, status int, contentType []string, parts ...[]byte) {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	h := w.Header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(length)}
	w.WriteHeader(status)
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}
