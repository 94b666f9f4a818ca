package mns

import (
	"encoding/xml"
	"errors"
	"net/http"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/wire"
)

// codes turns what went wrong into what clients branch on (reference audit-and-collectors 4.6). The row with an empty noun is the answer for
// every other noun of its kind.
var codes = []struct {
	Kind   sluice.Kind
	Noun   string
	Status int
	Code   string
}{
	{sluice.NotFound, "message", 404, "MessageNotExist"},
	{sluice.NotFound, "queue", 404, "QueueNotExist"},
	{sluice.NotFound, "", 404, "QueueNotExist"},

	{sluice.Invalid, "accesskeyid", 400, "MissingAuthorizationHeader"},
	{sluice.Invalid, "authorization", 400, "InvalidAuthorizationHeader"},
	{sluice.Invalid, "date-missing", 400, "MissingDateHeader"},
	{sluice.Invalid, "date", 400, "InvalidDateHeader"},
	{sluice.Invalid, "requesttime-expired", 408, "TimeExpired"},
	{sluice.Invalid, "digest", 400, "InvalidDegist"}, // as the service and its clients spell it
	{sluice.Invalid, "version-missing", 400, "MissingVersionHeader"},
	{sluice.Invalid, "version", 400, "InvalidVersionHeader"},
	{sluice.Invalid, "url", 400, "InvalidRequestURL"},
	{sluice.Invalid, "query", 400, "InvalidQueryString"},
	{sluice.Invalid, "xml", 400, "MalformedXML"},
	{sluice.Invalid, "queuename", 400, "InvalidQueueName"},
	{sluice.Invalid, "queuename-length", 400, "QueueNameLengthError"},
	{sluice.Invalid, "handle", 400, "ReceiptHandleError"},
	{sluice.Invalid, "handle-missing", 400, "MissingReceiptHandle"},
	{sluice.Invalid, "visibility-missing", 400, "MissingVisibilityTimeout"},
	{sluice.Invalid, "", 400, "InvalidArgument"},
	{sluice.OutOfRange, "", 400, "InvalidArgument"},
	{sluice.TooLarge, "", 400, "InvalidArgument"},

	{sluice.Unauthorized, "accesskey", 403, "InvalidAccessKeyId"},
	{sluice.Unauthorized, "accesskey-disabled", 403, "InvalidAccessKeyId"},
	{sluice.Unauthorized, "signature", 403, "SignatureDoesNotMatch"},
	{sluice.Unauthorized, "token", 403, "InvalidSecurityToken"},
	{sluice.Unauthorized, "token-expired", 403, "SecurityTokenExpired"},
	{sluice.Unauthorized, "", 403, "AccessDenied"},

	{sluice.AlreadyExists, "", 409, "QueueAlreadyExist"},
	{sluice.Conflict, "", 409, "QueueAlreadyExist"},
	{sluice.Throttled, "", 503, "QpsLimitExceeded"},
	{sluice.Unsupported, "", 400, "InvalidRequestURL"},
	{sluice.Unavailable, "", 503, "ServiceUnavailable"},
	{sluice.Internal, "", 500, "InternalError"},
}

// failure is an error as a client sees it.
type failure struct {
	XMLName   xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

// Refuse implements [wire.Dialect].
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, c *wire.Call, err error) {
	status, code, message := explain(err)
	c.Code, c.Err = code, err
	send(w, c, status, failure{Code: code, Message: message, RequestID: c.ID, HostID: "http://" + r.Host})
}

// explain finds the status and the code of an error. What an unclassified error says is for the log only.
func explain(err error) (status int, code, message string) {
	var e *sluice.Error
	if !errors.As(err, &e) || e.Kind == sluice.Internal {
		return http.StatusInternalServerError, "InternalError", "internal error, see the server's log for this request id"
	}
	for _, row := range codes {
		if row.Kind == e.Kind && (row.Noun == e.Noun || row.Noun == "") {
			return row.Status, row.Code, e.Msg
		}
	}
	return http.StatusInternalServerError, "InternalError", e.Msg
}
