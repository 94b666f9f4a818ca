package agent

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice/internal/agentconf"
)

/*
Version 1, by field number.

	HeartBeatRequest   1 request_id, 2 agent_id, 3 agent_type, 4 attributes, 5 tags, 6 running_status, 7 startup_time, 8 interval,
	                   9 pipeline_configs, 10 agent_configs
	  attributes       1 version, 2 category, 3 ip, 4 hostname, 5 region, 6 zone, 100 extras
	  ConfigInfo       1 type (0 pipeline, 1 agent), 2 name, 3 version, 4 context
	HeartBeatResponse  1 request_id, 2 code (0 accepted), 3 message, 4 pipeline_check_results, 5 agent_check_results, 6 custom_commands
	  check result     1 type, 2 name, 3 old_version, 4 new_version, 5 context, 6 check_status (0 new, 1 deleted, 2 modified)
	Fetch…Request      1 request_id, 2 agent_id, 3 req_configs
	Fetch…Response     1 request_id, 2 code, 3 message, 4 config_details {1 type, 2 name, 3 version, 4 context, 5 detail}

An agent of this version says all of itself with every heartbeat, and fetches the details of what is new or modified.
*/
const (
	checkNew      = 0
	checkDeleted  = 1
	checkModified = 2

	codeRefused = 1
)

func (a *API) heartbeat1(q *request) ([]byte, error) {
	h, err := decodeHeartbeat1(q.body)
	if err != nil {
		return nil, err
	}
	h.Project, h.Address = q.project, q.from
	answer, err := a.agents.Heartbeat(q.r.Context(), h.Agent, true)
	if err != nil {
		return nil, err
	}
	b := appendText(nil, 1, h.requestID)
	for _, c := range answer.Updates {
		b = appendMessage(b, 4, check1(c, h.Configs))
	}
	return b, nil
}

func decodeHeartbeat1(b []byte) (h heartbeat, err error) {
	m := message{
		num: func(field protowire.Number, value uint64) {
			if field == 7 {
				h.Started = startTime(value)
			}
		},
		text: func(field protowire.Number, value []byte) error {
			switch field {
			case 1:
				h.requestID = value
			case 2:
				h.ID = string(value)
			case 3:
				h.Type = string(value)
			case 4:
				return message{text: func(field protowire.Number, value []byte) error {
					h.attribute(field, value, 1, 3, 4)
					return nil
				}}.walk(value)
			case 5:
				h.Tags = append(h.Tags, oldTag(string(value)))
			case 6:
				h.Status = string(value)
			case 9:
				c, err := decodeInfo1(value)
				h.Configs = append(h.Configs, c)
				return err
			}
			return nil
		},
	}
	return h, m.walk(b)
}

// oldTag reads a tag of version 1: a word, or name=value, which is how an agent of it carries a token.
func oldTag(text string) agentconf.Tag {
	name, value, _ := strings.Cut(text, "=")
	return agentconf.Tag{Name: name, Value: value}
}

func decodeInfo1(b []byte) (c agentconf.ConfigState, err error) {
	c.Status = statuses[0]
	err = message{
		num: func(field protowire.Number, value uint64) {
			if field == 3 {
				c.Version = int64(value)
			}
		},
		text: func(field protowire.Number, value []byte) error {
			if field == 2 {
				c.Name = string(value)
			}
			return nil
		},
	}.walk(b)
	return c, err
}

// check1 tells an agent what became of a configuration.
func check1(c agentconf.Config, has []agentconf.ConfigState) []byte {
	status, old := int64(checkNew), int64(0)
	for _, h := range has {
		if h.Name == c.Name {
			status, old = checkModified, h.Version
		}
	}
	b := appendText(nil, 2, c.Name)
	b = appendNumber(b, 3, old)
	if c.Version == agentconf.Deleted {
		return appendNumber(b, 6, checkDeleted)
	}
	b = appendNumber(b, 4, c.Version)
	return appendNumber(b, 6, status)
}

func detail1(c agentconf.Config) []byte {
	b := appendText(nil, 2, c.Name)
	b = appendNumber(b, 3, c.Version)
	return appendText(b, 5, c.Detail)
}

// fetchNothing1 answers that there are no configurations of agents themselves.
func (a *API) fetchNothing1(q *request) ([]byte, error) {
	f, err := decodeFetch(q.body)
	if err != nil {
		return nil, err
	}
	return appendText(nil, 1, f.requestID), nil
}

// deny1 is an answer that refuses.
func deny1(requestID []byte, why string) []byte {
	b := appendText(nil, 1, requestID)
	b = appendNumber(b, 2, codeRefused)
	return appendText(b, 3, why)
}
