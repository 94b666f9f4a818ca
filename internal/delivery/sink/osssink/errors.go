package osssink

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// halts are the codes of answers that only a person can change, with what to do.
var halts = map[string]string{
	"AccessDenied":          "the keys may not write there: give them the permissions of the RAM policy",
	"NoSuchBucket":          "there is no such bucket: create it, or correct the name",
	"InvalidBucketName":     "the bucket's name is not valid",
	"InvalidAccessKeyId":    "the access key id does not exist or is disabled: correct it",
	"SignatureDoesNotMatch": "the access key secret is not that of the access key id, or the region is not the bucket's: correct them",
	"SecurityTokenExpired":  "the security token has expired: set a new one",
	"InvalidSecurityToken":  "the security token is not valid: correct it",
	"UserDisable":           "the account is disabled or in arrears",
	"FileImmutable":         "the bucket's retention policy forbids to replace objects",
	"MethodNotAllowed":      "the endpoint does not take objects: correct it",
	"KmsServiceNotEnabled":  "the key management service of the bucket's encryption is not enabled",
}

// heals are the codes of answers below 500 that time may heal.
var heals = map[string]bool{
	"RequestTimeout": true, "RequestTimeTooSkewed": true, "InvalidDigest": true, "BadDigest": true, "NoSuchUpload": true, "InvalidPart": true,
	"FileAlreadyExists": true, "OperationAborted": true, "Throttling": true, "InconsistentError": true,
}

// explain gives an error the meaning that the engine acts on.
func (s *Sink) explain(err error) error {
	var answer *oss.ServiceError
	if err == nil || !errors.As(err, &answer) {
		var request *url.Error
		if errors.As(err, &request) { // the rest says what was asked for, at length
			err = fmt.Errorf("no answer of oss: %w", request.Err)
		}
		return tlsconf.Explain(err)
	}
	status, code := answer.StatusCode, answer.Code
	what := fmt.Errorf("oss answered %d %s (request %s): %.300s", status, code, answer.RequestID, answer.Message)
	halt := func(advice string) error {
		return &sink.Halt{Reason: fmt.Sprintf("bucket %s: %s (%d %s)", s.config.Bucket, advice, status, code), Err: what}
	}
	endpoint := endpointOf(answer.Snapshot)
	switch {
	case endpoint != "" && (code == "AccessDenied" || status/100 == 3):
		return halt(fmt.Sprintf("it is at the endpoint %.100s: correct region and endpoint", endpoint))
	case status/100 == 3:
		return halt("it is not in this region or not at this endpoint: correct region and endpoint")
	case code == "EntityTooLarge":
		return fmt.Errorf("%w: %w", sink.ErrTooLarge, what)
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		if after := retryAfter(answer.Headers); after > 0 {
			return &sink.Later{After: after, Err: what}
		}
		return what
	case halts[code] != "":
		return halt(halts[code])
	case status >= 500 || status < 300 || heals[code] || status == http.StatusRequestTimeout || status == http.StatusConflict:
		return what
	}
	return halt(fmt.Sprintf("it refused the object: %.300s", answer.Message))
}

// endpointOf is the endpoint that an error names, of a bucket which is somewhere else.
func endpointOf(body []byte) string {
	var e struct{ Endpoint string }
	if xml.Unmarshal(body, &e) != nil {
		return ""
	}
	return e.Endpoint
}

// retryAfter is the pause that an answer asks for, 0 for none, at most an hour.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return 0
	}
	return min(time.Duration(seconds), 3600) * time.Second
}
