// Package fluentbit takes the way of Fluent Bit's output plugins in Go: records as Fluent Bit hands them over, its own decoder of them, and the official Go
// SDK as those plugins set it up. The plugins themselves are programs that Fluent Bit loads, and neither is to be had as a Go module.
package fluentbit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/aliyun/aliyun-log-go-sdk/producer"
	"github.com/fluent/fluent-bit-go/output"
	"google.golang.org/protobuf/proto"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

const (
	project, store = "fluent-bit", "app"
	source         = "fluent-bit-plugin"
)

func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://"+observe.Addr) // the names of projects lead nowhere
	os.Exit(m.Run())
}

// chunk is a record as Fluent Bit 2 gives it to a plugin, in MessagePack: [[time, {}], {fields}].
func chunk(at time.Time, fields ...string) []byte {
	b := []byte{0x92, 0x92, 0xd7, 0x00}
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
	b = append(b, 0x80, 0x80|byte(len(fields)/2))
	for _, text := range fields {
		b = append(append(b, 0xd9, byte(len(text))), text...)
	}
	return b
}

// logsOf is what a plugin makes of the chunks of one flush.
func logsOf(t *testing.T, data []byte) (logs []*sls.Log) {
	t.Helper()
	decoder := output.NewDecoder(unsafe.Pointer(&data[0]), len(data))
	for {
		ret, at, record := output.GetRecord(decoder)
		if ret != 0 {
			return logs
		}
		when := at.(output.FLBTime)
		l := &sls.Log{Time: proto.Uint32(uint32(when.Unix())), TimeNs: proto.Uint32(uint32(when.Nanosecond()))}
		for k, v := range record {
			l.Contents = append(l.Contents, &sls.LogContent{Key: proto.String(text(k)), Value: proto.String(text(v))})
		}
		logs = append(logs, l)
	}
}

func text(v any) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

func TestFluentBit(t *testing.T) {
	c := sls.CreateNormalInterfaceV2("http://"+observe.Domain, sls.NewStaticCredentialsProvider(observe.KeyID, observe.Secret, ""))
	defer c.Close()
	if _, err := c.CreateProject(project, ""); err != nil {
		t.Fatal(err)
	}
	defer c.DeleteProject(project)
	if err := c.CreateLogStore(project, store, 1, 1, false, 0); err != nil {
		t.Fatal(err)
	}
	plugin := observe.Client{
		Name: "Fluent Bit output (its Go code path)", Version: "Go SDK " + observe.Version(t, "github.com/aliyun/aliyun-log-go-sdk"),
		Code: func(err error) string {
			failure := new(sls.Error)
			if !errors.As(err, &failure) {
				return ""
			}
			return failure.Code
		},
	}
	at := time.Now().Truncate(time.Second).Add(123456789)
	data := append(chunk(at, "log", "first line", "stream", "stdout"), chunk(at, "log", "second line", "stream", "stderr")...)
	if !plugin.Operation(t, "look for the project and the logstore", func() error {
		there, err := c.CheckProjectExist(project)
		if err != nil || !there {
			return fmt.Errorf("project: %v, %w", there, err)
		}
		there, err = c.CheckLogstoreExist(project, store)
		return observe.Is(err, func() string { return fmt.Sprint(there) }, "true")
	}) {
		return
	}
	plugin.Operation(t, "flush with PutLogs", func() error {
		err := c.PutLogs(project, store, &sls.LogGroup{Topic: proto.String("kube.app"), Source: proto.String(source), Logs: logsOf(t, data)})
		return observe.Is(err, func() string { return pulled(t, c) }, "kube.app fluent-bit-plugin 123456789 first line, kube.app fluent-bit-plugin 123456789 second line")
	})
	plugin.Operation(t, "flush with the producer", func() error { return produce(t, c, logsOf(t, data)) })
}

// pulled is all that is in the logstore: topic, source, nanoseconds and the line of each log.
func pulled(t *testing.T, c sls.ClientInterface) string {
	t.Helper()
	cursor, err := c.GetCursor(project, store, 0, "begin")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := c.PullLogs(project, store, 0, cursor, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, g := range list.LogGroups {
		for _, l := range g.Logs {
			for _, f := range l.Contents {
				if f.GetKey() == "log" {
					all = append(all, fmt.Sprint(g.GetTopic(), " ", g.GetSource(), " ", l.GetTimeNs(), " ", f.GetValue()))
				}
			}
		}
	}
	return strings.Join(all, ", ")
}

// outcome is a callback that says what became of a log.
type outcome chan error

func (o outcome) Success(*producer.Result) { o <- nil }
func (o outcome) Fail(r *producer.Result) {
	o <- fmt.Errorf("%s: %s", r.GetErrorCode(), r.GetErrorMessage())
}

// produce sends logs through the SDK's producer, as plugins do that batch by themselves, and waits for each.
func produce(t *testing.T, c sls.ClientInterface, logs []*sls.Log) error {
	t.Helper()
	config := producer.GetDefaultProducerConfig()
	config.Endpoint, config.LingerMs, config.AllowLogLevel = "http://"+observe.Domain, 100, "error"
	config.CredentialsProvider = sls.NewStaticCredentialsProvider(observe.KeyID, observe.Secret, "")
	p, err := producer.NewProducer(config)
	if err != nil {
		return err
	}
	p.Start()
	defer p.SafeClose()
	told := make(outcome, len(logs))
	for _, l := range logs {
		if err := p.SendLogWithCallBack(project, store, "kube.app", source, l, told); err != nil {
			return err
		}
	}
	for range logs {
		if err := <-told; err != nil {
			return err
		}
	}
	return observe.Is(nil, func() string { return fmt.Sprint(strings.Count(pulled(t, c), "kube.app")) }, "4")
}
