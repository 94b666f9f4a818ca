package pop

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
	"github.com/sluicelog/sluice/internal/wire"
)

// codes turns what went wrong into what clients branch on (reference delivery a.8). The row with an empty noun is the answer for every other
// noun of its kind. "Missing" and "Invalid" before a parameter's name are made by params.go.
var codes = []struct {
	Kind   sluice.Kind
	Noun   string
	Status int
	Code   string
}{
	{sluice.NotFound, "api", 404, "InvalidApi.NotFound"},
	{sluice.NotFound, "deliverytask", 404, "TaskNotFound"},
	{sluice.NotFound, "site", 404, "InvalidSiteId.NotFound"},
	{sluice.NotFound, "user", 404, "EntityNotExist.User"},
	{sluice.NotFound, "group", 404, "EntityNotExist.Group"},
	{sluice.NotFound, "role", 404, "EntityNotExist.Role"},
	{sluice.NotFound, "policy", 404, "EntityNotExist.Policy"},
	{sluice.NotFound, "policyversion", 404, "EntityNotExist.Policy.Version"},
	{sluice.NotFound, "accesskey", 404, "EntityNotExist.User.AccessKey"},
	{sluice.NotFound, "membership", 404, "EntityNotExist.User.Group"},
	{sluice.NotFound, "attachment", 404, "EntityNotExist.Policy"},
	{sluice.NotFound, "trail", 404, "TrailNotFoundException"},
	{sluice.NotFound, "bucket", 404, "OssBucketNotExist"},
	{sluice.NotFound, "historyjob", 404, "DeliveryHistoryJobNotFound"},
	{sluice.NotFound, "app", 404, "AppNotExist"},
	{sluice.NotFound, "", 404, "NotFound"},

	{sluice.Invalid, "accesskeyid", 400, "MissingAccessKeyId"},
	{sluice.Invalid, "signaturemethod", 400, "InvalidSignatureMethod"},
	{sluice.Invalid, "signature-incomplete", 400, "IncompleteSignature"},
	{sluice.Invalid, "digest", 400, "SignatureDoesNotMatch"},
	{sluice.Invalid, "date", 400, "InvalidTimeStamp.Format"},
	{sluice.Invalid, "requesttime-expired", 400, "InvalidTimeStamp.Expired"},
	{sluice.Invalid, "nonce", 400, "SignatureNonceUsed"},
	{sluice.Invalid, "customfield", 403, "RealTimeLog.NameCheckFail"},
	{sluice.Invalid, "document", 400, "MalformedPolicyDocument"},
	{sluice.Invalid, "username", 400, "InvalidParameter.UserName.InvalidChars"},
	{sluice.Invalid, "groupname", 400, "InvalidParameter.GroupName.InvalidChars"},
	{sluice.Invalid, "rolename", 400, "InvalidParameter.RoleName.InvalidChars"},
	{sluice.Invalid, "policyname", 400, "InvalidParameter.PolicyName.InvalidChars"},
	{sluice.Invalid, "policytype", 400, "InvalidParameter.PolicyType"},
	{sluice.Invalid, "rolearn", 400, "InvalidParameter.RoleArn"},
	{sluice.Invalid, "sessionname", 400, "InvalidParameter.RoleSessionName"},
	{sluice.Invalid, "session", 400, "InvalidParameter.DurationSeconds"},
	{sluice.Invalid, "trailname", 400, "InvalidTrailNameException"},
	{sluice.Invalid, "combination", 400, "InvalidParameterCombinationException"},
	{sluice.Invalid, "bucketname", 400, "InvalidOssBucketName"},
	{sluice.Invalid, "prefix", 400, "InvalidOssKeyPrefix"},
	{sluice.Invalid, "eventselectors", 400, "InvalidEventSelectors"},
	{sluice.Invalid, "lookuprange", 400, "InvalidTimeRange"},
	{sluice.Invalid, "lookupattribute", 400, "InvalidLookupAttribute"},
	{sluice.Invalid, "lookuptoken", 400, "InvalidNextToken"},
	{sluice.Invalid, "lookupmax", 400, "InvalidMaxResults"},
	{sluice.Invalid, "", 400, "InvalidParameter"},
	{sluice.OutOfRange, "", 400, "InvalidParameter"},
	{sluice.TooLarge, "", 400, "InvalidParameter"},

	{sluice.Unauthorized, "accesskey", 404, "InvalidAccessKeyId.NotFound"},
	{sluice.Unauthorized, "accesskey-disabled", 400, "InvalidAccessKeyId.Inactive"},
	{sluice.Unauthorized, "signature", 400, "SignatureDoesNotMatch"},
	{sluice.Unauthorized, "token", 400, "InvalidSecurityToken.Malformed"},
	{sluice.Unauthorized, "token-expired", 400, "InvalidSecurityToken.Expired"},
	{sluice.Unauthorized, "bucket", 403, "InsufficientBucketPolicyException"},
	{sluice.Unauthorized, "", 403, "Forbidden.RAM"},

	{sluice.AlreadyExists, "deliverytask", 409, "TaskAlreadyExists"},
	{sluice.AlreadyExists, "user", 409, "EntityAlreadyExists.User"},
	{sluice.AlreadyExists, "group", 409, "EntityAlreadyExists.Group"},
	{sluice.AlreadyExists, "role", 409, "EntityAlreadyExists.Role"},
	{sluice.AlreadyExists, "policy", 409, "EntityAlreadyExists.Policy"},
	{sluice.AlreadyExists, "membership", 409, "EntityAlreadyExists.User.Group"},
	{sluice.AlreadyExists, "attachment", 409, "EntityAlreadyExists.Policy"},
	{sluice.AlreadyExists, "trail", 409, "TrailAlreadyExistsException"},
	{sluice.AlreadyExists, "", 409, "AlreadyExists"},
	{sluice.Conflict, "user-key", 409, "DeleteConflict.User.AccessKey"},
	{sluice.Conflict, "user-group", 409, "DeleteConflict.User.Group"},
	{sluice.Conflict, "user-policy", 409, "DeleteConflict.User.Policy"},
	{sluice.Conflict, "group-user", 409, "DeleteConflict.Group.User"},
	{sluice.Conflict, "group-policy", 409, "DeleteConflict.Group.Policy"},
	{sluice.Conflict, "role-policy", 409, "DeleteConflict.Role.Policy"},
	{sluice.Conflict, "policy-attached", 409, "DeleteConflict.Policy"},
	{sluice.Conflict, "policy-version", 409, "DeleteConflict.Policy.Version"},
	{sluice.Conflict, "policyversion", 409, "DeleteConflict.PolicyVersion.Default"},
	{sluice.Conflict, "", 409, "IncorrectStatus"},
	{sluice.Throttled, "accesskey", 409, "LimitExceeded.User.AccessKey"},
	{sluice.Throttled, "user", 409, "LimitExceeded.User"},
	{sluice.Throttled, "group", 409, "LimitExceeded.Group"},
	{sluice.Throttled, "role", 409, "LimitExceeded.Role"},
	{sluice.Throttled, "policy", 409, "LimitExceeded.Policy"},
	{sluice.Throttled, "policyversion", 409, "LimitExceeded.Policy.Version"},
	{sluice.Throttled, "membership", 409, "LimitExceeded.User.Group"},
	{sluice.Throttled, "attachment", 409, "LimitExceeded.Policy"},
	{sluice.Throttled, "trail", 409, "MaximumNumberOfTrailsExceededException"},
	{sluice.Throttled, "lookup", 400, "Throttling.User"},
	{sluice.Throttled, "quota", 403, "QuotaExceeded"},
	{sluice.Throttled, "key-read", 400, "Throttling.User"}, // which clients wait for, as for all that begins with Throttling
	{sluice.Throttled, "key-write", 400, "Throttling.User"},
	{sluice.Throttled, "", 400, "Throttling"},
	{sluice.Unsupported, "historyjob", 400, "NotSupportDeliveryHistoryJob"},
	{sluice.Unsupported, "", 400, "UnsupportedOperation"},
	{sluice.Unavailable, "audit-late", 409, "AuditNotWritten"}, // it was done: clients must not repeat it by themselves
	{sluice.Unavailable, "", 503, "ServiceUnavailable"},
	{sluice.Internal, "", 500, "InternalError"},
}

