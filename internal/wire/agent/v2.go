package agent

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice/internal/agentconf"
)

/*
Version 2, by field number.

	HeartbeatRequest   1 request_id, 2 sequence_num, 3 capabilities, 4 instance_id, 5 agent_type, 6 attributes, 7 tags {1 name, 2 value},
	                   8 running_status, 9 startup_time, 10 continuous_pipeline_configs, 11 instance_configs, 12 onetime_pipeline_configs,
	                   13 flags (1 full state), 14 opaque
	  attributes       1 version, 2 ip, 3 hostname, 4 hostid, 100 extras
	  ConfigInfo       1 name, 2 version, 3 status (1 applying, 2 applied, 3 failed), 4 message, 5 extra
	HeartbeatResponse  1 request_id, 2 common_response {1 status, 2 errorMessage}, 3 capabilities, 4 continuous_pipeline_config_updates,
	                   5 instance_config_updates, 6 onetime_pipeline_config_updates, 7 flags (1 report full state), 8 opaque
	  ConfigDetail     1 name, 2 version (-1 deletes), 3 detail, 4 extra
	Fetch…Request      1 request_id, 2 instance_id, 3 continuous, 4 instance, 5 onetime: ConfigInfo
	Fetch…Response     1 request_id, 2 common_response, 3 continuous, 4 instance, 5 onetime: ConfigDetail
*/
const (
	fullState       = 1 // of a request: this is all of me
	reportFullState = 1 // of an answer: say all of you

	remembersAgents  = 1 // of a server's capabilities
	managesPipelines = 2
	unixMilliseconds = 1 << 40 // start-up times above are not seconds
	statusRefused    = 1       // of a common response; 0 is well
)

// statuses of configurations, by number.
var statuses = []string{"unset", "applying", "applied", "failed"}

// heartbeat is what both versions say of an agent.
type heartbeat struct {
	agentconf.Agent
	requestID []byte
	flags     uint64
}

func (a *API) heartbeat2(q *request) ([]byte, error) {
	h, err := decodeHeartbeat2(q.body)
	if err != nil {
		return nil, err
	}
	h.Project, h.Address = q.project, q.from
	answer, err := a.agents.Heartbeat(q.r.Context(), h.Agent, h.flags&fullState != 0)
	if err != nil {
		return nil, err
	}
	b := appendText(nil, 1, h.requestID)
	b = appendMessage(b, 2, nil)
	b = appendNumber(b, 3, remembersAgents|managesPipelines)
	for _, c := range answer.Updates {
		b = appendMessage(b, 4, detail2(c))
	}
	if answer.ReportState {
		b = appendNumber(b, 7, reportFullState)
	}
	return b, nil
}

func decodeHeartbeat2(b []byte) (h heartbeat, err error) {
	m := message{
		num: func(field protowire.Number, value uint64) {
			switch field {
			case 2:
				h.Sequence = value
			case 9:
				h.Started = startTime(value)
			case 13:
				h.flags = value
			}
		},
		text: func(field protowire.Number, value []byte) error {
			switch field {
			case 1:
				h.requestID = value
			case 4:
				h.ID = string(value)
			case 5:
				h.Type = string(value)
			case 6:
				return message{text: func(field protowire.Number, value []byte) error {
					h.attribute(field, value, 1, 2, 3)
					return nil
				}}.walk(value)
			case 7:
				tag, err := decodeTag(value)
				h.Tags = append(h.Tags, tag)
				return err
			case 8:
				h.Status = string(value)
			case 10:
				c, err := decodeInfo2(value)
				h.Configs = append(h.Configs, c)
				return err
			}
			return nil
		},
	}
	return h, m.walk(b)
}

// attribute takes one attribute of an agent, whose fields have these numbers.
func (h *heartbeat) attribute(field protowire.Number, value []byte, version, ip, hostname protowire.Number) {
	switch field {
	case version:
		h.Version = string(value)
	case ip:
		h.IP = string(value)
	case hostname:
		h.Hostname = string(value)
	}
}

// startTime reads seconds or, as some agents say it, milliseconds.
func startTime(value uint64) time.Time {
	switch {
	case value == 0 || value > 1<<62:
		return time.Time{}
	case value > unixMilliseconds:
		return time.UnixMilli(int64(value))
	}
	return time.Unix(int64(value), 0)
}

func decodeTag(b []byte) (tag agentconf.Tag, err error) {
	err = message{text: func(field protowire.Number, value []byte) error {
		switch field {
		case 1:
			tag.Name = string(value)
		case 2:
			tag.Value = string(value)
		}
		return nil
	}}.walk(b)
	return tag, err
}

func decodeInfo2(b []byte) (c agentconf.ConfigState, err error) {
	c.Status = statuses[0]
	err = message{
		num: func(field protowire.Number, value uint64) {
			switch field {
			case 2:
				c.Version = int64(value)
			case 3:
				if value < uint64(len(statuses)) {
					c.Status = statuses[value]
				}
			}
		},
		text: func(field protowire.Number, value []byte) error {
			switch field {
			case 1:
				c.Name = string(value)
			case 4:
				c.Message = string(value)
			}
			return nil
		},
	}.walk(b)
	return c, err
}

func detail2(c agentconf.Config) []byte {
	b := appendText(nil, 1, c.Name)
	b = appendNumber(b, 2, c.Version)
	return appendText(b, 3, c.Detail)
}

// fetch is a request for details, in both versions: where they differ, fields of the one are none of the other.
type fetch struct {
	requestID []byte
	id        string
	names     []string
	old       bool // names came in the form of version 1
}

// fetchPipelines answers FetchPipelineConfig, which has the same path in both versions. They tell apart by the entries: an entry of version 1
// has its name in field 2, where version 2 has a number.
func (a *API) fetchPipelines(q *request) ([]byte, error) {
	f, err := decodeFetch(q.body)
	if err != nil {
		return nil, err
	}
	configs, err := a.agents.Fetch(q.r.Context(), q.project, f.id, q.from, f.names)
	if err != nil {
		return nil, err
	}
	b := appendText(nil, 1, f.requestID)
	if f.old {
		for _, c := range configs {
			if c.Version != agentconf.Deleted {
				b = appendMessage(b, 4, detail1(c))
			}
		}
		return b, nil
	}
	b = appendMessage(b, 2, nil)
	for _, c := range configs {
		b = appendMessage(b, 3, detail2(c))
	}
	return b, nil
}

func decodeFetch(b []byte) (f fetch, err error) {
	err = message{text: func(field protowire.Number, value []byte) error {
		switch field {
		case 1:
			f.requestID = value
		case 2:
			f.id = string(value)
		case 3:
			return message{text: func(field protowire.Number, value []byte) error {
				switch field {
				case 1:
					f.names = append(f.names, string(value))
				case 2:
					f.old = true
					f.names = append(f.names, string(value))
				}
				return nil
			}}.walk(value)
		}
		return nil
	}}.walk(b)
	return f, err
}

// fetchNothing answers requests about what this server does not give: configurations of the agent itself.
func (a *API) fetchNothing(q *request) ([]byte, error) {
	f, err := decodeFetch(q.body)
	if err != nil {
		return nil, err
	}
	return appendMessage(appendText(nil, 1, f.requestID), 2, nil), nil
}

// deny2 is an answer that refuses.
func deny2(requestID []byte, why string) []byte {
	b := appendText(nil, 1, requestID)
	return appendMessage(b, 2, appendText(appendNumber(nil, 1, statusRefused), 2, why))
}
