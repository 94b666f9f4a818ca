// Consumes a logstore with the consumer library of the SLS Go SDK, until it has seen -n logs.
package main

import (
	"flag"
	"fmt"
	"os"
	"sync/atomic"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	consumer "github.com/aliyun/aliyun-log-go-sdk/consumer"
)

func main() {
	n := flag.Int64("n", 3, "stop after this many logs")
	flag.Parse()

	var seen atomic.Int64
	done := make(chan struct{})
	process := func(shard int, groups *sls.LogGroupList, tracker consumer.CheckPointTracker) (string, error) {
		for _, group := range groups.LogGroups {
			for _, l := range group.Logs {
				fmt.Printf("shard %d: %s\n", shard, l.Contents[0].GetValue())
				if seen.Add(1) == *n {
					close(done)
				}
			}
		}
		return "", tracker.SaveCheckPoint(true) // what was processed will not come again
	}
	worker := consumer.InitConsumerWorkerWithCheckpointTracker(consumer.LogHubConfig{
		Endpoint:          os.Getenv("SLS_ENDPOINT"), // such as http://localhost:8080
		AccessKeyID:       os.Getenv("SLUICE_ACCESS_KEY_ID"),
		AccessKeySecret:   os.Getenv("SLUICE_ACCESS_KEY_SECRET"),
		Project:           "howto-groups",
		Logstore:          "orders",
		ConsumerGroupName: "billing",
		ConsumerName:      "billing-1", // another name in each process
		CursorPosition:    consumer.BEGIN_CURSOR,
		AllowLogLevel:     "error",
	}, process)
	worker.Start()
	<-done
	worker.StopAndWait()
}
