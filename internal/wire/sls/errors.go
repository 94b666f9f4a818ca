package sls

import (
	"errors"
	"net/http"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/shard"
)

// codes turns what went wrong into what clients branch on (reference sls-api 2.8 and 3.4). No handler invents a status. The
// row with an empty noun is the answer for every other noun of its kind.
var codes = []struct {
	Kind   sluice.Kind
	Noun   string
	Status int
	Code   string
}{
	{sluice.Invalid, "host", 400, "InvalidHost"},
	{sluice.Invalid, "method", 405, "InvalidMethod"},
	{sluice.Invalid, "accesskeyid", 400, "MissAccessKeyId"},
	{sluice.Invalid, "signaturemethod-missing", 400, "MissingSignatureMethod"},
	{sluice.Invalid, "signaturemethod", 400, "InvalidSignatureMethod"},
	{sluice.Invalid, "date-missing", 400, "MissingDate"},
	{sluice.Invalid, "date", 400, "InvalidDateFormat"},
	{sluice.Invalid, "requesttime", 400, "InvalidRequestTime"},
	{sluice.Invalid, "requesttime-expired", 400, "RequestTimeExpired"}, // not TooSkewed: agents look for this one
	{sluice.Invalid, "digest", 401, "SignatureNotMatch"},               // the body is not the one that was signed
	{sluice.Invalid, "compresstype", 400, "InvalidCompressType"},
	{sluice.Invalid, "bodyrawsize-missing", 400, "MissingBodyRawSize"},
	{sluice.Invalid, "bodyrawsize", 400, "InvalidBodyRawSize"},
	{sluice.Invalid, "body", 400, "PostBodyInvalid"},
	{sluice.Invalid, "body-time", 400, "PostBodyInvalid"},
	{sluice.Invalid, "body-compressed", 400, "PostBodyUncompressError"},
	{sluice.Invalid, "logstore-info", 400, "LogStoreInfoInvalid"},
	{sluice.Invalid, "logstore-shards", 400, "LogStoreWithoutShard"},
	{sluice.Invalid, "index", 400, "IndexInfoInvalid"},
	{sluice.Invalid, "json", 400, "JsonInfoInvalid"}, // of consumer groups
	{sluice.Invalid, "consumer-body", 400, "NotExistConsumerWithBody"},
	{sluice.Invalid, "checkpoint", 400, "InvalidShardCheckPoint"},
	{sluice.Invalid, "timerange", 400, "InvalidTimeRange"},
	{sluice.Invalid, "offset", 400, "InvalidOffset"},
	{sluice.Invalid, "line", 400, "InvalidLine"},
	{sluice.Invalid, "context", 400, "InvalidParameter"},
	{sluice.Invalid, "machinegroup", 400, "InvalidParameter"},
	{sluice.Invalid, "config", 400, "InvalidParameter"},
	{sluice.Invalid, "name", 400, "BadRequest"}, // of the body, not that of the path
	{sluice.Invalid, "", 400, "ParameterInvalid"},

	{sluice.NotFound, "path", 404, "PathNotExist"},
	{sluice.NotFound, "project", 404, "ProjectNotExist"},
	{sluice.NotFound, "logstore", 404, "LogStoreNotExist"},
	{sluice.NotFound, "shard", 400, "ShardNotExist"},
	{sluice.NotFound, "checkpoint-shard", 404, "ShardNotExist"},
	{sluice.NotFound, "index", 400, "IndexConfigNotExist"},
	{sluice.NotFound, "rebuild", 404, "IndexRebuildNotExist"},
	{sluice.NotFound, "consumergroup", 404, "ConsumerGroupNotExist"},
	{sluice.NotFound, "consumer", 404, "ConsumerNotExist"},
	{sluice.NotFound, "consumer-match", 404, "ConsumerNotMatch"},
	{sluice.NotFound, "accesskey", 404, "AccessKeyNotExist"},
	{sluice.NotFound, "account", 404, "AccountNotExist"},
	{sluice.NotFound, "user", 404, "UserNotExist"},
	{sluice.NotFound, "role", 404, "RoleNotExist"},
	{sluice.NotFound, "deletion", 404, "DeleteLogsTaskNotExist"},
	{sluice.NotFound, "asyncsql", 404, "AsyncSqlNotExist"},
	{sluice.NotFound, "sqlinstance", 404, "SqlInstanceNotExist"},
	{sluice.NotFound, "object", 404, "ObjectNotExist"},
	{sluice.NotFound, "resourcepolicy", 404, "ResourcePolicyNotExist"},
	{sluice.NotFound, "shipper", 404, "ShipperNotExist"},
	{sluice.NotFound, "export", 404, "JobNotExist"},
	{sluice.NotFound, "deliverytask", 404, "DeliveryTaskNotExist"},
	{sluice.NotFound, "import", 404, "ImportNotExist"},
	{sluice.NotFound, "machinegroup", 404, "MachineGroupNotExist"},
	{sluice.NotFound, "config", 404, "ConfigNotExist"},
	{sluice.NotFound, "savedsearch", 404, "SavedSearchNotExist"},
	{sluice.NotFound, "dashboard", 404, "DashboardNotExist"},
	{sluice.NotFound, "chart", 404, "ChartNotExist"},
	{sluice.NotFound, "job", 404, "JobNotExist"},
	{sluice.NotFound, "jobinstance", 404, "JobInstanceNotExist"},
	{sluice.NotFound, "externalstore", 404, "LogStoreNotExist"},
	{sluice.NotFound, "externalstore-deleted", 400, "ParameterInvalid"},
	{sluice.NotFound, "metricstore", 404, "MetricStoreNotExist"},
	{sluice.NotFound, "storeview", 404, "StoreViewNotExist"},
	{sluice.NotFound, "metricsconfig", 404, "MetricsConfigNotExist"},
	{sluice.NotFound, "substore", 404, "SubStoreNotExist"},
	{sluice.NotFound, "domain", 404, "DomainNotExist"},
	{sluice.NotFound, "cname", 404, "NoSuchCname"},
	{sluice.NotFound, "logging", 404, "LoggingNotExist"},
	{sluice.NotFound, "resource", 404, "ResourceNotExist"},
	{sluice.NotFound, "record", 404, "ResourceRecordNotExist"},
	{sluice.NotFound, "topostore", 404, "TopostoreNotExist"},
	{sluice.NotFound, "toponode", 404, "TopostoreNodeNotExist"},
	{sluice.NotFound, "toporelation", 404, "TopostoreRelationNotExist"},
	{sluice.NotFound, "etljob", 404, "EtlJobNotExist"},
	{sluice.NotFound, "collectionpolicy", 404, "PolicyNotExist"},
	{sluice.NotFound, "", 404, "NotExist"},

	{sluice.AlreadyExists, "project", 400, "ProjectAlreadyExist"},
	{sluice.AlreadyExists, "logstore", 400, "LogStoreAlreadyExist"},
	{sluice.AlreadyExists, "account", 400, "AccountAlreadyExist"},
	{sluice.AlreadyExists, "index", 400, "IndexAlreadyExist"},
	{sluice.AlreadyExists, "rebuild", 400, "IndexRebuildRunning"},
	{sluice.AlreadyExists, "consumergroup", 400, "ConsumerGroupAlreadyExist"},
	{sluice.AlreadyExists, "shipper", 400, "ShipperAlreadyExist"},
	{sluice.AlreadyExists, "export", 400, "JobAlreadyExist"},
	{sluice.AlreadyExists, "deliverytask", 400, "DeliveryTaskAlreadyExist"},
	{sluice.AlreadyExists, "import", 400, "ImportAlreadyExist"},
	{sluice.AlreadyExists, "machinegroup", 400, "MachineGroupAlreadyExist"},
	{sluice.AlreadyExists, "config", 400, "ConfigAlreadyExist"},
	{sluice.AlreadyExists, "job", 400, "JobAlreadyExist"},
	{sluice.AlreadyExists, "savedsearch", 400, "ParameterInvalid"},
	{sluice.AlreadyExists, "dashboard", 400, "ParameterInvalid"},
	{sluice.AlreadyExists, "chart", 400, "ParameterInvalid"},
	{sluice.AlreadyExists, "externalstore", 400, "ParameterInvalid"},
	{sluice.AlreadyExists, "", 400, "AlreadyExist"},

	{sluice.Unauthorized, "signature", 401, "SignatureNotMatch"},
	{sluice.Unauthorized, "token-expired", 401, "SecurityTokenExpired"}, // on which clients fetch new credentials
	{sluice.Unauthorized, "", 401, "Unauthorized"},

	{sluice.Throttled, "shard-write", 403, "ShardWriteQuotaExceed"},
	{sluice.Throttled, "project-write", 403, "WriteQuotaExceed"},
	{sluice.Throttled, "shard-read", 403, "ShardReadQuotaExceed"},
	{sluice.Throttled, "project-read", 403, "ReadQuotaExceed"},
	{sluice.Throttled, "key-write", 403, "WriteQuotaExceed"},
	{sluice.Throttled, "key-read", 403, "ReadQuotaExceed"},
	{sluice.Throttled, "address-write", 403, "WriteQuotaExceed"},
	{sluice.Throttled, "consumergroup", 400, "ConsumerGroupQuotaExceed"},
	{sluice.Throttled, "", 400, "ProjectQuotaExceed"},

	{sluice.Unavailable, "audit-late", 409, "AuditNotWritten"}, // it was done: clients must not repeat it by themselves, as they do from 500 on
	{sluice.Unavailable, "", 503, "ServerBusy"},
	{sluice.Unsupported, "", 400, "NotSupported"},
	{sluice.Conflict, "deliverytask", 400, "DeliveryTaskConflict"},
	{sluice.Conflict, "ownership", 400, "DeliveryTaskConflict"},
	{sluice.Conflict, "", 400, "ParameterInvalid"},

	{sluice.TooLarge, "request", 400, "ParameterInvalid"},
	{sluice.TooLarge, "sql", 400, "ParameterInvalid"},
	{sluice.TooLarge, "amendments", 400, "ParameterInvalid"},
	{sluice.TooLarge, "", 400, "PostBodyTooLarge"},

	{sluice.OutOfRange, "cursor", 400, "InvalidCursor"},
	{sluice.OutOfRange, "", 400, "ParameterInvalid"},

	{sluice.Internal, "", 500, "InternalServerError"},
}

