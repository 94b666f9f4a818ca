package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// BackupSpec says what a backup leaves out.
type BackupSpec struct {
	WithoutKey   bool `json:"withoutKey,omitempty"`   // secret.key, without which no secret in the backup can be opened
	WithoutIndex bool `json:"withoutIndex,omitempty"` // the index, which is made anew from the logs

	// Have lists files of an earlier backup that the caller has, up to a hundred thousand of those below journal/, shards/ and index/. Those
	// that the server has with the same bytes are in the manifest and not in the archive: such an archive is a backup only together with them.
	Have []BackupFile `json:"have,omitempty"`
}

// BackupFile is a file of a backup as the manifest describes it.
type BackupFile struct {
	Name   string `json:"name"` // below the data directory, with slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Backup asks for everything that the server keeps, as it is at one moment, and returns it as a tar archive that comes while it is read;
// close it. The archive is a backup only if it ends with its manifest: a connection that breaks looks like an archive that was cut. Only a
// root key may. Error code: ServerBusy while another backup runs; it is not waited for.
func (c *Client) Backup(ctx context.Context, spec BackupSpec) (io.ReadCloser, error) {
	body, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	req, err := c.request(ctx, call{
		method: http.MethodPost, path: "/sluice/v1/backup", contentType: contentJSON, body: body, rawSize: len(body),
	})
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what is missing is not told
		return nil, newError(resp.StatusCode, resp.Header, text)
	}
	return resp.Body, nil
}
