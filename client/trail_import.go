package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// TrailImport reads the files of CloudTrail in a bucket into a logstore; what is "" is the server's default.
type TrailImport struct {
	Name            string `json:"name"`
	Logstore        string `json:"logstore"`
	Bucket          string `json:"bucket"`
	Prefix          string `json:"prefix,omitempty"` // in front of AWSLogs/
	Endpoint        string `json:"endpoint,omitempty"`
	Region          string `json:"region,omitempty"`
	Addressing      string `json:"addressing,omitempty"` // path or virtual
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey,omitempty"` // never comes back
	SessionToken    string `json:"sessionToken,omitempty"`    // never comes back
	From            string `json:"from,omitempty"`            // first day, YYYY-MM-DD
	Insights        bool   `json:"insights,omitempty"`
	IntervalSeconds int64  `json:"intervalSeconds,omitempty"`
	LateHours       int64  `json:"lateHours,omitempty"`
}

// TrailImportStatus is an import, and how it does.
type TrailImportStatus struct {
	TrailImport
	Created    time.Time     `json:"created"`
	Files      int64         `json:"files"`      // that are done
	Bytes      int64         `json:"bytes"`      // of them
	Records    int64         `json:"records"`    // that were written
	Duplicates int64         `json:"duplicates"` // that were delivered twice, and written once
	BadFiles   int64         `json:"badFiles"`   // that were left out
	BadRecords int64         `json:"badRecords"` // that were left out of other files
	Running    bool          `json:"running"`
	FilesLeft  int64         `json:"filesLeft"`
	BytesLeft  int64         `json:"bytesLeft"`
	Looked     time.Time     `json:"looked"` // when the last look ended that found all files read; zero: none did since the server started
	Error      string        `json:"error,omitempty"`
	Faults     []ImportFault `json:"faults,omitempty"`
}

// ImportFault is something that was left out.
type ImportFault struct {
	File   string    `json:"file"`
	Offset int64     `json:"offset"`
	Record int       `json:"record"` // -1 for the whole file
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

const importsPath = "/sluice/v1/imports"

func importPath(name string) string { return importsPath + "/" + url.PathEscape(name) }

// CreateTrailImport makes an import of a project and starts it. Error codes: ParameterInvalid, whose message names the field;
// ImportAlreadyExist.
func (c *Client) CreateTrailImport(ctx context.Context, project string, i TrailImport) (*TrailImportStatus, error) {
	document, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	s := &TrailImportStatus{}
	return s, c.send(ctx, documentCall(http.MethodPost, project, importsPath, nil, document), s)
}

// TrailImports lists the imports of a project.
func (c *Client) TrailImports(ctx context.Context, project string) ([]TrailImportStatus, error) {
	var page struct {
		Imports []TrailImportStatus `json:"imports"`
	}
	err := c.get(ctx, project, importsPath, nil, &page)
	return page.Imports, err
}

// TrailImport describes an import. Error code: ImportNotExist.
func (c *Client) TrailImport(ctx context.Context, project, name string) (*TrailImportStatus, error) {
	s := &TrailImportStatus{}
	return s, c.get(ctx, project, importPath(name), nil, s)
}

// DeleteTrailImport stops an import and forgets it; its logs stay. Error code: ImportNotExist.
func (c *Client) DeleteTrailImport(ctx context.Context, project, name string) error {
	return c.send(ctx, call{method: http.MethodDelete, project: project, path: importPath(name)}, nil)
}
