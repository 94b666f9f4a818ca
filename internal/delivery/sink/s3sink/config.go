package s3sink

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Config is a bucket and what is written to it.
type Config struct {
	// Region of the bucket. AWS needs it; others take us-east-1 or what their documentation says [us-east-1 with an endpoint].
	Region string `json:"region,omitempty"`
	// Bucket has to exist, and Requester Pays must be off.
	Bucket string `json:"bucket"`
	// Endpoint is the service's URL, without bucket and path; without a scheme it is https [AWS in the region].
	Endpoint string `json:"endpoint,omitempty"`
	// Addressing is path (ENDPOINT/BUCKET) or virtual (BUCKET.ENDPOINT) [virtual on AWS, path with an endpoint].
	Addressing string `json:"addressing,omitempty"`
	// AccessKeyID and SecretAccessKey are of who may write to the bucket. With SessionToken they are temporary: the task halts when they expire.
	AccessKeyID     string      `json:"accessKeyId"`
	SecretAccessKey sink.Secret `json:"secretAccessKey"`
	SessionToken    sink.Secret `json:"sessionToken,omitzero"`
	// ServerSideEncryption asks the service to encrypt objects with keys of its own: x-amz-server-side-encryption: AES256.
	ServerSideEncryption bool `json:"serverSideEncryption,omitempty"`
	// OwnerFullControl gives the bucket's owner full control of the objects, for a bucket of another account: x-amz-acl: bucket-owner-full-control.
	OwnerFullControl bool `json:"ownerFullControl,omitempty"`
	// TrustETag takes any ETag in the answer. Without it, one that has the form of an MD5 has to be that of what was sent. The service checks the
	// MD5 itself in any case; this is for services whose ETags only look like one.
	TrustETag bool `json:"trustETag,omitempty"`
	// TLS of an https endpoint.
	TLS *tlsconf.Config `json:"tls,omitempty"`
	object.Options
}

var (
	bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
)

// Validate checks c; its errors name the field.
func (c *Config) Validate() error {
	if !bucketName.MatchString(c.Bucket) {
		return invalid("bucket", "%.80q is not the name of a bucket: 3 to 63 letters, digits, dots and hyphens; the directory goes into prefix", c.Bucket)
	}
	switch {
	case c.Endpoint == "" && c.Region == "":
		return invalid("region", "is missing: name the region of the bucket, like us-east-1")
	case c.Region != "" && !regionName.MatchString(c.Region):
		return invalid("region", "%.80q is not the name of a region, like us-east-1", c.Region)
	}
	if _, err := endpointURL(c.Endpoint); err != nil {
		return invalid("endpoint", "%.200q %w", c.Endpoint, err)
	}
	switch c.Addressing {
	case "", addressPath, addressVirtual:
	default:
		return invalid("addressing", "%.40q is neither path nor virtual", c.Addressing)
	}
	if c.AccessKeyID == "" || strings.ContainsAny(c.AccessKeyID, " /\r\n") || len(c.AccessKeyID) > 256 {
		return invalid("accessKeyId", "is missing or not an access key id")
	}
	if c.SecretAccessKey.IsZero() {
		return invalid("secretAccessKey", "is missing")
	}
	if err := c.TLS.Validate("tls"); err != nil {
		return err
	}
	return c.Options.Validate()
}

// Values of Addressing.
const (
	addressPath    = "path"
	addressVirtual = "virtual"
)

func (c *Config) pathStyle() bool {
	return c.Addressing == addressPath || c.Addressing == "" && c.Endpoint != ""
}

// endpointURL checks an endpoint and gives it a scheme. The endpoint of AWS is "".
func endpointURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", fmt.Errorf("is not a URL like https://s3.example.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("has more than a scheme, a host and a port")
	case strings.Trim(u.Path, "/") != "":
		return "", fmt.Errorf("has a path: the bucket and the directory go into bucket and prefix")
	}
	return u.Scheme + "://" + u.Host, nil
}

// CompatibleConfig is a bucket of a service that speaks S3's protocol and is not AWS, so that it needs an endpoint.
type CompatibleConfig struct{ Config }

// Validate checks c; its errors name the field.
func (c *CompatibleConfig) Validate() error {
	if c.Endpoint == "" {
		return invalid("endpoint", "is missing: the URL of the service, like https://s3.example.com")
	}
	return c.Config.Validate()
}

// Policy is the policy to give the bucket so that the owner of principal, an ARN, may deliver to it, as indented JSON.
func Policy(c Config, principal string) string {
	return policy(c, map[string]any{"Principal": map[string]any{"AWS": []string{principal}}})
}

// UserPolicy is the policy to give the user whose keys the sink has.
func UserPolicy(c Config) string { return policy(c, nil) }

func policy(c Config, who map[string]any) string {
	statement := map[string]any{
		"Sid": "SluiceDelivery", "Effect": "Allow", "Action": []string{"s3:PutObject", "s3:AbortMultipartUpload"},
		"Resource": []string{"arn:aws:s3:::" + c.Bucket + "/" + object.Join(c.Dir(), "*")},
	}
	if c.OwnerFullControl {
		statement["Action"] = []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:PutObjectAcl"}
	}
	for k, v := range who {
		statement[k] = v
	}
	text, err := json.MarshalIndent(map[string]any{"Version": "2012-10-17", "Statement": []any{statement}}, "", "  ")
	if err != nil {
		panic(err) // of strings alone
	}
	return string(text)
}

func invalid(path, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", path+": "+format, args...)
}
