package delivery

import "github.com/sluicelog/sluice"

// OSSRole stands in for the service role by which the service we follow writes to a user's bucket: credentials of the operator, for tasks that
// are made through APIs which have no place for any.
type OSSRole struct {
	Endpoint        string // "" for the public one of the bucket's region
	Region          string // of buckets whose region nobody says
	AccessKeyID     string
	AccessKeySecret string
}

// Fill adds the role to the sink section of a bucket of OSS. The error says what an operator has to set when there is no role.
func (r OSSRole) Fill(section map[string]any) error {
	if r.AccessKeyID == "" || r.AccessKeySecret == "" {
		return sluice.Errorf(sluice.Unsupported, "ossrole", "this server has no credentials for OSS: its operator sets "+
			"SLUICE_DELIVERY_OSS_ACCESS_KEY_ID and SLUICE_DELIVERY_OSS_ACCESS_KEY_SECRET; with credentials of your own, make a delivery task of type oss")
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
