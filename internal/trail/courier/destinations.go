package courier

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/bucket"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// Destinations is where trails may deliver to. It implements [trails.Destinations].
type Destinations struct {
	S3, OSS bucket.Bucket // nil: the operator gave no credentials
	Buckets []Permission  // none: the root account may name every bucket that the server's keys may write to, and nobody else any
	Root    string        // number of the root account
	Aliases trails.Aliases
	Houses  Houses
}

// Permission lets an account name buckets. Account is a number or "root", or a pattern, as Bucket is one: * is any text.
type Permission struct{ Account, Bucket string }

// Prove implements [trails.Destinations]: it puts an empty object where the files of the trail will be.
func (d *Destinations) Prove(ctx context.Context, t *trails.Trail) error {
	if t.Bucket != "" {
		if err := d.proveBucket(ctx, t); err != nil {
			return err
		}
	}
	if t.Project != "" {
		return d.Houses.Prepare(ctx, t.Account, t.Project, t.Logstore(), LogIndex())
	}
	return nil
}

func (d *Destinations) proveBucket(ctx context.Context, t *trails.Trail) error {
	to, settings := d.S3, "SLUICE_TRAIL_S3_ACCESS_KEY_ID and SLUICE_TRAIL_S3_SECRET_ACCESS_KEY"
	key := join(t.Prefix, "AWSLogs", d.Aliases.Of(t.Account), "CloudTrail") + "/"
	if t.Flavor == trails.ActionTrail {
		to, settings = d.OSS, "SLUICE_DELIVERY_OSS_ACCESS_KEY_ID and SLUICE_DELIVERY_OSS_ACCESS_KEY_SECRET"
		key = join(t.Prefix, "AliyunLogs") + "/"
	}
	if !d.allows(t.Account, t.Bucket) {
		return sluice.Errorf(sluice.Unauthorized, "bucket", "the account may not have trails to bucket %s: the server writes there by keys of its own, "+
			"and its operator names accounts and buckets in trail.buckets", t.Bucket)
	}
	if to == nil {
		return sluice.Errorf(sluice.Unsupported, "bucket", "this server has no credentials for buckets of trails: its operator sets %s", settings)
	}
	return explainProof(t.Bucket, to.Put(ctx, t.Bucket, bucket.Object{Key: key}))
}

func (d *Destinations) allows(account, name string) bool {
	if len(d.Buckets) == 0 {
		return account == d.Root
	}
	match := func(pattern, name string) bool {
		ok, err := path.Match(pattern, name) // neither has a slash
		return ok && err == nil
	}
	return slices.ContainsFunc(d.Buckets, func(p Permission) bool {
		return (match(p.Account, account) || p.Account == "root" && account == d.Root) && match(p.Bucket, name)
	})
}

// explainProof says what is wrong with a bucket to whoever named it.
func explainProof(name string, err error) error {
	var refusal *bucket.Refusal
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refusal):
		return sluice.Errorf(sluice.Unavailable, "bucket", "bucket %s does not answer: try again, or see the server's log (%w)", name, err)
	case refusal.Code == "NoSuchBucket" || refusal.Status == 404:
		return sluice.Errorf(sluice.NotFound, "bucket", "bucket %s does not exist: create it first", name)
	}
	return sluice.Errorf(sluice.Unauthorized, "bucket", "bucket %s refuses the server's writes (%s): give its key the permission to put objects there", name, refusal.Code)
}
