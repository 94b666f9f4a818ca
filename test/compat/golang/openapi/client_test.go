// Package openapi runs the generated OpenAPI client of Simple Log Service, and the calls that the Terraform provider makes with its generic
// form, unmodified, against the sluiced that test/compat has started.
package openapi

import (
	"errors"
	"testing"

	gateway "github.com/alibabacloud-go/alibabacloud-gateway-sls/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

// configuration of a client: the names of projects lead nowhere, so the server is the proxy. Signature v1 is HMAC with SHA-256 here.
func configuration(signature string) *openapi.Config {
	return &openapi.Config{
		AccessKeyId: tea.String(observe.KeyID), AccessKeySecret: tea.String(observe.Secret), Endpoint: tea.String(observe.Domain), RegionId: tea.String("local"),
		Protocol: tea.String("HTTP"), HttpProxy: tea.String("http://" + observe.Addr), SignatureVersion: tea.String(signature),
	}
}

// generic makes the client that the Terraform provider uses: no types, only actions, paths and JSON.
func generic(t *testing.T) *openapi.Client {
	t.Helper()
	c, err := openapi.NewClient(configuration("v1"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Spi, err = gateway.NewClient(); err != nil {
		t.Fatal(err)
	}
	return c
}

func codeOf(err error) string {
	var old *tea.SDKError
	if errors.As(err, &old) {
		return tea.StringValue(old.Code)
	}
	var failure interface{ GetCode() *string }
	if errors.As(err, &failure) {
		return tea.StringValue(failure.GetCode())
	}
	return ""
}
