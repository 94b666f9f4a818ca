package mns

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/queue"
)

// What bodies of requests say. Elements that are not known are passed over, as the service does.

type queueIn struct {
	DelaySeconds           *int64
	MaximumMessageSize     *int64
	MessageRetentionPeriod *int64
	VisibilityTimeout      *int64
	PollingWaitSeconds     *int64
	LoggingEnabled         *bool
}

func (b *queueIn) apply(a *queue.Attributes) {
	for _, f := range []struct{ from, to *int64 }{
		{b.DelaySeconds, &a.DelaySeconds},
		{b.MaximumMessageSize, &a.MaximumMessageSize},
		{b.MessageRetentionPeriod, &a.MessageRetentionPeriod},
		{b.VisibilityTimeout, &a.VisibilityTimeout},
		{b.PollingWaitSeconds, &a.PollingWaitSeconds},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if b.LoggingEnabled != nil {
		a.LoggingEnabled = *b.LoggingEnabled
	}
}

type messageIn struct {
	MessageBody  string
	DelaySeconds *int64
	Priority     int64
}

func (m messageIn) outgoing() queue.Outgoing {
	return queue.Outgoing{Body: m.MessageBody, DelaySeconds: m.DelaySeconds, Priority: m.Priority}
}

type messagesIn struct {
	Messages []messageIn `xml:"Message"`
}

type handlesIn struct {
	Handles []string `xml:"ReceiptHandle"`
}

// rootOf is the name of the outermost element.
func rootOf(body []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.Token()
		if err != nil {
			return "", malformed(err)
		}
		if e, ok := t.(xml.StartElement); ok {
			return e.Name.Local, nil
		}
	}
}

// decode reads a body whose outermost element has this name, and behind which there is nothing.
func decode(body []byte, root string, v any) error {
	name, err := rootOf(body)
	if err != nil {
		return err
	}
	if name != root {
		return sluice.Errorf(sluice.Invalid, "xml", "the body is a %.32q, and has to be a %s", name, root)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(v); err != nil {
		return malformed(err)
	}
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return malformed(err)
		}
		if text, ok := t.(xml.CharData); !ok || len(bytes.TrimSpace(text)) > 0 {
			return sluice.Errorf(sluice.Invalid, "xml", "something comes after the body's %s", root)
		}
	}
}

func malformed(err error) error {
	return sluice.Errorf(sluice.Invalid, "xml", "the body cannot be read: %.200s", err.Error())
}
