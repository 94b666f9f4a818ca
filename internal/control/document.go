package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

// Bounds of a document, beside the size of a request's body.
const maxDepth = 64

// Document is a JSON object by its members, each as it came.
type Document map[string]json.RawMessage

// Parse reads a document of a kind. It has to be one JSON object in UTF-8, at most 64 levels deep, that says nothing twice: what
// readers take for its value should not depend on the reader. Errors: Invalid of the kind's noun.
func Parse(k *Kind, raw []byte) (Document, error) {
	if err := strict(raw); err != nil {
		return nil, k.invalid("invalid %s json: %v", k.Title, err)
	}
	d := Document{}
	if err := json.Unmarshal(raw, &d); err != nil || d == nil {
		return nil, k.invalid("invalid %s json: it is not an object", k.Title)
	}
	return d, nil
}

// parseStored reads what was parsed before it was stored.
func parseStored(raw []byte) (Document, error) {
	d := Document{}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("a stored document: %w", err)
	}
	return d, nil
}

// level is an object or an array that is being read.
type level struct {
	members map[string]bool // seen in an object; nil in an array
	key     bool            // an object's next token is the name of a member
}

// strict returns what is wrong with JSON that encoding/json would bear, or not say well.
func strict(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var open []level
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && len(open) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("at byte %d: %w", dec.InputOffset(), err)
		}
		if open, err = next(open, token); err != nil {
			return fmt.Errorf("at byte %d: %w", dec.InputOffset(), err)
		}
	}
}

// next follows one token.
func next(open []level, token json.Token) ([]level, error) {
	if name, ok := token.(string); ok && len(open) > 0 && open[len(open)-1].key {
		top := &open[len(open)-1]
		if top.members[name] {
			return nil, fmt.Errorf("member %.64q is there twice", name)
		}
		top.members[name], top.key = true, false
		return open, nil
	}
	switch token {
	case json.Delim('{'), json.Delim('['):
		if len(open) == maxDepth {
			return nil, fmt.Errorf("it is more than %d levels deep", maxDepth)
		}
		open = append(open, level{})
		if token == json.Delim('{') {
			open[len(open)-1] = level{members: map[string]bool{}, key: true}
		}
		return open, nil
	case json.Delim('}'), json.Delim(']'):
		open = open[:len(open)-1]
	}
	if len(open) > 0 && open[len(open)-1].members != nil {
		open[len(open)-1].key = true
	}
	return open, nil
}

// Has says whether a member is there, and is not null.
func (d Document) Has(name string) bool { return d[name] != nil && string(d[name]) != "null" }

// Text is a member that is text, "" if it is not.
func (d Document) Text(name string) string {
	var s string
	_ = json.Unmarshal(d[name], &s)
	return s
}

// Object is a member that is an object, nil if it is not.
func (d Document) Object(name string) Document {
	var o Document
	_ = json.Unmarshal(d[name], &o)
	return o
}

// Array is a member that is an array, nil if it is not.
func (d Document) Array(name string) []json.RawMessage {
	var a []json.RawMessage
	_ = json.Unmarshal(d[name], &a)
	return a
}

// Set sets a member.
func (d Document) Set(name string, v any) { d[name] = encode(v) }

// Fill sets members that are not there.
func (d Document) Fill(name string, v any) {
	if _, ok := d[name]; !ok {
		d.Set(name, v)
	}
}

// MarshalJSON writes the members as they are: not as HTML would have them.
func (d Document) MarshalJSON() ([]byte, error) {
	return encode(map[string]json.RawMessage(d)), nil
}

// encode writes what can always be written: texts, numbers, and JSON that was parsed before.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode a document: %v", err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// want returns an error unless a member is of this JSON type, named by what its values begin with. Missing ones are wrong if they are
// required; null is missing.
func want(d Document, name string, t jsonType, required bool) error {
	if !d.Has(name) {
		if required {
			return sluice.Errorf(sluice.Invalid, "", "%s is missing", name)
		}
		return nil
	}
	if got := typeOf(d[name]); got != t {
		return sluice.Errorf(sluice.Invalid, "", "%s is %s and not %s", name, got, t)
	}
	return nil
}

// jsonType is the type of a JSON value, in words of messages.
type jsonType string

// The types.
const (
	anObject jsonType = "an object"
	anArray  jsonType = "an array"
	aText    jsonType = "a text"
	aNumber  jsonType = "a number"
	aBoolean jsonType = "true or false"
	aNull    jsonType = "null"
)

func typeOf(raw json.RawMessage) jsonType {
	switch raw = bytes.TrimLeft(raw, " \t\r\n"); {
	case len(raw) == 0, raw[0] == 'n':
		return aNull
	case raw[0] == '{':
		return anObject
	case raw[0] == '[':
		return anArray
	case raw[0] == '"':
		return aText
	case raw[0] == 't', raw[0] == 'f':
		return aBoolean
	}
	return aNumber
}
