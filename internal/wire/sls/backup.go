package sls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/backup"
)

// CreateBackup: POST /sluice/v1/backup
//
// Body: withoutKey (leave out secret.key), withoutIndex (leave out what is made anew from the logs), have (name, size and sha256 of files below
// journal, shards and index that the client has: where they are the same here, the manifest lists them and they are not sent).
// Behavior: everything that a data directory has to have, as it was at one moment while the server goes on, as one stream of
// application/x-tar. An answer that does not end with the manifest is no backup. One at a time.
// Differs: an action of this server, not of Simple Log Service; root keys only, on the bare host.

var backupRoutes = []Route{
	{Method: "POST", Path: "/sluice/v1/backup", Host: OnBare, Action: "CreateBackup", Permission: "sluice:CreateBackup", Resource: "account", Mutating: true, Root: true, handle: (*API).createBackup},
}

// maxBackupBytes bounds the request, which root keys alone can send.
const maxBackupBytes = archive.MaxClaimBytes + 1<<10

// claimedFiles are files that a client says it has. What is far too many is refused before it takes memory.
type claimedFiles []archive.File

func (c *claimedFiles) UnmarshalJSON(raw []byte) error {
	const commas = 3 // for each file, of three members
	if bytes.Count(raw, []byte(",")) > commas*archive.MaxClaims {
		return fmt.Errorf("have lists more than %d files; list the largest, the others are sent", archive.MaxClaims)
	}
	return json.Unmarshal(raw, (*[]archive.File)(c))
}

var errBackupEnds = sluice.Errorf(sluice.Unavailable, "server", "the server is stopping; take the backup again when it is back")

func (a *API) createBackup(q *request) error {
	var body struct {
		WithoutKey   looseBool    `json:"withoutKey"`
		WithoutIndex looseBool    `json:"withoutIndex"`
		Have         claimedFiles `json:"have"`
	}
	if err := q.decodeUpTo(maxBackupBytes, "parameter", &body); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(q.ctx())
	defer cancel(nil)
	defer context.AfterFunc(a.draining, func() { cancel(errBackupEnds) })()
	b, err := a.Backups.Begin(ctx, backup.Options{WithoutKey: bool(body.WithoutKey), WithoutIndex: bool(body.WithoutIndex), Have: body.Have})
	if err != nil {
		return err
	}
	w := &patientWriter{w: q.w, control: http.NewResponseController(q.w)}
	w.begin("application/x-tar")
	err = errors.Join(b.WriteTo(ctx, w), b.Close())
	if err == nil {
		return nil
	}
	q.call.Code, q.call.Err = explain(err).Code, err
	panic(http.ErrAbortHandler) // what has been sent must not look like an answer that ended well
}

// patientWriter sends an answer that may take as long as it needs, so long as the client takes what is sent.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (p *patientWriter) begin(contentType string) {
	h := p.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Cache-Control"] = []string{"no-store"}
	_ = p.control.SetReadDeadline(time.Time{}) // else the end of the request's own time would look like a client that leaves
	p.w.WriteHeader(http.StatusOK)
}

func (p *patientWriter) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	return p.w.Write(b)
}
