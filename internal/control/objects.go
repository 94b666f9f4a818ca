package control

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // an entity tag, by which clients see that bytes changed
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

/*
Objects are small files beside the logs of a logstore: a picture, a prompt, a stack dump that a log names. They lie in metadata, in two documents
each, so that lists read no bytes (docs/adr/0031):

	logstore/L/object       NAME   {"size":5,"etag":"…","header":{"Content-Type":"text/plain"}}
	logstore/L/object-data  NAME   the bytes

They are as durable as an answered write, are in every backup, go with their logstore, and are gone after its ttl: from that moment on nobody finds
them, and the next object that is put takes their room.
*/
const (
	objectKind = "object"
	objectData = "object-data"
)

// Bounds of objects.
const (
	MaxObject     = 1 << 20 // bytes of one
	maxObjects    = 1000    // of a logstore, unless the operator says another number
	maxObjectName = 1024    // bytes
	maxHeaderSize = 8 << 10 // bytes of the header that is kept of one
)

var objectName = regexp.MustCompile(`^[^\x00-\x1f\x7f]+$`)

// Object is a small file beside logs. Times are of the last put.
type Object struct {
	Name   string            `json:"-"`
	Size   int               `json:"size"`
	ETag   string            `json:"etag"`   // MD5 of the bytes, in upper-case hexadecimal digits
	Header map[string]string `json:"header"` // what was sent with it and is answered with it, by canonical names
	Put    time.Time         `json:"-"`
	Bytes  []byte            `json:"-"` // nil in lists
}

// PutObject makes or replaces an object of a logstore. Errors: Invalid "object", NotFound "project", "logstore", Throttled "quota".
func (c *Control) PutObject(ctx context.Context, ref sluice.LogstoreRef, name string, header map[string]string, data []byte) (Object, error) {
	sum := md5.Sum(data) //nolint:gosec // see the import
	o := Object{Name: name, Size: len(data), ETag: strings.ToUpper(hex.EncodeToString(sum[:])), Header: header, Put: c.o.Now()}
	if err := o.check(); err != nil {
		return Object{}, err
	}
	about, err := json.Marshal(o)
	if err != nil {
		return Object{}, err
	}
	return o, c.store.Update(ctx, func(tx meta.Tx) error {
		l, err := tx.Logstore(ref)
		if err != nil {
			return err
		}
		kind := meta.LogstoreKinds(ref.Logstore)
		if err := c.makeRoom(tx, l, name); err != nil {
			return err
		}
		if err := putDocument(tx, meta.Document{Project: ref.Project, Kind: kind + objectKind, Name: name, Body: about, Created: o.Put, Modified: o.Put}); err != nil {
			return err
		}
		return putDocument(tx, meta.Document{Project: ref.Project, Kind: kind + objectData, Name: name, Body: data, Created: o.Put, Modified: o.Put})
	})
}

func (o *Object) check() error {
	invalid := func(format string, args ...any) error {
		return sluice.Errorf(sluice.Invalid, "object", format, args...)
	}
	size := 0
	for name, value := range o.Header {
		size += len(name) + len(value)
	}
	switch {
	case len(o.Name) > maxObjectName || !objectName.MatchString(o.Name):
		return invalid("object name %.80q is not 1 to %d bytes without control characters", o.Name, maxObjectName)
	case o.Size > MaxObject:
		return invalid("the object has %d bytes, more than %d", o.Size, MaxObject)
	case size > maxHeaderSize:
		return invalid("the headers of the object have %d bytes, more than %d", size, maxHeaderSize)
	}
	return nil
}

// makeRoom removes objects whose time is over if there are as many as there may be, and fails if there is no room for one more of this name.
func (c *Control) makeRoom(tx meta.Tx, l meta.Logstore, name string) error {
	kind := meta.LogstoreKinds(l.Name)
	if _, err := tx.Document(l.Project, kind+objectKind, name); err == nil {
		return nil // it is replaced
	}
	limit := cmp.Or(c.o.PerKind, maxObjects)
	n, err := tx.CountDocuments(l.Project, kind+objectKind)
	if err != nil || n < limit {
		return err
	}
	var over []string
	err = tx.EachDocument(l.Project, kind+objectKind, func(d meta.Document) error {
		if c.isOver(l, d.Modified) {
			over = append(over, d.Name)
		}
		return nil
	})
	for _, name := range over {
		if err == nil {
			err = dropObject(tx, l, name)
		}
	}
	if err == nil && len(over) == 0 {
		err = sluice.Errorf(sluice.Throttled, "quota", "logstore %s has %d objects, the quota is %d", l.Name, n, limit)
	}
	return err
}

func dropObject(tx meta.Tx, l meta.Logstore, name string) error {
	kind := meta.LogstoreKinds(l.Name)
	if err := tx.DeleteDocument(l.Project, kind+objectKind, name); err != nil {
		return err
	}
	return tx.DeleteDocument(l.Project, kind+objectData, name)
}

// isOver reports whether the time of an object is over, as that of logs of its age is.
func (c *Control) isOver(l meta.Logstore, put time.Time) bool {
	return l.TTLDays < foreverDays && c.o.Now().After(put.Add(time.Duration(l.TTLDays)*24*time.Hour))
}

func putDocument(tx meta.Tx, d meta.Document) error {
	err := tx.CreateDocument(d)
	if sluice.KindOf(err) == sluice.AlreadyExists {
		return tx.UpdateDocument(d)
	}
	return err
}

// Object returns an object with its bytes. Errors: NotFound "project", "logstore", "object".
func (c *Control) Object(ctx context.Context, ref sluice.LogstoreRef, name string) (o Object, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		l, err := tx.Logstore(ref)
		if err != nil {
			return err
		}
		kind := meta.LogstoreKinds(ref.Logstore)
		about, err := tx.Document(ref.Project, kind+objectKind, name)
		if nounOf(err) == "document" || err == nil && c.isOver(l, about.Modified) {
			return sluice.Errorf(sluice.NotFound, "object", "object %.80q does not exist in logstore %s", name, ref.Logstore)
		}
		if err != nil {
			return err
		}
		data, err := tx.Document(ref.Project, kind+objectData, name)
		if err != nil {
			return err
		}
		o, err = readObject(about)
		o.Bytes = data.Body
		return err
	})
	return o, err
}

func readObject(d meta.Document) (o Object, err error) {
	err = json.Unmarshal(d.Body, &o)
	o.Name, o.Put = d.Name, d.Modified
	return o, err
}

// Objects lists at most limit objects whose names begin with prefix and are behind after, by name; more says that there are others behind them.
// Errors: NotFound "project", "logstore".
func (c *Control) Objects(ctx context.Context, ref sluice.LogstoreRef, prefix, after string, limit int) (page []Object, more bool, err error) {
	err = c.store.View(ctx, func(tx meta.Tx) error {
		l, err := tx.Logstore(ref)
		if err != nil {
			return err
		}
		return tx.EachDocument(ref.Project, meta.LogstoreKinds(ref.Logstore)+objectKind, func(d meta.Document) error {
			if more || d.Name <= after || !strings.HasPrefix(d.Name, prefix) || c.isOver(l, d.Modified) {
				return nil
			}
			if len(page) == limit {
				more = true
				return nil
			}
			o, err := readObject(d)
			page = append(page, o)
			return err
		})
	})
	return page, more, err
}
