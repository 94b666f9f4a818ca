package object

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
)

/*
The layout of execution records, one object for each run (reference cloud-assistant 3.4):

	<prefix>/invocationResults/<InvokeId>/commandContent.sh, .bat, .ps1     the script
	<prefix>/invocationResults/<InvokeId>/<InstanceId>/<Repeats>.json       the record
	<prefix>/sendFileResults/<InvokeId>/fileContent.txt                     the content that was sent
	<prefix>/sendFileResults/<InvokeId>/<InstanceId>/1.json                 the record

Names are functions of the records, so a record that is sent again replaces its own object. A log that is no record is refused.
*/
type executions struct {
	store  Store
	prefix string
}

// executionBatch is a batch of records.
type executionBatch struct {
	to      *executions
	header  sink.Header
	objects []executionObject
	size    int64
}

type executionObject struct {
	name, typ string
	body      []byte
}

func (w *executions) begin(h sink.Header) sink.Batch { return &executionBatch{to: w, header: h} }

func (b *executionBatch) Add(e *sink.Entry) error {
	values := map[string]string{}
	for _, f := range e.Fields {
		values[f.Key] = f.Value
	}
	content, record, err := executionNames(values)
	if err != nil {
		return &sink.Refused{First: len(b.objects) / 2, Count: 1, Reason: err.Error()}
	}
	body := indented(e.Fields)
	for _, o := range []executionObject{
		{Join(b.to.prefix, content), "text/plain; charset=utf-8", sentContent(values)}, {Join(b.to.prefix, record), "application/json", body},
	} {
		b.objects = append(b.objects, o)
		b.size += int64(len(o.body))
	}
	return nil
}

// sentContent is what was run or sent.
func sentContent(values map[string]string) []byte {
	if _, file := values["FileName"]; !file {
		return []byte(values["CommandContent"])
	}
	if values["ContentType"] == "Base64" {
		if raw, err := base64.StdEncoding.DecodeString(values["FileContent"]); err == nil {
			return raw
		}
	}
	return []byte(values["FileContent"])
}

// executionNames are the names of the objects of a record.
func executionNames(values map[string]string) (content, record string, err error) {
	invocation, instance := values["InvokeId"], values["InstanceId"]
	for _, id := range []string{invocation, instance} {
		if id == "" || len(id) > 128 || path.Clean("/"+id) != "/"+id || strings.ContainsAny(id, "/\\") || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return "", "", fmt.Errorf("the log is no execution record: InvokeId %.40q and InstanceId %.40q are not names", invocation, instance)
		}
	}
	if _, file := values["FileName"]; file {
		dir := "sendFileResults/" + invocation
		return dir + "/fileContent.txt", dir + "/" + instance + "/1.json", nil
	}
	repeats, err := strconv.ParseUint(values["Repeats"], 10, 63)
	if err != nil {
		return "", "", fmt.Errorf("the log is no execution record: Repeats %.40q is not a number", values["Repeats"])
	}
	ext := map[string]string{"RunBatScript": ".bat", "RunPowerShellScript": ".ps1"}[values["CommandType"]]
	if ext == "" {
		ext = ".sh"
	}
	dir := "invocationResults/" + invocation
	return dir + "/commandContent" + ext, fmt.Sprintf("%s/%s/%d.json", dir, instance, max(repeats, 1)), nil
}

// indented are fields as a JSON object, in their order.
func indented(fields []sink.Field) []byte {
	var b bytes.Buffer
	b.WriteString("{")
	for i, f := range fields {
		if f.Kind == sink.Absent || strings.HasPrefix(f.Key, "__") { // what the log service knows of the log, and the record does not
			continue
		}
		if i > 0 && b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(text(f.Key))
		b.WriteString(": ")
		if f.Kind == sink.Text {
			b.Write(text(f.Value))
		} else {
			b.WriteString(f.Value) // is valid JSON, says the pipeline
		}
	}
	b.WriteString("\n}\n")
	return b.Bytes()
}

// text is a string in JSON, with < and > as they are.
func text(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(strings.ToValidUTF8(s, "\uFFFD")) // of a string
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func (b *executionBatch) Len() int       { return len(b.objects) / 2 }
func (b *executionBatch) Encoded() int64 { return b.size }
func (b *executionBatch) Memory() int64  { return b.size }
func (b *executionBatch) Release()       { b.objects = nil }

// Send writes the objects in order. The content comes before its record, and again with each: it is the same.
func (b *executionBatch) Send(ctx context.Context, _ sink.Point) error {
	sent := map[string]bool{}
	for _, o := range b.objects {
		if strings.Contains(path.Base(o.name), "Content.") {
			if sent[o.name] {
				continue
			}
			sent[o.name] = true
		}
		if err := b.to.store.Put(ctx, Object{Name: o.name, Type: o.typ, Payload: encode.PayloadOf(o.body)}); err != nil {
			return err
		}
	}
	return nil
}
