// Writes a log with the SLS Go SDK and reads it back.
package main

import (
	"fmt"
	"log"
	"os"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"google.golang.org/protobuf/proto"
)

func main() {
	client := sls.CreateNormalInterface(
		os.Getenv("SLS_ENDPOINT"), // such as http://localhost:8080
		os.Getenv("SLUICE_ACCESS_KEY_ID"),
		os.Getenv("SLUICE_ACCESS_KEY_SECRET"),
		"", // a security token, for a temporary key
	)
	defer client.Close()
	const project, logstore = "howto-go", "app"
	if exists, err := client.CheckProjectExist(project); err != nil {
		log.Fatal(err)
	} else if !exists {
		_, err := client.CreateProject(project, "from the Go SDK")
		check(err)
	}
	if exists, err := client.CheckLogstoreExist(project, logstore); err != nil {
		log.Fatal(err)
	} else if !exists {
		check(client.CreateLogStore(project, logstore, 7, 1, false, 0)) // kept for 7 days, 1 shard
	}

	check(client.PutLogs(project, logstore, &sls.LogGroup{
		Topic:  proto.String("greetings"),
		Source: proto.String("howto"),
		Logs: []*sls.Log{{
			Time:     proto.Uint32(uint32(time.Now().Unix())),
			Contents: []*sls.LogContent{{Key: proto.String("msg"), Value: proto.String("hello from Go")}},
		}},
	}))

	cursor, err := client.GetCursor(project, logstore, 0, "begin")
	check(err)
	end, err := client.GetCursor(project, logstore, 0, "end")
	check(err)
	for cursor != end {
		groups, next, err := client.PullLogs(project, logstore, 0, cursor, end, 100)
		check(err)
		for _, group := range groups.LogGroups {
			for _, l := range group.Logs {
				fmt.Println(group.GetTopic(), l.Contents[0].GetKey(), l.Contents[0].GetValue())
			}
		}
		cursor = next
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
