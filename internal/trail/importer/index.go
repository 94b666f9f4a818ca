package importer

import "encoding/json"

// recordIndex is the index of a logstore of CloudTrail records: what people search and count by. Objects are searched by path
// (userIdentity.userName), and by their words.
var recordIndex = func() json.RawMessage {
	tokens := []string{",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":", "\n", "\t", "\r"}
	keys := map[string]any{}
	for _, k := range []string{
		"eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "requestID",
		"eventID", "eventType", "apiVersion", "readOnly", "managementEvent", "eventCategory", "recipientAccountId", "sharedEventID", "vpcEndpointId",
	} {
		keys[k] = map[string]any{"type": "text", "doc_value": true, "caseSensitive": false, "chn": false, "token": tokens}
	}
	object := func(paths ...string) map[string]any {
		leaves := map[string]any{}
		for _, p := range paths {
			leaves[p] = map[string]any{"type": "text", "doc_value": true}
		}
		return map[string]any{
			"type": "json", "doc_value": true, "index_all": true, "max_depth": -1, "caseSensitive": false, "chn": false, "token": tokens, "json_keys": leaves,
		}
	}
	keys["userIdentity"] = object("type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy", "sessionContext.sessionIssuer.arn",
		"sessionContext.sessionIssuer.userName", "sessionContext.attributes.mfaAuthenticated")
	for _, k := range []string{"requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "insightDetails", "tlsDetails"} {
		keys[k] = object()
	}
	keys["resources"] = map[string]any{"type": "text", "doc_value": true, "caseSensitive": false, "chn": false, "token": tokens}
	raw, err := json.Marshal(map[string]any{"line": map[string]any{"token": tokens, "caseSensitive": false, "chn": false}, "keys": keys})
	if err != nil {
		panic(err) // of constants
	}
	return raw
}()
