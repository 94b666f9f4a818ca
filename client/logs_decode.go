package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/logpb"
)

// decodeLogs reads an answer of the form {"meta":{…},"data":[{…},…]} (reference sls-query 4.3).
func decodeLogs(a *answer) (*Logs, error) {
	body, err := plain(a)
	if err != nil {
		return nil, err
	}
	var parts struct {
		Meta struct {
			LogsMeta
			Progress     string `json:"progress"`
			Milliseconds int64  `json:"elapsedMillisecond"`
			Scan         struct {
				All bool `json:"scanAll"`
			} `json:"phraseQueryInfo"`
		} `json:"meta"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &parts); err != nil {
		return nil, err
	}
	l := &Logs{LogsMeta: parts.Meta.LogsMeta}
	l.Complete = strings.EqualFold(parts.Meta.Progress, "Complete")
	l.Elapsed = time.Duration(parts.Meta.Milliseconds) * time.Millisecond
	if l.Rows, err = decodeRows(parts.Data); err != nil {
		return nil, err
	}
	l.Count = len(l.Rows)
	l.Last = parts.Meta.Scan.All
	return l, nil
}

// plain undoes the compression that the headers name.
func plain(a *answer) ([]byte, error) {
	codec := logpb.Codec(a.header.Get("x-log-compresstype"))
	if codec == logpb.None {
		return a.body, nil
	}
	size, err := strconv.Atoi(a.header.Get("x-log-bodyrawsize"))
	if err != nil || size < 0 || size > maxAnswer {
		return nil, fmt.Errorf("x-log-bodyrawsize is %q", a.header.Get("x-log-bodyrawsize"))
	}
	return logpb.Decompress(nil, codec, a.body, size)
}

// decodeRows reads an array of flat objects token by token: a map would lose the order of the fields.
func decodeRows(data []byte) ([]Row, error) {
	rows := []Row{}
	if len(data) == 0 || string(data) == "null" {
		return rows, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := expect(d, '['); err != nil {
		return nil, err
	}
	for d.More() {
		row, err := decodeRow(d)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows), err)
		}
		rows = append(rows, row)
	}
	return rows, expect(d, ']')
}

func decodeRow(d *json.Decoder) (Row, error) {
	if err := expect(d, '{'); err != nil {
		return nil, err
	}
	row := Row{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		field := sluice.Field{Key: key.(string), Value: string(value)} // the decoder lets nothing else be a key
		if value[0] == '"' {
			if err := json.Unmarshal(value, &field.Value); err != nil {
				return nil, err
			}
		}
		row = append(row, field)
	}
	return row, expect(d, '}')
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v where %v should be", token, want)
	}
	return nil
}
