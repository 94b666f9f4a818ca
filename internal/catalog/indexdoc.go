package catalog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"github.com/sluicelog/sluice"
)

// Limits of an index configuration (reference sls-query 1.1 to 1.4, sls-api 7).
const (
	maxIndexBytes   = 64 << 10
	maxIndexKeyName = 128
	minTextLen      = 64
	maxTextLen      = 16384
	defaultTextLen  = "2048"
)

// object is a JSON object whose values stay as they came. Unlike a struct it keeps what it does not know, and takes the
// spelling of a name seriously.
type object map[string]json.RawMessage

// fill sets a field that is absent.
func (o object) fill(name, value string) {
	if !o.has(name) {
		o[name] = json.RawMessage(value)
	}
}

// has reports whether a field is there and not null.
func (o object) has(name string) bool {
	v, ok := o[name]
	return ok && string(bytes.TrimSpace(v)) != "null"
}

// read decodes a field into dst, which stays as it is if the field is absent.
func (o object) read(name string, dst any) error {
	if !o.has(name) {
		return nil
	}
	if err := json.Unmarshal(o[name], dst); err != nil {
		return badIndex("field %s is of error format", name)
	}
	return nil
}

func (o object) encode() (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // delimiters like < and & come back as they came
	err := enc.Encode(o)
	return bytes.TrimSpace(b.Bytes()), err
}

func badIndex(format string, args ...any) error { return invalid("index", format, args...) }

func isNoIndex(err error) bool {
	var e *sluice.Error
	return errors.As(err, &e) && e.Kind == sluice.NotFound && e.Noun == "index"
}

// checkIndex checks an index configuration and returns it with the defaults of the document and of line filled in. Keys come
// back exactly as they were sent: clients compare them.
func checkIndex(config json.RawMessage) (json.RawMessage, error) {
	if len(config) > maxIndexBytes {
		return nil, badIndex("the index configuration has %d bytes, at most %d are allowed", len(config), maxIndexBytes)
	}
	doc := object{}
	if err := json.Unmarshal(config, &doc); err != nil || doc == nil {
		return nil, badIndex("the index configuration is not a JSON object")
	}
	if !doc.has("line") && !doc.has("keys") && !doc.has("scan_index") {
		return nil, badIndex("required fields line/keys are lacking or of error format")
	}
	for _, check := range []func(object) error{checkSettings, checkLine, checkKeys} {
		if err := check(doc); err != nil {
			return nil, err
		}
	}
	doc.fill("max_text_len", defaultTextLen)
	doc.fill("log_reduce", "false")
	return doc.encode()
}

func checkSettings(doc object) error {
	var white, black []string
	textLen := minTextLen
	err := cmp.Or(
		checkFlags(doc, "log_reduce", "scan_index"),
		doc.read("max_text_len", &textLen),
		doc.read("log_reduce_white_list", &white),
		doc.read("log_reduce_black_list", &black),
	)
	if err != nil {
		return err
	}
	if textLen < minTextLen || textLen > maxTextLen {
		return badIndex("max_text_len must be within range [%d, %d]", minTextLen, maxTextLen)
	}
	if len(white) > 0 && len(black) > 0 {
		return badIndex("log_reduce_white_list and log_reduce_black_list exclude each other")
	}
	return nil
}

// checkLine checks the full-text index and fills its flags.
func checkLine(doc object) error {
	if !doc.has("line") {
		return nil
	}
	var line object
	var include, exclude []string
	if err := doc.read("line", &line); err != nil {
		return err
	}
	err := cmp.Or(checkTokens(line), line.read("include_keys", &include), line.read("exclude_keys", &exclude))
	if err != nil {
		return err
	}
	if len(include) > 0 && len(exclude) > 0 {
		return badIndex("include_keys and exclude_keys exclude each other")
	}
	line.fill("caseSensitive", "false")
	line.fill("chn", "false")
	filled, err := line.encode()
	doc["line"] = filled
	return err
}

// checkTokens checks the delimiters and flags of a tokenizer.
func checkTokens(o object) error {
	var tokens []string
	if !o.has("token") || json.Unmarshal(o["token"], &tokens) != nil || slices.Contains(tokens, "") {
		return badIndex("required field token is lacking or of error format")
	}
	return checkFlags(o, "caseSensitive", "chn")
}

func checkFlags(o object, names ...string) error {
	var flag bool
	for _, name := range names {
		if err := o.read(name, &flag); err != nil {
			return err
		}
	}
	return nil
}

func checkKeys(doc object) error {
	var keys map[string]object
	if err := doc.read("keys", &keys); err != nil {
		return err
	}
	for name, key := range keys {
		if name == "" || len(name) > maxIndexKeyName {
			return badIndex("the name of an index key must have 1 to %d bytes", maxIndexKeyName)
		}
		if err := checkKey(key); err != nil {
			return err
		}
	}
	return nil
}

func checkKey(key object) error {
	kind, err := keyType(key)
	if err != nil {
		return err
	}
	if key.has("json_keys") && kind != "json" {
		return badIndex("json_keys is only for keys of type json")
	}
	switch kind {
	case "long", "double":
		return nil
	case "text":
		return checkTokens(key)
	case "json":
		return checkJSONKey(key)
	}
	return badIndex("key type %q is not one of text, long, double, json", kind)
}

// keyType checks what all keys have in common and returns the type.
func keyType(key object) (string, error) {
	if !key.has("type") {
		return "", invalid("parameter", "key config must has type.")
	}
	var kind, alias string
	err := cmp.Or(key.read("type", &kind), key.read("alias", &alias), checkFlags(key, "doc_value"))
	return kind, err
}

func checkJSONKey(key object) error {
	var depth int
	var leaves map[string]object
	err := cmp.Or(checkTokens(key), checkFlags(key, "index_all"), key.read("max_depth", &depth), key.read("json_keys", &leaves))
	if err != nil {
		return err
	}
	for _, leaf := range leaves {
		kind, err := keyType(leaf)
		if err != nil {
			return err
		}
		if kind != "text" && kind != "long" && kind != "double" {
			return badIndex("json_keys type %q is not one of text, long, double", kind)
		}
	}
	return nil
}