// failure is an error as a client sees it. Marshal cannot fail on it.
type failure struct {
	RequestId string //nolint:revive // as clients spell it
	HostId    string //nolint:revive // as clients spell it
	Code      string
	Message   string
	Recommend string
}

// Refuse implements [wire.Dialect].
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, c *wire.Call, err error) {
	status, code, message := explain(err)
	c.Code, c.Err = code, err
	body, _ := json.Marshal(failure{requestID(c), r.Host, code, message, ""})
	send(w, status, body)
}

// explain finds the status and the code of an error. What an unclassified error says is for the log only.
func explain(err error) (status int, code, message string) {
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind == sluice.Internal {
		return http.StatusInternalServerError, "InternalError", "internal error, see the server's log for this request id"
	}
	if name, ok := strings.CutPrefix(e.Noun, nounParam); ok {
		return http.StatusBadRequest, name, e.Msg
	}
	if name, ok := strings.CutPrefix(e.Noun, assistant.NounCode); ok {
		return statusOf(e.Kind), name, e.Msg
	}
	for _, row := range codes {
		if row.Kind == e.Kind && (row.Noun == e.Noun || row.Noun == "") {
			return row.Status, row.Code, e.Msg
		}
	}
	return http.StatusInternalServerError, "InternalError", e.Msg
}

// statusOf is the status of a code that a service gave: what is malformed is 400, what is missing 404, and what may not be 403.
func statusOf(k sluice.Kind) int {
	switch k {
	case sluice.Invalid:
		return http.StatusBadRequest
	case sluice.NotFound:
		return http.StatusNotFound
	}
	return http.StatusForbidden
}
