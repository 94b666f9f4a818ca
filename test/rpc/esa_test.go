// Package rpc tests the RPC dialect with Alibaba Cloud's own Go clients, unmodified, against a whole server.
package rpc

import (
	"errors"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	esa "github.com/alibabacloud-go/esa-20240910/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/internal/testenv"
)

// signatures are the two ways in which clients sign: the new one is the default.
var signatures = map[string]*string{"ACS3": nil, "RPC": tea.String("v2")}

// client makes an ESA client of env.
func client(t *testing.T, env *testenv.Env, algorithm *string) *esa.Client {
	t.Helper()
	c, err := esa.NewClient(&openapi.Config{
		AccessKeyId: tea.String(testenv.RootID), AccessKeySecret: tea.String(testenv.RootSecret),
		Endpoint: tea.String(env.Addr), Protocol: tea.String("HTTP"), SignatureAlgorithm: algorithm,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSites(t *testing.T) {
	for name, algorithm := range signatures {
		t.Run(name, func(t *testing.T) {
			c := client(t, testenv.Start(t), algorithm)
			made, err := c.CreateSite(&esa.CreateSiteRequest{
				SiteName: tea.String("example.com"), AccessType: tea.String("NS"), Coverage: tea.String("domestic"), InstanceId: tea.String("i-1"),
			})
			if err != nil {
				t.Fatal(err)
			}
			id := made.Body.SiteId
			got, err := c.GetSite(&esa.GetSiteRequest{SiteId: id})
			if err != nil {
				t.Fatal(err)
			}
			if m := got.Body.SiteModel; *m.SiteName != "example.com" || *m.SiteId != *id || *m.Coverage != "domestic" || *m.Status != "active" {
				t.Errorf("site: %v", m)
			}
			list, err := c.ListSites(&esa.ListSitesRequest{SiteName: tea.String("example"), SiteSearchType: tea.String("fuzzy")})
			if err != nil {
				t.Fatal(err)
			}
			if *list.Body.TotalCount != 1 || len(list.Body.Sites) != 1 || *list.Body.Sites[0].SiteId != *id {
				t.Errorf("list: %v", list.Body)
			}
			_, err = c.CreateSite(&esa.CreateSiteRequest{
				SiteName: tea.String("example.com"), AccessType: tea.String("NS"), Coverage: tea.String("domestic"), InstanceId: tea.String("i-1"),
			})
			wantCode(t, "a site that is there", err, "AlreadyExists", 409)
			if _, err := c.DeleteSite(&esa.DeleteSiteRequest{SiteId: id}); err != nil {
				t.Fatal(err)
			}
			_, err = c.GetSite(&esa.GetSiteRequest{SiteId: id})
			wantCode(t, "a site that is gone", err, "InvalidSiteId.NotFound", 404)
		})
	}
}

func TestFieldsOfLogs(t *testing.T) {
	c := client(t, testenv.Start(t), nil)
	fields, err := c.GetRealtimeDeliveryField(&esa.GetRealtimeDeliveryFieldRequest{BusinessType: tea.String("dcdn_log_access_l1")})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, group := range fields.Body.FieldContent {
		n += len(group.FieldList)
	}
	if n != 58 {
		t.Errorf("%d fields", n)
	}
	made, err := c.CreateSite(&esa.CreateSiteRequest{
		SiteName: tea.String("example.com"), AccessType: tea.String("NS"), Coverage: tea.String("domestic"), InstanceId: tea.String("i-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	id := made.Body.SiteId
	if _, err := c.CreateSiteCustomLog(&esa.CreateSiteCustomLogRequest{
		SiteId: id, RequestHeaders: tea.StringSlice([]string{"X-Tenant"}), Cookies: tea.StringSlice([]string{"sid"}),
	}); err != nil {
		t.Fatal(err)
	}
	custom, err := c.GetSiteCustomLog(&esa.GetSiteCustomLogRequest{SiteId: id})
	if err != nil {
		t.Fatal(err)
	}
	if l := custom.Body.LogCustomField; !*custom.Body.IsExist || len(l.RequestHeaders) != 1 || *l.RequestHeaders[0] != "X-Tenant" || len(l.Cookies) != 1 {
		t.Errorf("custom log: %v", custom.Body)
	}
	_, err = c.CreateSiteCustomLog(&esa.CreateSiteCustomLogRequest{SiteId: id, Cookies: tea.StringSlice([]string{"a;b"})})
	wantCode(t, "a bad name", err, "RealTimeLog.NameCheckFail", 403)
	_, err = c.GetRealtimeDeliveryField(&esa.GetRealtimeDeliveryFieldRequest{BusinessType: tea.String("none")})
	wantCode(t, "no such category", err, "InvalidBusinessType", 400)
	if _, err := generic(c, "CreateSlrRoleForRealtimeLog", nil); err != nil {
		t.Error(err)
	}
	_, err = generic(c, "GetEdgeContainerLogs", map[string]*string{"AppId": tea.String("a")})
	wantCode(t, "what is not served", err, "UnsupportedOperation", 400)
	_, err = generic(c, "NoSuchAction", nil)
	wantCode(t, "what does not exist", err, "InvalidApi.NotFound", 404)
}

func TestRefusedCalls(t *testing.T) {
	env := testenv.Start(t)
	for name, algorithm := range signatures {
		c, err := esa.NewClient(&openapi.Config{
			AccessKeyId: tea.String(testenv.RootID), AccessKeySecret: tea.String("wrong"),
			Endpoint: tea.String(env.Addr), Protocol: tea.String("HTTP"), SignatureAlgorithm: algorithm,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.ListSites(&esa.ListSitesRequest{})
		wantCode(t, name+": another secret", err, "SignatureDoesNotMatch", 400)
	}
	c := client(t, env, nil)
	_, err := c.GetSite(&esa.GetSiteRequest{SiteId: tea.Int64(5)})
	wantCode(t, "no such site", err, "InvalidSiteId.NotFound", 404)
	_, err = c.GetSite(&esa.GetSiteRequest{})
	wantCode(t, "no site named", err, "MissingSiteId", 400)
	_, err = c.ListSites(&esa.ListSitesRequest{PageSize: tea.Int32(501)})
	wantCode(t, "a page too large", err, "InvalidPageSize", 400)
}

// generic calls an action by its name, as the client for all products does.
func generic(c *esa.Client, action string, query map[string]*string) (map[string]any, error) {
	return c.CallApi(&openapi.Params{
		Action: tea.String(action), Version: tea.String("2024-09-10"), Protocol: tea.String("HTTP"), Pathname: tea.String("/"),
		Method: tea.String("POST"), AuthType: tea.String("AK"), Style: tea.String("RPC"), ReqBodyType: tea.String("formData"), BodyType: tea.String("json"),
	}, &openapi.OpenApiRequest{Query: query}, &util.RuntimeOptions{})
}

// wantCode checks what a client makes of an error.
func wantCode(t *testing.T, what string, err error, code string, status int) {
	t.Helper()
	var e *tea.SDKError
	if !errors.As(err, &e) {
		t.Errorf("%s: %v, want %s", what, err, code)
		return
	}
	if tea.StringValue(e.Code) != code || tea.IntValue(e.StatusCode) != status {
		t.Errorf("%s: %s %d, want %s %d (%s)", what, tea.StringValue(e.Code), tea.IntValue(e.StatusCode), code, status, tea.StringValue(e.Message))
	}
	if !strings.Contains(tea.StringValue(e.Message), "request id") {
		t.Errorf("%s: no request id in %q", what, tea.StringValue(e.Message))
	}
}
