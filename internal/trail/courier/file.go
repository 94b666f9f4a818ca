package courier

import (
	"bytes"
	"compress/gzip"
	"crypto/md5" //nolint:gosec // part of a name
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/trail/shape"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

/*
file is a log file in the making. Before compression it is one line:

	CloudTrail   {"Records":[ record , record … ]}
	ActionTrail  [ event , event … ]

The same events make the same bytes.
*/
type file struct {
	write   func(*trail.Event) ([]byte, error) // an event in its shape
	between [3]string                          // before the first, between two, behind the last

	body           bytes.Buffer
	zip            *gzip.Writer
	sum            hash.Hash
	raw            int64 // bytes before compression
	count          int
	oldest, newest time.Time
}

func newFile(f trails.Flavor, o shape.Options) *file {
	x := &file{sum: sha256.New(), between: [3]string{`{"Records":[`, ",", "]}"}}
	x.write = func(e *trail.Event) ([]byte, error) { return shape.CloudTrail(e, o) }
	if f == trails.ActionTrail {
		x.write, x.between = shape.ActionTrail, [3]string{"[", ",", "]"}
	}
	x.zip = gzip.NewWriter(&x.body)
	return x
}

// add adds an event. An error means that it has no shape.
func (f *file) add(e *trail.Event) error {
	text, err := f.write(e)
	if err != nil {
		return err
	}
	f.text(f.between[min(f.count, 1)])
	f.text(string(text))
	f.count++
	if f.oldest.IsZero() || e.Time.Before(f.oldest) {
		f.oldest = e.Time
	}
	if e.Time.After(f.newest) {
		f.newest = e.Time
	}
	return nil
}

// text writes into memory, which does not fail.
func (f *file) text(s string) {
	n, _ := f.zip.Write([]byte(s))
	_, _ = f.sum.Write([]byte(s))
	f.raw += int64(n)
}

// finish ends the file. It has one event at least.
func (f *file) finish() {
	f.text(f.between[2])
	_ = f.zip.Close()
}

func (f *file) sha256() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// key is what the file is called (reference audit 1.2.1, 2.5). Of two made at the same time in the same bucket, no two are the same.
func (c *Courier) fileKey(a *trails.Active, f *file, at time.Time) string {
	at = at.UTC()
	if a.Flavor == trails.ActionTrail {
		sum := md5.Sum(f.body.Bytes()) //nolint:gosec // part of a name
		return join(a.Prefix, "AliyunLogs/Actiontrail", a.Region, at.Format("2006/01/02"), fmt.Sprintf("Actiontrail_%s_%s_1002_%d_%d_%s.gz",
			a.Region, at.Format("20060102150405"), f.count, f.body.Len(), hex.EncodeToString(sum[:])))
	}
	account := c.trails.Alias(a.Account)
	return join(a.Prefix, "AWSLogs", account, "CloudTrail", a.Region, at.Format("2006/01/02"),
		fmt.Sprintf("%s_CloudTrail_%s_%s_%s.json.gz", account, a.Region, at.Format("20060102T1504Z"), unique()))
}

// digestKey is what a digest is called.
func (c *Courier) digestKey(a *trails.Active, end time.Time) string {
	account, end := c.trails.Alias(a.Account), end.UTC()
	return join(a.Prefix, "AWSLogs", account, "CloudTrail-Digest", a.Region, end.Format("2006/01/02"),
		fmt.Sprintf("%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz", account, a.Region, a.Name, a.Region, end.Format("20060102T150405Z")))
}

func join(parts ...string) string {
	if parts[0] == "" {
		parts = parts[1:]
	}
	return strings.Join(parts, "/")
}

// unique is sixteen random letters and digits.
func unique() string {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	const fair = 256 - 256%len(chars) // bytes from here on would favour some
	out := make([]byte, 0, 16)
	for len(out) < cap(out) {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		for _, x := range b {
			if int(x) < fair && len(out) < cap(out) {
				out = append(out, chars[int(x)%len(chars)])
			}
		}
	}
	return string(out)
}
