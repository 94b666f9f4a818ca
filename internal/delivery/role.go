package delivery

import (
	"path"
	"slices"

	"github.com/sluicelog/sluice"
)

// OSSRole stands in for the service role by which the service we follow writes to a user's bucket: credentials of the operator, for tasks that
// are made through APIs which have no place for any.
type OSSRole struct {
	Endpoint        string // "" for the public one of the bucket's region
	Region          string // of buckets whose region nobody says
	AccessKeyID     string
	AccessKeySecret string
	Buckets         []OSSBuckets // that tasks may write to; none is any. It is looked at when a task is made or changed
}

// OSSBuckets are buckets for projects; both are patterns in which * is any text.
type OSSBuckets struct{ Project, Bucket string }

// Fill adds the role to the sink section of a bucket of OSS of a project's task. The error says what an operator has to set when there is no role,
// or the bucket is not for this project.
func (r OSSRole) Fill(project string, section map[string]any) error {
	if r.AccessKeyID == "" || r.AccessKeySecret == "" {
		return sluice.Errorf(sluice.Unsupported, "ossrole", "this server has no credentials for OSS: its operator sets "+
			"SLUICE_DELIVERY_OSS_ACCESS_KEY_ID and SLUICE_DELIVERY_OSS_ACCESS_KEY_SECRET; with credentials of your own, make a delivery task of type oss")
	}
	if bucket, _ := section["bucket"].(string); !r.allows(project, bucket) {
		return sluice.Errorf(sluice.Unauthorized, "ossrole", "project %s may not write to bucket %.80q with the key of this server: "+
			"its operator names projects and buckets in delivery.oss_buckets; with credentials of your own, make a delivery task of type oss", project, bucket)
	}
	if section["region"] == nil {
		section["region"] = r.Region
	}
	section["accessKeyId"], section["accessKeySecret"] = r.AccessKeyID, r.AccessKeySecret
	if r.Endpoint != "" {
		section["endpoint"] = r.Endpoint
	}
	return nil
}

func (r OSSRole) allows(project, bucket string) bool {
	match := func(pattern, name string) bool {
		ok, err := path.Match(pattern, name) // neither has a slash
		return ok && err == nil
	}
	return len(r.Buckets) == 0 || slices.ContainsFunc(r.Buckets, func(b OSSBuckets) bool {
		return match(b.Project, project) && match(b.Bucket, bucket)
	})
}
