package operation

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/trail"
)

// Nothing on a list has a name that says that it is a secret: the mask would hide it, so the list is wrong.
func TestListsNameNoSecrets(t *testing.T) {
	for _, service := range Services() {
		for _, o := range All(service) {
			for _, list := range []map[string]way{o.keep, o.answer} {
				for name := range list {
					if Secret(name) {
						t.Errorf("%s of %s is kept, and has the name of a secret", name, o.Action)
					}
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	f := func(service, action, name string, readOnly bool, category trail.Category, known bool) {
		t.Helper()
		o := Find(service, action)
		if o.Name != name || o.ReadOnly != readOnly || o.Category != category || o.Known != known {
			t.Errorf("%s %s: got %+v", service, action, o)
		}
	}
	f("sls", "PutLogs", "PostLogStoreLogs", false, trail.Data, true)
	f("sls", "GetLogs", "GetLogStoreLogs", true, trail.Data, true)
	f("sls", "DeleteLogStore", "DeleteLogStore", false, trail.Management, true)
	f("sls", "PutWebtracking", "PostLogStoreLogs", false, trail.Data, true)
	f("esa", "UpdateSiteDeliveryTaskStatus", "UpdateSiteDeliveryTaskStatus", false, trail.Management, true) // though it may be a GET
	f("actiontrail", "StopLogging", "StopLogging", false, trail.Management, true)
	f("", "StopInvocation", "StopInvocation", false, trail.Management, true) // one service alone has it
	f("", "CreateAccessKey", "CreateAccessKey", false, trail.Management, false)
	f("sls", "GetNothing", "GetNothing", true, trail.Management, false)
	f("sls", "", "", false, trail.Management, false)
}

func TestRedaction(t *testing.T) {
	f := func(service, action, params, want string) {
		t.Helper()
		var p, w map[string]any
		if err := json.Unmarshal([]byte(params), &p); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &w); err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(Find(service, action).Request(p))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s %s\ngot  %s\nwant %s", action, params[:min(len(params), 300)], raw, want)
		}
	}
	f("sls", "CreateLogStore", `{"logstoreName":"app","ttl":30,"x":"s3cr3t"}`, `{"logstoreName":"app","ttl":30,"x":{"present":true}}`)
	f("sls", "CreateLogStore", `{"encrypt_conf":{"enable":true,"user_cmk_info":{"arn":"x"}}}`, `{"encrypt_conf":{"enable":true,"user_cmk_info":{"present":true}}}`)
	f("sls", "CreateIndex", `{"keys":{"a":{"type":"text","token":[","]},"b":{"type":"long"},"c":1}}`, `{"keys":{"a":"text","b":"long","c":""}}`)
	f("sls", "UpdateLogs", `{"from":1,"to":2,"query":"status: 500","data":"{\"card\":\"s3cr3t\"}"}`, `{"from":1,"to":2,"query":"status: 500","data":{"card":{"present":true}}}`)
	f("sls", "UpdateLogs", `{"rowId":"r","updateMode":"full","data":{"card":null}}`, `{"rowId":"r","updateMode":"full","data":{"card":{"present":true}}}`)
	f("sls", "DropEverything", `{"name":"x"}`, `{"name":{"present":true}}`)
	f("ecs", "RunCommand", `{"CommandContent":"echo","Parameters":"{\"user\":\"s3cr3t\"}","InstanceId.1":"i-1","Tag.1.Key":"k","Tag.1.Value":"s3cr3t","SecurityToken":"s3cr3t"}`,
		`{"CommandContent":{"length":4,"sha256":"092c79e8f80e559e404bcf660c48f3522b67aba9ff1484b0367e1a4ddef7431d"},"Parameters":{"user":{"present":true}},
		"InstanceId.1":"i-1","Tag.1.Key":"k","Tag.1.Value":{"present":true},"SecurityToken":"HIDDEN"}`)
	f("esa", "CreateSiteDeliveryTask",
		`{"S3Delivery":"{\"BucketPath\":\"b/p\",\"SecretKey\":\"s3cr3t\",\"AccessKey\":\"s3cr3t\"}","HttpDelivery":"{\"DestUrl\":\"https://me:s3cr3t@h/p?key=s3cr3t#s3cr3t\",\"HeaderParam\":{\"X-A\":\"s3cr3t\"}}"}`,
		`{"S3Delivery":{"BucketPath":"b/p","SecretKey":"HIDDEN","AccessKey":{"present":true}},"HttpDelivery":{"DestUrl":"https://h/p?key=HIDDEN","HeaderParam":{"present":true}}}`)
	f("mns", "SendMessage", `{"QueueName":"q","MessageBody":"s3cr3t","ReceiptHandle":"s3cr3t","Priority":8}`, `{"QueueName":"q","MessageBody":{"present":true},"ReceiptHandle":{"present":true},"Priority":8}`)
	f("sls", "CreateProject", `{"description":"`+strings.Repeat("x", 5000)+`"}`,
		`{"description":{"length":5000,"sha256":"c59d3c0480cc2d71d8f646e735e92da65450311eec46e81a5db8c7e6e8a92054"}}`)
	f("sls", "CreateProject", `{"a b\nc":"x","description":null}`, `{"(other)":{"present":true},"description":null}`)
}

func TestAnswers(t *testing.T) {
	o := Find("ram", "CreateAccessKey")
	raw, _ := json.Marshal(o.Response([]byte(`{"RequestId":"r","AccessKey":{"AccessKeyId":"AK","AccessKeySecret":"s3cr3t","Status":"Active"}}`)))
	if got, want := string(raw), `{"AccessKey":{"AccessKeyId":"AK","AccessKeySecret":"HIDDEN","Status":"Active"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	raw, _ = json.Marshal(Find("sls", "DeleteLogs").Response([]byte(`{"affectedRows":3,"affected_rows":3}`)))
	if got, want := string(raw), `{"affectedRows":3}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, body := range []string{"", "no JSON", "[]", "null", `"x"`} {
		if got := o.Response([]byte(body)); got != nil {
			t.Errorf("%q: got %v", body, got)
		}
	}
	if got := Find("sls", "GetLogs").Response([]byte(`{"a":1}`)); got != nil {
		t.Errorf("of logs that were read something is told: %v", got)
	}
}

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"SecretKey": true, "access_key_secret": true, "Password": true, "SecurityToken": true, "X-Acs-Security-Token": true, "PRIVATE-KEY": true, "SaslUser": true,
		"webhookUrl": true, "ActivationCode": true, "apiKey": true, "Signature": true, "set-cookie": true, "Credentials": true,
		"NextToken": false, "ClientToken": false, "AccessKeyId": false, "WindowsPasswordName": false, "logstore": false, "tokenizer": true,
	} {
		if got := Secret(name); got != want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

// Whatever comes, redaction ends, is JSON, and keeps nothing that is not on the list.
func FuzzRedaction(f *testing.F) {
	f.Add([]byte(`{"logstoreName":"a","ttl":"{\"a\":\"canary\"}","x":[{"y":"canary"}]}`))
	f.Add([]byte(`{"encrypt_conf":"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var p map[string]any
		if json.Unmarshal(body, &p) != nil {
			return
		}
		p["unheardOf"] = map[string]any{"ttl": "canary-4711"}
		raw, err := json.Marshal(Find("sls", "CreateLogStore").Request(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "canary-4711") {
			t.Errorf("got %s", raw)
		}
	})
}
