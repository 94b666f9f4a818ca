package pop

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	rpc "github.com/alibabacloud-go/tea-rpc/client"
	util "github.com/alibabacloud-go/tea-utils/service"
	"github.com/alibabacloud-go/tea/tea"
	log "github.com/aliyun/aliyun-log-go-sdk"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

// trails makes the calls of alicloud_actiontrail_trail.
type trails struct {
	observe.Client
	c *rpc.Client
}

// call is how the provider calls RPC actions: what it sends is in a form, or, of a GET, in the query.
func (o trails) call(method, version, action string, params map[string]any) (map[string]any, error) {
	query, body := map[string]any(nil), params
	if method == http.MethodGet {
		query, body = params, nil
	}
	return o.c.DoRequest(tea.String(action), nil, tea.String(method), tea.String(version), tea.String("AK"), query, body, &util.RuntimeOptions{})
}

const (
	trailVersion = "2020-07-06"
	trailName    = "terraform-trail"
	trailProject = "terraform-trail"
)

// state is what the provider reads of the trail, as text; "" if there is none.
func (o trails) state() (string, error) {
	answer, err := o.call(http.MethodPost, trailVersion, "DescribeTrails", map[string]any{"RegionId": region, "NameList": trailName})
	if err != nil {
		return "", err
	}
	list, ok := answer["TrailList"].([]any)
	switch {
	case !ok:
		return "", fmt.Errorf("got no TrailList: %v", answer)
	case len(list) == 0:
		return "", nil
	}
	trail, _ := list[0].(map[string]any)
	return fmt.Sprint(trail["Name"], " ", trail["Status"], " ", trail["EventRW"], " ", trail["TrailRegion"], " ", trail["SlsProjectArn"]), nil
}

// makeProject makes what the trail delivers to, and returns its name as trails have it.
func (o trails) makeProject(t *testing.T) (arn string) {
	t.Helper()
	c := log.CreateNormalInterface("http://"+observe.Domain, observe.KeyID, observe.Secret, "")
	c.SetHTTPClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: observe.Addr})}})
	if _, err := c.CreateProject(trailProject, ""); err != nil {
		t.Fatal(err)
	}
	who, err := o.call(http.MethodPost, "2015-04-01", "GetCallerIdentity", nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("acs:log:%s:%v:project/%s", region, who["AccountId"], trailProject)
}

// TestTrails: a trail to a project, which is what there is here in place of a log audit that collects.
func TestTrails(t *testing.T) {
	c, err := rpc.NewClient(&rpc.Config{
		AccessKeyId: tea.String(observe.KeyID), AccessKeySecret: tea.String(observe.Secret), Endpoint: tea.String(observe.Addr), Protocol: tea.String("HTTP"), RegionId: tea.String(region),
	})
	if err != nil {
		t.Fatal(err)
	}
	o := trails{observe.Client{
		Name: "Terraform provider alicloud (its calls)", Version: "tea-rpc " + observe.Version(t, "github.com/alibabacloud-go/tea-rpc"),
		Code: func(err error) string {
			var failure *tea.SDKError
			if !errors.As(err, &failure) {
				return ""
			}
			return tea.StringValue(failure.Code)
		},
	}, c}
	arn := o.makeProject(t)
	does := func(method, action string, params map[string]any, want string) error {
		if _, err := o.call(method, trailVersion, action, params); err != nil {
			return err
		}
		got, err := o.state()
		return observe.Is(err, func() string { return got }, want)
	}
	name := map[string]any{"Name": trailName}
	if !o.Operation(t, "alicloud_actiontrail_trail create", func() error {
		return errors.Join(
			does(http.MethodPost, "CreateTrail", map[string]any{"Name": trailName, "EventRW": "All", "SlsProjectArn": arn}, trailName+" Fresh All All "+arn),
			does(http.MethodPost, "StartLogging", name, trailName+" Enable All All "+arn),
		)
	}) {
		return
	}
	o.Operation(t, "alicloud_actiontrail_trail update", func() error {
		return does(http.MethodPost, "UpdateTrail", map[string]any{"Name": trailName, "RegionId": region, "EventRW": "Write", "SlsProjectArn": arn}, trailName+" Enable Write All "+arn)
	})
	o.Operation(t, "alicloud_actiontrail_trail update status", func() error { return does(http.MethodGet, "StopLogging", name, trailName+" Disable Write All "+arn) })
	o.Operation(t, "alicloud_actiontrail_trail import", func() error {
		got, err := o.state()
		return observe.Is(err, func() string { return got }, trailName+" Disable Write All "+arn)
	})
	o.Operation(t, "alicloud_actiontrail_trail delete", func() error {
		if err := does(http.MethodPost, "DeleteTrail", name, ""); err != nil {
			return err
		}
		_, err := o.call(http.MethodPost, trailVersion, "DeleteTrail", name)
		return observe.Is(nil, func() string { return o.Code(err) }, "TrailNotFoundException")
	})
}
