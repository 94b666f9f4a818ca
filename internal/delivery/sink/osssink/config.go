package osssink

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/delivery/object"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// Config is a bucket and what is written to it.
type Config struct {
	// Region of the bucket, like cn-hangzhou; with or without oss- before it.
	Region string `json:"region"`
	// Bucket has to exist.
	Bucket string `json:"bucket"`
	// Endpoint is the URL of OSS, without bucket and path, for networks of its own; without a scheme it is https [the public one of the region].
	Endpoint string `json:"endpoint,omitempty"`
	// Addressing is virtual (BUCKET.ENDPOINT), path (ENDPOINT/BUCKET) or cname (the endpoint is a domain of the bucket) [virtual].
	Addressing string `json:"addressing,omitempty"`
	// Signature is the version of the signature, v4 or, for installations that do not know it, v1 [v4].
	Signature string `json:"signature,omitempty"`
	// AccessKeyID and AccessKeySecret are of who may write to the bucket. With SecurityToken they are temporary: the task halts when they expire.
	AccessKeyID     string      `json:"accessKeyId"`
	AccessKeySecret sink.Secret `json:"accessKeySecret"`
	SecurityToken   sink.Secret `json:"securityToken,omitzero"`
	// ServerSideEncryption asks OSS to encrypt objects with keys of its own: x-oss-server-side-encryption: AES256.
	ServerSideEncryption bool `json:"serverSideEncryption,omitempty"`
	// Encryption is how OSS is to encrypt objects, instead: AES256, SM4, KMS, or KMS-SM4 [what the bucket says].
	Encryption string `json:"encryption,omitempty"`
	// EncryptionKeyID is the key of KMS [the default key].
	EncryptionKeyID string `json:"encryptionKeyId,omitempty"`
	// TLS of an https endpoint.
	TLS *tlsconf.Config `json:"tls,omitempty"`
	object.Options
}

// Values of Addressing and Signature.
const (
	addressVirtual = "virtual"
	addressPath    = "path"
	addressName    = "cname"

	encryptKMS    = "KMS"
	encryptKMSSM4 = "KMS-SM4"

	signV1 = "v1"
	signV4 = "v4"
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
)

// Validate checks c; its errors name the field.
func (c *Config) Validate() error {
	if !bucketName.MatchString(c.Bucket) {
		return invalid("bucket", "%.80q is not the name of a bucket: 3 to 63 small letters, digits and hyphens; the directory goes into prefix", c.Bucket)
	}
	if !regionName.MatchString(c.Region) {
		return invalid("region", "%.80q is not the name of a region, like cn-hangzhou", c.Region)
	}
	if _, err := endpointURL(c.Endpoint); err != nil {
		return invalid("endpoint", "%.200q %w", c.Endpoint, err)
	}
	switch c.Addressing {
	case "", addressVirtual, addressPath:
	case addressName:
		if c.Endpoint == "" {
			return invalid("endpoint", "is missing: the domain of the bucket")
		}
	default:
		return invalid("addressing", "%.40q is none of virtual, path and cname", c.Addressing)
	}
	if c.Signature != "" && c.Signature != signV1 && c.Signature != signV4 {
		return invalid("signature", "%.40q is neither v4 nor v1", c.Signature)
	}
	if c.Encryption != "" && !slices.Contains([]string{"AES256", "SM4", encryptKMS, encryptKMSSM4}, c.Encryption) {
		return invalid("encryption", "%.40q is none of AES256, SM4, KMS and KMS-SM4", c.Encryption)
	}
	if c.EncryptionKeyID != "" && !strings.HasPrefix(c.Encryption, encryptKMS) {
		return invalid("encryptionKeyId", "goes with encryption KMS or KMS-SM4")
	}
	if c.AccessKeyID == "" || strings.ContainsAny(c.AccessKeyID, " /:\r\n") || len(c.AccessKeyID) > 256 {
		return invalid("accessKeyId", "is missing or not an access key id")
	}
	if c.AccessKeySecret.IsZero() {
		return invalid("accessKeySecret", "is missing")
	}
	if err := c.TLS.Validate("tls"); err != nil {
		return err
	}
	return c.Options.Validate()
}

// region is the region as signatures have it.
func (c *Config) region() string { return strings.TrimPrefix(c.Region, "oss-") }

// endpointURL checks an endpoint and gives it a scheme. That of the region is "".
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
		return "", fmt.Errorf("is not a URL like https://oss-cn-hangzhou.aliyuncs.com")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("has more than a scheme, a host and a port")
	case strings.Trim(u.Path, "/") != "":
		return "", fmt.Errorf("has a path: the bucket and the directory go into bucket and prefix")
	}
	return u.Scheme + "://" + u.Host, nil
}

// Policy is the RAM policy to give the user whose keys the sink has, as indented JSON.
func Policy(c Config) string {
	text, err := json.MarshalIndent(map[string]any{"Version": "1", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": []string{"oss:PutObject", "oss:AbortMultipartUpload"},
		"Resource": []string{"acs:oss:*:*:" + c.Bucket + "/" + object.Join(c.Dir(), "*")},
	}}}, "", "  ")
	if err != nil {
		panic(err) // of strings alone
	}
	return string(text)
}

func invalid(path, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "sink", path+": "+format, args...)
}
