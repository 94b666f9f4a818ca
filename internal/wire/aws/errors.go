package aws

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wire"
)

// codes turns what went wrong into the names that clients branch on (reference audit 1.6, 1.7). The row with an empty noun is the answer for every
// other noun of its kind. All are answered with status 400, unless the fault is the server's.
var codes = []struct {
	Kind sluice.Kind
	Noun string
	Code string
}{
	{sluice.Invalid, "accesskeyid", "MissingAuthenticationTokenException"},
	{sluice.Invalid, "signaturemethod", "IncompleteSignatureException"},
	{sluice.Invalid, "signature-incomplete", "IncompleteSignatureException"},
	{sluice.Invalid, "date", "IncompleteSignatureException"},
	{sluice.Invalid, "requesttime-expired", "InvalidSignatureException"},
	{sluice.Invalid, "service", "InvalidSignatureException"},
	{sluice.Unauthorized, "accesskey", "UnrecognizedClientException"},
	{sluice.Unauthorized, "accesskey-disabled", "UnrecognizedClientException"},
	{sluice.Unauthorized, "token", "UnrecognizedClientException"},
	{sluice.Unauthorized, "token-expired", "ExpiredTokenException"},
	{sluice.Unauthorized, "signature", "InvalidSignatureException"},
	{sluice.Unauthorized, "bucket", "InsufficientS3BucketPolicyException"},
	{sluice.Unauthorized, "", "AccessDeniedException"},

	{sluice.NotFound, "trail", "TrailNotFoundException"},
	{sluice.NotFound, "bucket", "S3BucketDoesNotExistException"},
	{sluice.NotFound, "insight", "InsightNotEnabledException"},
	{sluice.NotFound, "", "ResourceNotFoundException"},
	{sluice.AlreadyExists, "", "TrailAlreadyExistsException"},
	{sluice.Throttled, "trail", "MaximumNumberOfTrailsExceededException"},
	{sluice.Throttled, "tags", "TagsLimitExceededException"},
	{sluice.Throttled, "", "ThrottlingException"},
	{sluice.Conflict, "", "ConflictException"},

	{sluice.Invalid, "trailname", "InvalidTrailNameException"},
	{sluice.Invalid, "trailarn", "CloudTrailARNInvalidException"},
	{sluice.Invalid, "homeregion", "InvalidHomeRegionException"},
	{sluice.Invalid, "bucketname", "InvalidS3BucketNameException"},
	{sluice.Invalid, "prefix", "InvalidS3PrefixException"},
	{sluice.Invalid, "combination", "InvalidParameterCombinationException"},
	{sluice.Invalid, "eventselectors", "InvalidEventSelectorsException"},
	{sluice.Invalid, "insightselectors", "InvalidInsightSelectorsException"},
	{sluice.Invalid, "tags", "InvalidTagParameterException"},
	{sluice.Invalid, "resource", "ResourceTypeNotSupportedException"},
	{sluice.Invalid, "topic", "InvalidSnsTopicNameException"},
	{sluice.Invalid, "kms", "InvalidKmsKeyIdException"},
	{sluice.Invalid, "lookupattribute", "InvalidLookupAttributesException"},
	{sluice.Invalid, "lookuprange", "InvalidTimeRangeException"},
	{sluice.Invalid, "lookupmax", "InvalidMaxResultsException"},
	{sluice.Invalid, "lookuptoken", "InvalidNextTokenException"},
	{sluice.Invalid, "category", "InvalidEventCategoryException"},
	{sluice.Invalid, "token", "InvalidTokenException"},
	{sluice.Invalid, "json", "SerializationException"},
	{sluice.Invalid, "", "InvalidParameterException"},
	{sluice.OutOfRange, "", "InvalidParameterException"},
	{sluice.TooLarge, "", "InvalidParameterException"},
	{sluice.Unsupported, "cloudwatch", "CloudWatchLogsDeliveryUnavailableException"},
	{sluice.Unsupported, "bucket", "OperationNotPermittedException"},
	{sluice.Unsupported, "", "UnsupportedOperationException"},
}

const internalFailure = "InternalFailure"

// Refuse implements [wire.Dialect].
func (a *API) Refuse(w http.ResponseWriter, _ *http.Request, c *wire.Call, err error) {
	status, code, message := explain(err)
	c.Code, c.Err = code, err
	body, _ := json.Marshal(struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}{code, message}) // of texts
	w.Header()["X-Amzn-Errortype"] = []string{code}
	send(w, c, status, body)
}

// explain finds the status and the name of an error. What an unclassified error says is for the log only.
func explain(err error) (status int, code, message string) {
	var e *sluice.Error
	switch {
	case !errors.As(err, &e) || e.Kind == sluice.Internal:
		return http.StatusInternalServerError, internalFailure, "internal error, see the server's log for this request id"
	case e.Kind == sluice.Unavailable:
		return http.StatusServiceUnavailable, "ServiceUnavailableException", e.Msg
	}
	for _, row := range codes {
		if row.Kind == e.Kind && (row.Noun == e.Noun || row.Noun == "") {
			return http.StatusBadRequest, row.Code, e.Msg
		}
	}
	return http.StatusInternalServerError, internalFailure, e.Msg
}
