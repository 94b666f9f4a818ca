package mns

import (
	"encoding/xml"
	"time"

	"github.com/sluicelog/sluice/internal/queue"
)

// What answers say. Times are in milliseconds, but those of a queue in seconds. Marshal cannot fail on any of them.

type queueOut struct {
	QueueName              string
	CreateTime             int64
	LastModifyTime         int64
	DelaySeconds           int64
	MaximumMessageSize     int64
	MessageRetentionPeriod int64
	VisibilityTimeout      int64
	PollingWaitSeconds     int64
	ActiveMessages         int
	InactiveMessages       int
	DelayMessages          int
	LoggingEnabled         bool
}

func queueOf(i queue.Info) queueOut {
	return queueOut{
		QueueName: i.Name, CreateTime: i.Created.Unix(), LastModifyTime: i.Modified.Unix(), DelaySeconds: i.DelaySeconds,
		MaximumMessageSize: i.MaximumMessageSize, MessageRetentionPeriod: i.MessageRetentionPeriod, VisibilityTimeout: i.VisibilityTimeout,
		PollingWaitSeconds: i.PollingWaitSeconds, ActiveMessages: i.Active, InactiveMessages: i.Inactive, DelayMessages: i.Delayed,
		LoggingEnabled: i.LoggingEnabled,
	}
}

type queueAnswer struct {
	XMLName xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Queue"`
	queueOut
}

type queuesAnswer struct {
	XMLName    xml.Name      `xml:"http://mns.aliyuncs.com/doc/v1/ Queues"`
	Queues     []listedQueue `xml:"Queue"`
	NextMarker string
}

type listedQueue struct {
	QueueURL string
	*queueOut
}

type purged struct {
	XMLName  xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Purged"`
	Messages int
}

type sentAnswer struct {
	XMLName        xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Message"`
	MessageID      string   `xml:"MessageId"`
	MessageBodyMD5 string
	ReceiptHandle  string `xml:",omitempty"`
}

type sentMessages struct {
	XMLName  xml.Name  `xml:"http://mns.aliyuncs.com/doc/v1/ Messages"`
	Messages []sentOne `xml:"Message"`
}

// sentOne has the first two or the last two, and never more: clients take nothing else.
type sentOne struct {
	MessageID      string `xml:"MessageId,omitempty"`
	MessageBodyMD5 string `xml:",omitempty"`
	ErrorCode      string `xml:",omitempty"`
	ErrorMessage   string `xml:",omitempty"`
}

type receivedOut struct {
	MessageID        string `xml:"MessageId"`
	ReceiptHandle    string `xml:",omitempty"`
	MessageBody      string
	MessageBodyMD5   string
	EnqueueTime      int64
	NextVisibleTime  int64 `xml:",omitempty"`
	FirstDequeueTime int64
	DequeueCount     int64
	Priority         int64
}

func receivedOf(m queue.Received) receivedOut {
	out := receivedOut{
		MessageID: m.ID, ReceiptHandle: m.Handle, MessageBody: m.Body, MessageBodyMD5: m.BodyMD5, EnqueueTime: m.Enqueued.UnixMilli(),
		FirstDequeueTime: m.First.UnixMilli(), DequeueCount: m.Count, Priority: m.Priority,
	}
	if m.Visible != (time.Time{}) {
		out.NextVisibleTime = m.Visible.UnixMilli()
	}
	return out
}

type receivedAnswer struct {
	XMLName xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Message"`
	receivedOut
}

type receivedMessages struct {
	XMLName  xml.Name      `xml:"http://mns.aliyuncs.com/doc/v1/ Messages"`
	Messages []receivedOut `xml:"Message"`
}

type failedHandles struct {
	XMLName xml.Name       `xml:"http://mns.aliyuncs.com/doc/v1/ Errors"`
	Errors  []failedHandle `xml:"Error"`
}

type failedHandle struct {
	ErrorCode     string
	ErrorMessage  string
	ReceiptHandle string
}

type changed struct {
	XMLName         xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ ChangeVisibility"`
	ReceiptHandle   string
	NextVisibleTime int64
}
