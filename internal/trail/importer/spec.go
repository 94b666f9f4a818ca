package importer

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
)

// Spec is an import as its maker says it.
type Spec struct {
	Name     string `json:"name"`
	Logstore string `json:"logstore"` // of the same project; made with an index for such records if it is not there

	Bucket          string `json:"bucket"`
	Prefix          string `json:"prefix,omitempty"`     // in front of AWSLogs/
	Endpoint        string `json:"endpoint,omitempty"`   // [AWS in the region] http or https URL of the service
	Region          string `json:"region,omitempty"`     // [us-east-1]
	Addressing      string `json:"addressing,omitempty"` // [path with an endpoint, else virtual] how the bucket is addressed: path or virtual
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey,omitempty"` // never comes back
	SessionToken    string `json:"sessionToken,omitempty"`    // never comes back

	From            string `json:"from,omitempty"`            // [all] first day, YYYY-MM-DD
	Insights        bool   `json:"insights,omitempty"`        // also files of CloudTrail Insights
	IntervalSeconds int64  `json:"intervalSeconds,omitempty"` // [60] between looks for new files, 10 to 86400
	LateHours       int64  `json:"lateHours,omitempty"`       // [48] that a day is looked at after its end, 1 to 720
}

var (
	nameForm   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{1,62}$`)
	bucketForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$`)
	regionForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	dayForm    = "2006-01-02"
)

// check fills in defaults. Errors: Invalid "import".
func (s *Spec) check() error {
	if s.Region == "" {
		s.Region = "us-east-1"
	}
	if s.IntervalSeconds == 0 {
		s.IntervalSeconds = 60
	}
	if s.LateHours == 0 {
		s.LateHours = 48
	}
	if s.Prefix = strings.Trim(s.Prefix, "/"); s.Prefix != "" {
		s.Prefix += "/"
	}
	if s.Endpoint != "" && !strings.Contains(s.Endpoint, "://") {
		s.Endpoint = "https://" + s.Endpoint
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case !nameForm.MatchString(s.Name):
		return invalid("name", "%.80q is not a name: 2 to 63 small letters, digits, '-' and '_'", s.Name)
	case !nameForm.MatchString(s.Logstore):
		return invalid("logstore", "%.80q is not the name of a logstore", s.Logstore)
	case !bucketForm.MatchString(s.Bucket):
		return invalid("bucket", "%.80q is not the name of a bucket; the directory goes into prefix", s.Bucket)
	case len(s.Prefix) > 512:
		return invalid("prefix", "is longer than 512 bytes")
	case s.Endpoint != "" && (err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != ""):
		return invalid("endpoint", "%.200q is not a URL like https://s3.example.com", s.Endpoint)
	case !regionForm.MatchString(s.Region):
		return invalid("region", "%.80q is not the name of a region, like us-east-1", s.Region)
	case s.Addressing != "" && s.Addressing != "path" && s.Addressing != "virtual":
		return invalid("addressing", "%.40q is neither path nor virtual", s.Addressing)
	case s.AccessKeyID == "" || len(s.AccessKeyID) > 256 || strings.ContainsAny(s.AccessKeyID, " /\r\n"):
		return invalid("accessKeyId", "is missing or not an access key id")
	case s.SecretAccessKey == "" || len(s.SecretAccessKey) > 1024:
		return invalid("secretAccessKey", "is missing, or longer than 1024 bytes")
	case len(s.SessionToken) > 8192:
		return invalid("sessionToken", "is longer than 8192 bytes")
	case s.IntervalSeconds < 10 || s.IntervalSeconds > 86400:
		return invalid("intervalSeconds", "is %d, and has to be from 10 to 86400", s.IntervalSeconds)
	case s.LateHours < 1 || s.LateHours > 720:
		return invalid("lateHours", "is %d, and has to be from 1 to 720", s.LateHours)
	}
	if s.From != "" {
		if _, err := time.Parse(dayForm, s.From); err != nil {
			return invalid("from", "%.40q is not a day like 2026-01-31", s.From)
		}
	}
	return nil
}

func (s *Spec) pathStyle() bool {
	return s.Addressing == "path" || s.Addressing == "" && s.Endpoint != ""
}

// before is the day before the first one as it stands in keys; "" if there is none.
func (s *Spec) before() string {
	first, err := time.Parse(dayForm, s.From)
	if err != nil {
		return ""
	}
	return first.AddDate(0, 0, -1).Format(keyDay)
}

func invalid(path, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, "import", path+": "+format, args...)
}
