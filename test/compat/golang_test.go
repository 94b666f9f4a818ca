//go:build compat

package compat

import (
	"context"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aliyun/aliyun-log-go-sdk"

	"github.com/sluicelog/sluice/test/child"
	"github.com/sluicelog/sluice/test/compat/results"
)

// goModule is a module of its own, so that Go clients run with the dependencies that they choose.
const goModule = "golang"

const (
	notRunning = "waits until the transformation runs, which nothing does here"
	noAlerts   = "makes the places where alerts that run write, and none run here"
)

// providerLeftOut is what of the Terraform provider is not run: the operation, the client that makes its calls, and the reason.
var providerLeftOut = [][3]string{
	{"alicloud_log_etl", "Go SDK " + sdkVersion, notRunning},
	{"alicloud_sls_etl create", "openapi", notRunning},
	{"alicloud_sls_etl update", "openapi", notRunning},
	{"alicloud_log_alert_resource", "alibaba-cloud-sdk-go", noAlerts},
}

// The generated OpenAPI client, the calls of the Terraform provider, and what plugins of Fluent Bit do.
func TestGo(t *testing.T) {
	s := startServer(t)
	for _, left := range providerLeftOut {
		record(t, results.Row{Client: "Terraform provider alicloud (its calls)", Version: left[1], Operation: left[0], State: results.LeftOut, Note: left[2]})
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "./...")
	cmd.Dir, cmd.Env = goModule, environ(s)
	out, err := cmd.CombinedOutput()
	tests := readGoTests(out)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.tell(t, "", "") })
	}
	if len(tests) == 0 || err != nil && !t.Failed() {
		t.Errorf("go test: %v\n%s", err, out)
	}
}

const (
	sdkModule  = "github.com/aliyun/aliyun-log-go-sdk"
	sdkVersion = "0.1.115"
)

// sdkTests are the SDK's own tests that talk to a server, by package. The others compute signatures or sort integers.
var sdkTests = map[string][]string{
	"": {
		"TestAlert", "TestEventStore", "TestIngestion", "TestMetricStore", "TestProjectPolicy", "TestListLogStoreV2", "TestLostore", "TestStoreView",
		"TestClientTestSuite", "TestConfig", "TestGetLogsTestSuite", "TestLogStore", "TestProject", "TestTolenAutoUpdateClient",
	},
	"producer": {"TestV4Sign"},
	"consumer": {"TestStartAndStop", "TestStartAndStopCredentialsProvider"},
}

// sdkLeftOut are those that are not run, with the reason.
var sdkLeftOut = map[string]string{
	"TestScheduledSQL":                       "waits eight minutes for runs of the cloud",
	"TestETLJobV2":                           "waits until the transformation runs, which nothing does here",
	"TestDashboard":                          "its tests are empty",
	"TestUser":                               "has the address of the cloud in it",
	"TestResource":                           "has the address of the cloud in it",
	"TestResourceRecord":                     "has the address of the cloud in it",
	"TestStsToken":                           "asks the cloud's STS at an address that cannot be set",
	"TestTokenAutoUpdateClient":              "asks the cloud's STS at an address that cannot be set",
	"TestProducer":                           "goes on until somebody ends it",
	"TestProducer_CallBack":                  "goes on until somebody ends it",
	"TestConsumerQueryNoData":                "runs for 2000 s and looks at nothing",
	"TestConsumerProcessor":                  "runs for 2000 s and looks at nothing",
	"TestConsumerWithLogId":                  "runs for 2000 s and looks at nothing",
	"TestConsumerClient_updateConsumerGroup": "has an endpoint that must be written into it",
	"TestLogStore/TestCheckLogStore":         "looks for encryption by a key of the cloud",
	"TestLogStore/TestCreateLogStoreWithNewRequestBody": "compares an int with an int32",
	"TestLogStore/TestGetLogs":                          "counts a log of the test before it, if the clock still says the same second",
	"TestLogStore/TestLogShipper":                       "its bucket has a name that no bucket can have",
	"TestLogStore/TestLogStoreReadErrorMock":            "asks a server of its own",
	"TestLogStore/TestLogStoreWriteErrorMock":           "asks a server of its own",
	"TestLogStore/TestReqTimeoutRetry":                  "asks a server of its own",
	"TestGetLogsTestSuite/TestGetLogsV2":                "compares the number 0 with the text 0E+00",
	"TestIngestion/TestIngestionOSS_CRUD":               "expects another value than it has sent",
}

