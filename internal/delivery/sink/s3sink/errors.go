package s3sink

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/tlsconf"
)

// halts are the codes of answers that only a person can change, with what to do.
var halts = map[string]string{
	"AccessDenied": "the keys may not write there: give them the permissions of the bucket policy; if the bucket has Requester Pays, turn it off, " +
		"since it refuses whoever does not pay",
	"AllAccessDisabled":         "the bucket is disabled",
	"AccountProblem":            "there is a problem with the account of the bucket",
	"NotSignedUp":               "the account is not signed up for S3",
	"NoSuchBucket":              "there is no such bucket: create it, or correct the name",
	"InvalidBucketName":         "the bucket's name is not valid",
	"InvalidAccessKeyId":        "the access key id does not exist: correct it",
	"SignatureDoesNotMatch":     "the secret access key is not that of the access key id: correct it",
	"InvalidToken":              "the session token is not valid: correct it",
	"ExpiredToken":              "the session token has expired: set a new one",
	"TokenRefreshRequired":      "the session token has expired: set a new one",
	"KMS.DisabledException":     "the key of the bucket's encryption is disabled",
	"KMS.NotFoundException":     "the key of the bucket's encryption does not exist",
	"MethodNotAllowed":          "the endpoint does not take objects: correct it",
	"XAmzContentSHA256Mismatch": "the endpoint changes what passes through it: correct it",
}

// heals are the codes of answers below 500 that time may heal.
var heals = map[string]bool{
	"RequestTimeout": true, "RequestTimeTooSkewed": true, "BadDigest": true, "IncompleteBody": true, "OperationAborted": true, "NoSuchUpload": true,
	"InvalidPart": true, "ConditionalRequestConflict": true, "Throttling": true, "TooManyRequests": true, "InvalidDigest": true,
}

// explain gives an error the meaning that the engine acts on.
func (s *Sink) explain(err error) error {
	var answer *awshttp.ResponseError
	if err == nil || !errors.As(err, &answer) || answer.Response == nil || answer.HTTPStatusCode() == 0 { // no answer at all
		var request *url.Error
		if errors.As(err, &request) { // the rest says what was asked for, at length
			err = fmt.Errorf("no answer of s3: %w", request.Err)
		}
		return tlsconf.Explain(err)
	}
	code, message := "", ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code, message = api.ErrorCode(), api.ErrorMessage()
	}
	status := answer.HTTPStatusCode()
	what := fmt.Errorf("s3 answered %d %s (request %s): %.300s", status, code, answer.ServiceRequestID(), message)
	halt := func(advice string) error {
		return &sink.Halt{Reason: fmt.Sprintf("bucket %s: %s (%d %s)", s.config.Bucket, advice, status, code), Err: what}
	}
	region := answer.Response.Header.Get("X-Amz-Bucket-Region")
	switch {
	case status == http.StatusMovedPermanently || status == http.StatusTemporaryRedirect || code == "PermanentRedirect" || code == "AuthorizationHeaderMalformed" ||
		code == "IllegalLocationConstraintException":
		return halt(s.elsewhere(region, message))
	case code == "EntityTooLarge":
		return fmt.Errorf("%w: %w", sink.ErrTooLarge, what)
	case code == "SlowDown" || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		if after := retryAfter(answer.Response.Header); after > 0 {
			return &sink.Later{After: after, Err: what}
		}
		return what
	case halts[code] != "":
		return halt(halts[code])
	case status >= 500 || heals[code] || status == http.StatusRequestTimeout || status == http.StatusTooEarly || status < 300:
		return what
	}
	return halt(fmt.Sprintf("it refused the object: %.300s", message))
}

// elsewhere says where a bucket is that is not where it was looked for.
func (s *Sink) elsewhere(region, message string) string {
	if region == "" { // the other place where it is said: "expecting 'eu-west-1'"
		if _, rest, ok := strings.Cut(message, "expecting '"); ok {
			region, _, _ = strings.Cut(rest, "'")
		}
	}
	if region == "" {
		return fmt.Sprintf("it is not in region %s or not at this endpoint: correct region and endpoint", s.config.Region)
	}
	return fmt.Sprintf("it is in region %.40s, not in %s: correct the region", region, s.config.Region)
}

// retryAfter is the pause that an answer asks for, 0 for none, at most an hour.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds <= 0 {
		return 0
	}
	return min(time.Duration(seconds), 3600) * time.Second
}
