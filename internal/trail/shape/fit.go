package shape

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sluicelog/sluice/internal/trail"
)

// parts are what of an event can be large, and is cut until the shape fits.
type parts struct {
	request, response, additional part
	noResources                   bool
	truncated                     []string
	received                      time.Time
}

// part is one JSON object of an event.
type part struct {
	name   string // of the member that has it, for truncated
	object map[string]any
	text   json.RawMessage // object; nil is null
}

// fit writes an event's shape, and cuts the event until it is no more than MaxRecord (reference audit 3.2): what was answered goes first, then
// the long texts of what was asked, then all that was asked, then the rest that has no limit of its own.
func fit(e *trail.Event, write func(*parts) ([]byte, error)) ([]byte, error) {
	p, err := newParts(e)
	if err != nil {
		return nil, err
	}
	out, err := write(p)
	for _, cut := range []func(*parts) error{
		func(p *parts) error { return p.drop(&p.response) },
		func(p *parts) error { return p.shorten(&p.request) },
		func(p *parts) error { return p.drop(&p.request) },
		func(p *parts) error { return p.drop(&p.additional) },
		(*parts).dropResources,
	} {
		if err != nil || len(out) <= MaxRecord {
			return out, err
		}
		if err = cut(p); err == nil {
			out, err = write(p)
		}
	}
	return out, err
}

// newParts holds each part to its own limit.
func newParts(e *trail.Event) (*parts, error) {
	p := &parts{
		request:    part{name: "requestParameters", object: e.Request},
		response:   part{name: "responseElements", object: e.Response},
		additional: part{name: "additionalEventData", object: e.Additional},
		received:   e.Received,
	}
	if e.Type == trail.ServiceEvent {
		p.request.name = "serviceEventDetails"
	}
	for _, x := range []struct {
		part *part
		max  int
	}{{&p.request, maxParameters}, {&p.response, maxParameters}, {&p.additional, maxAdditional}} {
		if err := p.limit(x.part, x.max); err != nil {
			return nil, err
		}
	}
	return p, p.finish()
}

func (p *parts) limit(x *part, limit int) error {
	var err error
	if x.text, err = x.encode(); err != nil || len(x.text) <= limit {
		return err
	}
	p.note(x.name)
	x.object = shortened(x.object)
	if x.text, err = x.encode(); err != nil || len(x.text) <= limit {
		return err
	}
	x.object, x.text = nil, nil
	return nil
}

func (x *part) encode() (json.RawMessage, error) {
	if x.object == nil {
		return nil, nil
	}
	text, err := encode(x.object)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.name, err)
	}
	return text, nil
}

func (p *parts) drop(x *part) error {
	if x.object == nil {
		return nil
	}
	x.object, x.text = nil, nil
	p.note(x.name)
	return p.finish()
}

func (p *parts) shorten(x *part) error {
	x.object = shortened(x.object)
	text, err := x.encode()
	if err != nil || len(text) == len(x.text) {
		return err
	}
	x.text = text
	p.note(x.name)
	return p.finish()
}

func (p *parts) dropResources() error {
	p.noResources = true
	p.note("resources")
	return p.finish()
}

// note remembers that a member is not whole.
func (p *parts) note(name string) {
	if !slices.Contains(p.truncated, name) {
		p.truncated = append(p.truncated, name)
	}
}

// finish writes what stands beside the call: when it came in, and what of it was cut, by this package or before.
func (p *parts) finish() error {
	all := maps.Clone(p.additional.object)
	if all == nil {
		all = map[string]any{}
	}
	if !p.received.IsZero() {
		all["receivedTime"] = p.received.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if len(p.truncated) > 0 {
		all["truncated"] = append(texts(all["truncated"]), p.truncated...)
	}
	p.additional.text = nil
	if len(all) == 0 {
		return nil
	}
	var err error
	p.additional.text, err = encode(all)
	return err
}

// texts are the texts of a list, as they are made or as they are read from JSON.
func texts(v any) []string {
	var out []string
	switch v := v.(type) {
	case []string:
		return append(out, v...)
	case []any:
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

// shortened is an object with the hash and the length of long texts instead of them.
func shortened(object map[string]any) map[string]any {
	if object == nil {
		return nil
	}
	out := make(map[string]any, len(object))
	for k, v := range object {
		out[k] = shorter(v)
	}
	return out
}

func shorter(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) <= longText {
			return v
		}
		sum := sha256.Sum256([]byte(v))
		return map[string]any{"length": len(v), "sha256": hex.EncodeToString(sum[:])}
	case map[string]any:
		return shortened(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = shorter(v[i])
		}
		return out
	}
	return v
}