// failure is an error as a client sees it.
type failure struct {
	Status  int
	Code    string
	Message string
}

// explain finds the status and the code of an error. What an unclassified error says is for the log only.
func explain(err error) failure {
	var damaged *shard.CorruptError
	var e *sluice.Error
	switch {
	case errors.As(err, &damaged):
		return failure{http.StatusInternalServerError, "InternalServerError", damagedMessage(damaged)}
	case !errors.As(err, &e) || e.Kind == sluice.Internal:
		return failure{http.StatusInternalServerError, "InternalServerError", "internal error, see the server's log for this request id"}
	}
	for _, row := range codes {
		if row.Kind == e.Kind && (row.Noun == e.Noun || row.Noun == "") {
			return failure{row.Status, row.Code, e.Msg}
		}
	}
	return failure{http.StatusInternalServerError, "InternalServerError", e.Msg}
}

// damagedMessage tells a reader where damaged data begins and where to read on, without naming files.
func damagedMessage(e *shard.CorruptError) string {
	return "data from cursor " + e.Position.Cursor() + " on is damaged on disk; reading can go on at cursor " + e.Next.Cursor()
}

// renoun gives an error of a kind and noun another noun, where one action answers it with another code than the rest.
func renoun(err error, kind sluice.Kind, from, to string) error {
	var e *sluice.Error
	if errors.As(err, &e) && e.Kind == kind && e.Noun == from {
		return &sluice.Error{Kind: kind, Noun: to, Msg: e.Msg, Err: err}
	}
	return err
}
