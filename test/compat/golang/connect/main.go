// Makes a project and a logstore with the generated OpenAPI client of SLS, and searches it.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	sls "github.com/alibabacloud-go/sls-20201230/v6/client"
	"github.com/alibabacloud-go/tea/tea"
)

func main() {
	client, err := sls.NewClient(&openapi.Config{
		AccessKeyId:     tea.String(os.Getenv("SLUICE_ACCESS_KEY_ID")),
		AccessKeySecret: tea.String(os.Getenv("SLUICE_ACCESS_KEY_SECRET")),
		Endpoint:        tea.String("localhost"), // the server's base domain: the client puts the project in front of it
		RegionId:        tea.String("local"),
		Protocol:        tea.String("HTTP"),
		HttpProxy:       tea.String(os.Getenv("SLS_ENDPOINT")), // the server is a proxy for its own names
	})
	check(err)
	project, logstore := tea.String("howto-openapi"), tea.String("app")
	_, err = client.CreateProject(&sls.CreateProjectRequest{ProjectName: project, Description: tea.String("from the OpenAPI client")})
	check(err)
	_, err = client.CreateLogStore(project, &sls.CreateLogStoreRequest{LogstoreName: logstore, Ttl: tea.Int32(7), ShardCount: tea.Int32(1)})
	check(err)
	_, err = client.CreateIndex(project, logstore, &sls.CreateIndexRequest{
		Line: &sls.CreateIndexRequestLine{Token: tea.StringSlice([]string{" "}), CaseSensitive: tea.Bool(false), Chn: tea.Bool(false)},
	})
	check(err)

	now := int32(time.Now().Unix())
	found, err := client.GetLogs(project, logstore, &sls.GetLogsRequest{From: tea.Int32(now - 3600), To: tea.Int32(now + 60), Query: tea.String("*")})
	check(err)
	fmt.Println(len(found.Body), "logs in", tea.StringValue(project)+"/"+tea.StringValue(logstore))
}

func check(err error) {
	if err != nil && !strings.Contains(err.Error(), "AlreadyExist") {
		log.Fatal(err)
	}
}
