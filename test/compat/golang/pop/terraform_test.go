// Package pop makes the calls that the Terraform provider makes with the older SDK of Alibaba Cloud's RPC APIs, unmodified, against the sluiced that
// test/compat has started.
package pop

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/sls"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

const region = "local"

// newClient makes the client as the provider does: without a product's endpoint, and with a path behind the one of Simple Log Service.
func newClient(t *testing.T) *sls.Client {
	t.Helper()
	c, err := sls.NewClientWithOptions(region, sdk.NewConfig().WithScheme("HTTP").WithAutoRetry(true), credentials.NewAccessKeyCredential(observe.KeyID, observe.Secret))
	if err != nil {
		t.Fatal(err)
	}
	c.SetHttpProxy("http://" + observe.Addr) // the server's names lead nowhere
	c.Domain = observe.Domain + "/open-api"
	return c
}

func codeOf(err error) string {
	var failure sdkerrors.Error
	if errors.As(err, &failure) {
		return failure.ErrorCode()
	}
	return ""
}

// audit is alicloud_log_audit, as its user writes it.
type audit struct {
	title, account string
	variables      map[string]string // variable_map
	accounts       []string          // multi_account
	directory      string            // resource_directory_type
}

// variableMap is what the provider sends of it.
func (a audit) variableMap() (string, error) {
	v := maps.Clone(a.variables)
	switch {
	case a.directory != "":
		raw, err := json.Marshal(map[string]any{"type": a.directory, "multi_account": a.accounts})
		if err != nil {
			return "", err
		}
		v["resource_directory"] = string(raw)
	case len(a.accounts) > 0:
		list := make([]map[string]string, len(a.accounts))
		for i, account := range a.accounts {
			list[i] = map[string]string{"uid": account}
		}
		raw, err := json.Marshal(list)
		if err != nil {
			return "", err
		}
		v["multi_account"] = string(raw)
	}
	v["region"], v["aliuid"], v["logstore"] = region, a.account, "slsaudit"
	v["project"] = fmt.Sprintf("slsaudit-center-%s-%s", a.account, region)
	raw, err := json.Marshal(v)
	return string(raw), err
}

// apply is what the provider does to create and to update it.
func (a audit) apply(c *sls.Client) error {
	variables, err := a.variableMap()
	if err != nil {
		return err
	}
	request := sls.CreateAnalyzeAppLogRequest()
	request.AppType, request.DisplayName, request.VariableMap = "audit", a.title, variables
	_, err = c.AnalyzeAppLog(request)
	return err
}

// read is what the provider makes of an answer, as text. It takes the answer's own text and trusts it: another type than it expects ends it.
func read(c *sls.Client) (string, error) {
	request := sls.CreateDescribeAppRequest()
	request.AppName = "audit"
	response, err := c.DescribeApp(request)
	if err != nil {
		return "", err
	}
	var answer struct {
		AppModel struct{ DisplayName, Config string }
	}
	if err := json.Unmarshal([]byte(response.GetHttpContentString()), &answer); err != nil {
		return "", err
	}
	var config struct {
		InitParam map[string]string `json:"initParam"`
	}
	if err := json.Unmarshal([]byte(answer.AppModel.Config), &config); err != nil {
		return "", err
	}
	v := config.InitParam
	text := answer.AppModel.DisplayName + " of " + v["aliuid"]
	if list, ok := v["multi_account"]; ok {
		var accounts []struct{ UID string }
		if err := json.Unmarshal([]byte(list), &accounts); err != nil {
			return "", err
		}
		text += fmt.Sprint(" for ", accounts)
	}
	if directory, ok := v["resource_directory"]; ok {
		text += " in " + directory
	}
	for _, name := range []string{"region", "aliuid", "project", "logstore", "multi_account", "resource_directory"} {
		delete(v, name)
	}
	return fmt.Sprint(text, ": ", v), nil
}

// TestTerraform: alicloud_log_audit, whose destruction is no call at all, and alicloud_log_service.
func TestTerraform(t *testing.T) {
	const module = "github.com/aliyun/alibaba-cloud-sdk-go"
	o := observe.Client{Name: "Terraform provider alicloud (its calls)", Version: "alibaba-cloud-sdk-go " + observe.Version(t, module), Code: codeOf}
	c := newClient(t)
	is := func(want string) error {
		got, err := read(c)
		return observe.Is(err, func() string { return got }, want)
	}
	o.Operation(t, "alicloud_log_audit read", func() error { // of one that is not there, which the provider takes out of its state
		_, err := read(c)
		return observe.Is(nil, func() string { return codeOf(err) }, "AppNotExist")
	})
	a := audit{title: "tf-audit", account: "1234567890123456", variables: map[string]string{
		"actiontrail_enabled": "true", "actiontrail_ttl": "180", "oss_access_enabled": "true", "rds_audit_collection_policy": `accept tag.env == "<a&b>"`,
	}}
	if !o.Operation(t, "alicloud_log_audit create", func() error {
		if err := a.apply(c); err != nil {
			return err
		}
		return is(`tf-audit of 1234567890123456: map[actiontrail_enabled:true actiontrail_ttl:180 oss_access_enabled:true rds_audit_collection_policy:accept tag.env == "<a&b>"]`)
	}) {
		return
	}
	o.Operation(t, "alicloud_log_audit update", func() error {
		a.variables, a.accounts = map[string]string{"oss_access_ttl": "7"}, []string{"123456789123", "12345678912300123"}
		if err := a.apply(c); err != nil {
			return err
		}
		return is("tf-audit of 1234567890123456 for [{123456789123} {12345678912300123}]: map[oss_access_ttl:7]")
	})
	o.Operation(t, "alicloud_log_audit update resource_directory_type", func() error {
		a.directory = "custom"
		if err := a.apply(c); err != nil {
			return err
		}
		return is(`tf-audit of 1234567890123456 in {"multi_account":["123456789123","12345678912300123"],"type":"custom"}: map[oss_access_ttl:7]`)
	})
	o.Operation(t, "alicloud_log_audit import", func() error {
		got, err := read(newClient(t))
		return observe.Is(err, func() string { title, _, _ := strings.Cut(got, " "); return title }, "tf-audit")
	})
	o.Operation(t, "alicloud_log_service read", func() error {
		got, err := c.GetSlsService(sls.CreateGetSlsServiceRequest())
		return observe.Is(err, func() string { return fmt.Sprintln(got.Success, got.Enabled, got.Status) }, "true true Opened\n")
	})
	request := sls.CreateDeleteAppRequest()
	request.AppName = "audit"
	if _, err := c.DeleteApp(request); err != nil {
		t.Error(err)
	}
}
