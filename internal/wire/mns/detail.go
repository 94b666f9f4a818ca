package mns

import (
	"encoding/xml"
	"strings"

	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/wire"
)

// Detail implements [wire.Detailer]. Of bodies it tells the attributes of queues alone.
func (q *request) Detail() wire.Detail {
	d := wire.Detail{Version: q.r.Header.Get("X-Mns-Version"), Principal: q.principal, Params: map[string]any{}}
	d.AccessKey, d.Signature = auth.Claimed(q.r, nil)
	if q.below == "" && q.body != nil {
		var attributes struct {
			Members []struct {
				XMLName xml.Name
				Text    string `xml:",chardata"`
			} `xml:",any"`
		}
		if xml.Unmarshal(q.body, &attributes) == nil {
			for _, m := range attributes.Members {
				d.Params[m.XMLName.Local] = strings.TrimSpace(m.Text)
			}
		}
	}
	for name, values := range q.query {
		if len(values) == 1 {
			d.Params[name] = values[0]
		} else {
			d.Params[name] = values
		}
	}
	if q.name != "" {
		d.Params["QueueName"] = q.name
	}
	return d
}
