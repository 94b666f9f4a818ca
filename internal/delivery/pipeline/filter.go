package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Filter chooses logs. A log goes out if everything in it holds.
type Filter struct {
	// Search is a search as in front of the pipe of a query.
	Search string `json:"search,omitempty"`
	// Conditions on fields, at most 20 together with those of Rules.
	Conditions []Condition `json:"conditions,omitempty"`
	// Rules are conditions the way ESA writes them, [{"FIELD":{"OPERATOR":["VALUE"]}}], as a value or as the text of one.
	Rules Rules `json:"rules,omitempty"`
}

// Condition compares one field.
type Condition struct {
	Field  string   `json:"field"`
	Op     string   `json:"op"`
	Values []string `json:"values,omitempty"`
}

// Rules are ESA's FilterRules.
type Rules []byte

// maxConditions is how many conditions a task may have.
const maxConditions = 20

// UnmarshalJSON keeps the array, or the text that holds one.
func (r *Rules) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = []byte(text)
	}
	*r = bytes.Clone(bytes.TrimSpace(raw))
	return nil
}

// MarshalJSON writes the text.
func (r Rules) MarshalJSON() ([]byte, error) { return json.Marshal(string(r)) }

// compile returns all conditions.
func (f *Filter) compile() ([]condition, error) {
	var all []condition
	for i, c := range f.Conditions {
		compiled, err := c.compile(fmt.Sprintf("filter.conditions[%d]", i))
		if err != nil {
			return nil, err
		}
		all = append(all, compiled)
	}
	rules, err := f.Rules.conditions()
	if err != nil {
		return nil, err
	}
	for i, c := range rules {
		compiled, err := c.compile(fmt.Sprintf("filter.rules[%d]", i))
		if err != nil {
			return nil, err
		}
		all = append(all, compiled)
	}
	if len(all) > maxConditions {
		return nil, invalid("filter: %d conditions are over the limit of %d: put values of one field into one condition", len(all), maxConditions)
	}
	return all, nil
}

// maxRules is how many bytes ESA's rules may have.
const maxRules = 256 << 10

// conditions reads the rules. No member is dropped: a field or an operator that comes twice makes two conditions.
func (r Rules) conditions() ([]Condition, error) {
	if len(r) == 0 || string(r) == "null" {
		return nil, nil
	}
	if len(r) > maxRules {
		return nil, invalid("filter.rules: %d bytes are over the limit of %d", len(r), maxRules)
	}
	const form = `filter.rules: must be an array like [{"FIELD":{"equals":["VALUE"]}}]`
	var elements []json.RawMessage
	if err := json.Unmarshal(r, &elements); err != nil {
		return nil, invalid("%s: %w", form, err)
	}
	var all []Condition
	for _, element := range elements {
		fields, err := membersOf(element)
		if err != nil || len(fields) == 0 {
			return nil, invalid("%s, not %.80s", form, element)
		}
		for _, field := range fields {
			ops, err := membersOf(field.value)
			if err != nil || len(ops) == 0 {
				return nil, invalid("%s, not %.80s", form, element)
			}
			for _, op := range ops {
				values, err := texts(op.value)
				if err != nil {
					return nil, invalid("%s, not %.80s", form, element)
				}
				all = append(all, Condition{Field: field.key, Op: op.key, Values: values})
			}
		}
	}
	return all, nil
}

type member struct {
	key   string
	value json.RawMessage
}

// membersOf returns the members of an object, in order and with those of equal names.
func membersOf(raw json.RawMessage) ([]member, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(err, errors.New("not an object"))
	}
	var all []member
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{key: key.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	_, err := d.Token()
	return all, err
}

// texts returns the values of an array, or the one value that stands alone, as text.
func texts(raw json.RawMessage) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, v := range list {
		switch v := v.(type) {
		case string:
			out = append(out, v)
		case json.Number, bool:
			out = append(out, fmt.Sprint(v))
		default:
			return nil, fmt.Errorf("%v is neither text, number nor boolean", v)
		}
	}
	return out, nil
}