// The Go SDK's own tests. They wait for the cloud for minutes, each alone, so all run at once.
func TestGoSDK(t *testing.T) {
	s := startServer(t)
	prepareForSDK(t, s)
	var left []results.Row
	for name, why := range sdkLeftOut {
		left = append(left, results.Row{Client: "Go SDK", Version: sdkVersion, Operation: name, State: results.LeftOut, Note: why})
	}
	record(t, left...)
	ran := map[string]chan []byte{}
	for pkg, tests := range sdkTests {
		binary := buildSDKTest(t, pkg)
		for _, name := range tests {
			out := make(chan []byte, 1)
			ran[strings.TrimSpace(pkg+" "+name)] = out
			go func() { out <- runSDKTest(t.Context(), s, binary, name) }()
		}
	}
	for name, out := range ran {
		output := <-out
		tests := readGoTests(output)
		if len(tests) == 0 {
			t.Errorf("%s did not run:\n%s", name, output)
		}
		pkg, _, inPackage := strings.Cut(name, " ")
		for _, test := range tests {
			if inPackage {
				test.name = pkg + " " + test.name
			}
			t.Run(test.name, func(t *testing.T) { test.tell(t, "Go SDK", sdkVersion) })
		}
	}
}

// buildSDKTest builds the tests of one of the SDK's packages, out of the module cache.
func buildSDKTest(t *testing.T, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "sdk.test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, strings.TrimSuffix(sdkModule+"/"+pkg, "/"))
	cmd.Dir = goModule
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func runSDKTest(ctx context.Context, s *child.Server, binary, name string) []byte {
	var skip []string
	for left := range sdkLeftOut {
		skip = append(skip, "^"+strings.ReplaceAll(left, "/", "$/^")+"$")
	}
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout=6m", "-test.run=^"+name+"$", "-test.skip="+strings.Join(skip, "|"))
	cmd.Dir = filepath.Dir(binary)
	cmd.Env = append(environ(s), "HTTP_PROXY=http://"+s.Addr, "LOG_TEST_ENDPOINT=http://"+baseDomain, "LOG_TEST_REGION=local",
		"LOG_TEST_ACCESS_KEY_ID="+accessKeyID, "LOG_TEST_ACCESS_KEY_SECRET="+accessSecret, "LOG_TEST_PROJECT=gosdk", "LOG_TEST_LOGSTORE=store",
		"LOG_TEST_STORE_VIEW_PROJECT=gosdk-view", "LOG_TEST_ROLE_ARN=acs:ram::1:role/r", "LOG_TEST_PROJECT_NAME=gosdk")
	out, err := cmd.CombinedOutput()
	if err != nil {
		out = append(out, "\n"+err.Error()...)
	}
	return out
}

// prepareForSDK makes what the SDK's tests expect to be there, and the logstore that TestLogStore cannot make: it asks for one that is
// encrypted by a key of the cloud. It has a minute in which it waits for the cloud.
func prepareForSDK(t *testing.T, s *child.Server) {
	t.Helper()
	c := sdk.CreateNormalInterface("http://"+baseDomain, accessKeyID, accessSecret, "")
	proxy := http.ProxyURL(&url.URL{Scheme: "http", Host: s.Addr})
	c.SetHTTPClient(&http.Client{Transport: &http.Transport{Proxy: proxy}})
	for _, project := range []string{"gosdk", "gosdk-view"} {
		if _, err := c.CreateProject(project, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CreateLogStore("gosdk", "store", 7, 2, false, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateIndex("gosdk", "store", *sdk.CreateDefaultIndex()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var making sync.WaitGroup
	t.Cleanup(func() { stop(); making.Wait() })
	making.Go(func() {
		for poll := time.NewTicker(time.Second); ; {
			select {
			case <-ctx.Done():
				return
			case <-poll.C:
			}
			names, err := c.ListProject()
			if err != nil {
				continue
			}
			for _, name := range names {
				if number, ok := strings.CutPrefix(name, "test-go-logstore-"); ok && c.CreateLogStore(name, "logstore-"+number, 7, 2, true, 16) == nil {
					return
				}
			}
		}
	})
}
