package importer

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// What is in metadata. An import is a document of its project, and goes with it; how far it is, items.
const (
	kindImport = "trail-import"       // document: stored
	kindState  = "trail-import-state" // item: id
	kindDone   = "trail-import-done"  // item: id/key, of files of days that are not closed
	kindFault  = "trail-import-fault" // item: id/number
)

// stored is an import as metadata has it.
type stored struct {
	ID string `json:"id"` // given once: an import that is made again under an old name has done nothing
	Spec
	Secrets []byte `json:"secrets"` // the secret and the token, sealed
}

// state is how far an import is.
type state struct {
	File   string            `json:"file,omitempty"` // key of the file that is being read
	Next   int               `json:"next,omitempty"` // number of its first record that is not known to be written
	Closed map[string]string `json:"closed"`         // by stream: the last day whose files are all done, and which is not looked at again

	Counts
	Faults  int       `json:"faults"` // that were met
	Updated time.Time `json:"updated"`
}

// Counts are what came of files and records so far.
type Counts struct {
	Files      int64 `json:"files"`      // that are done
	Bytes      int64 `json:"bytes"`      // of them, as in the bucket
	Records    int64 `json:"records"`    // that were written
	Duplicates int64 `json:"duplicates"` // that were delivered twice, and written once
	BadFiles   int64 `json:"badFiles"`   // that were left out
	BadRecords int64 `json:"badRecords"` // that were left out of other files
}

// Fault is something that was left out.
type Fault struct {
	File   string    `json:"file"`
	Offset int64     `json:"offset"` // in its text, behind the decompression
	Record int       `json:"record"` // its number; -1 for the whole file
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

// maxFaults is how many faults are kept; all are counted.
const maxFaults = 1000

func readImport(tx meta.Tx, p place) (doc stored, err error) {
	d, err := tx.Document(p.Project, kindImport, p.Name)
	if err != nil {
		return doc, err
	}
	if err := json.Unmarshal(d.Body, &doc); err != nil {
		return doc, fmt.Errorf("import %s in metadata: %w", p.Name, err)
	}
	return doc, nil
}

func putItem(tx meta.Tx, kind, name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.SetItem(meta.Item{Kind: kind, Name: name, Body: body})
}

// readState reads how far an import is, and which files are done.
func readState(tx meta.Tx, id string) (st state, done map[string]bool, err error) {
	st.Closed, done = map[string]string{}, map[string]bool{}
	row, err := tx.Item(kindState, id)
	if sluice.KindOf(err) == sluice.NotFound {
		return st, done, nil
	}
	if err != nil {
		return st, nil, err
	}
	if err := json.Unmarshal(row.Body, &st); err != nil {
		return st, nil, fmt.Errorf("state of import %s in metadata: %w", id, err)
	}
	if st.Closed == nil {
		st.Closed = map[string]string{}
	}
	rows, err := tx.Items(kindDone, meta.ItemRange{Prefix: id + "/"})
	for _, row := range rows {
		done[strings.TrimPrefix(row.Name, id+"/")] = true
	}
	return st, done, err
}

// faultsOf are the last faults of an import, the newest first.
func faultsOf(tx meta.Tx, id string, limit int) ([]Fault, error) {
	rows, err := tx.Items(kindFault, meta.ItemRange{Prefix: id + "/", Reverse: true, Limit: limit})
	if err != nil {
		return nil, err
	}
	list := make([]Fault, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Body, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func faultName(id string, n int) string { return fmt.Sprintf("%s/%010d", id, n) }
