package main

import (
	"context"
	"encoding/json"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// demoIndexes make the logs of the demo searchable.
var demoIndexes = map[sluice.LogstoreRef]string{
	demoSyslog: `{"line": {"token": [" ", ",", ";", "=", "(", ")", "[", "]", "<", ">", "\"", "'", "/", ":", "\t"]}}`,
	demoAccess: accessIndex,
	demoErrors: accessIndex,
}

const accessIndex = `{
		"line": {"token": [" ", ",", ";", "=", "(", ")", "[", "]", "\"", "/", ":", "?", "&"]},
		"keys": {
			"method": {"type": "text", "token": [], "doc_value": true},
			"uri": {"type": "text", "token": ["/", "?", "&", "="], "doc_value": true},
			"status": {"type": "long", "doc_value": true},
			"bytes": {"type": "long", "doc_value": true},
			"request_time": {"type": "double", "doc_value": true},
			"remote_addr": {"type": "text", "token": [], "doc_value": true},
			"host": {"type": "text", "token": [], "doc_value": true},
			"user_agent": {"type": "text", "token": [" ", "/", ";", "(", ")"], "doc_value": true}
		}
	}`

// indexDemo gives the logstores of the demo their indexes, unless they have one.
func indexDemo(ctx context.Context, c *client.Client) error {
	for ref, config := range demoIndexes {
		_, err := c.Index(ctx, ref)
		if client.Code(err) == "IndexConfigNotExist" {
			err = c.SetIndex(ctx, ref, json.RawMessage(config))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
