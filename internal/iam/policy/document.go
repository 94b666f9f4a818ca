package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a document, and where.
type Error struct {
	Line, Column int    // from 1; the column counts characters
	Path         string // of the element: Statement[0].Action[2]; "" for the document
	Msg          string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d:%d: %s", e.Line, e.Column, e.Msg)
	}
	return fmt.Sprintf("line %d:%d: %s: %s", e.Line, e.Column, e.Path, e.Msg)
}

// node is a value of the document with its place in it.
type node struct {
	offset  int
	path    string
	kind    kind
	text    string // of a string, a number or a boolean
	items   []node // of an array
	members []member
}

type member struct {
	name  string
	value node
}

type kind uint8

const (
	isObject kind = iota
	isArray
	isString
	isNumber
	isBool
	isNull
)

func (k kind) String() string {
	return [...]string{"an object", "an array", "a string", "a number", "a boolean", "null"}[k]
}

// maxDepth is more than any policy needs: document, statements, statement, condition, operator, key.
const maxDepth = 10

// reader makes nodes of a document.
type reader struct {
	raw []byte
	dec *json.Decoder
}

// read reads a document whole: JSON by the letter, no name twice in an object.
func (r *reader) read() (node, error) {
	if len(r.raw) > MaxBytes {
		return node{}, r.fault(0, "", "the document is larger than %d bytes", MaxBytes)
	}
	if i := invalidUTF8(r.raw); i >= 0 {
		return node{}, r.fault(i, "", "the document is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(r.raw, &whole); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return node{}, r.fault(max(0, int(syntax.Offset)-1), "", "the document is not JSON: %v", syntax)
		}
		return node{}, r.fault(0, "", "the document is not JSON: %v", err)
	}
	r.dec = json.NewDecoder(bytes.NewReader(r.raw))
	r.dec.UseNumber()
	return r.value("", 0)
}

func invalidUTF8(raw []byte) int {
	for i := 0; i < len(raw); {
		c, size := utf8.DecodeRune(raw[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// value reads the next value. The document is known to be JSON.
func (r *reader) value(path string, depth int) (node, error) {
	n := node{offset: r.next(), path: path}
	if depth > maxDepth {
		return n, r.fault(n.offset, path, "the document is nested deeper than %d", maxDepth)
	}
	token, err := r.dec.Token()
	if err != nil {
		return n, r.fault(n.offset, path, "the document is not JSON: %v", err)
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return r.object(n, depth)
		}
		return r.array(n, depth)
	case string:
		n.kind, n.text = isString, token
	case json.Number:
		n.kind, n.text = isNumber, token.String()
	case bool:
		n.kind, n.text = isBool, fmt.Sprint(token)
	default:
		n.kind = isNull
	}
	return n, nil
}

func (r *reader) object(n node, depth int) (node, error) {
	n.kind = isObject
	seen := map[string]bool{}
	for r.dec.More() {
		at := r.next()
		token, err := r.dec.Token()
		name, _ := token.(string)
		if err != nil {
			return n, r.fault(at, n.path, "the document is not JSON: %v", err)
		}
		path := strings.TrimPrefix(n.path+"."+name, ".")
		if seen[name] {
			return n, r.fault(at, path, "is here twice")
		}
		seen[name] = true
		v, err := r.value(path, depth+1)
		if err != nil {
			return n, err
		}
		v.offset = at // of the name: that is where people look
		n.members = append(n.members, member{name, v})
	}
	_, err := r.dec.Token()
	return n, err
}

func (r *reader) array(n node, depth int) (node, error) {
	n.kind = isArray
	for r.dec.More() {
		v, err := r.value(fmt.Sprintf("%s[%d]", n.path, len(n.items)), depth+1)
		if err != nil {
			return n, err
		}
		n.items = append(n.items, v)
	}
	_, err := r.dec.Token()
	return n, err
}

// next is where the next token begins.
func (r *reader) next() int {
	i := int(r.dec.InputOffset())
	for i < len(r.raw) && strings.IndexByte(" \t\r\n,:", r.raw[i]) >= 0 {
		i++
	}
	return i
}

func (r *reader) fault(offset int, path, format string, args ...any) error {
	line, column := r.place(offset)
	const longest = 200
	if len(path) > longest {
		path = strings.ToValidUTF8(path[:longest], "") + "…"
	}
	return &Error{line, column, path, fmt.Sprintf(format, args...)}
}

func (r *reader) place(offset int) (line, column int) {
	before := r.raw[:min(offset, len(r.raw))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte{'\n'}), 1 + utf8.RuneCount(before[start:])
}

func (r *reader) wrong(n *node, format string, args ...any) error {
	return r.fault(n.offset, n.path, format, args...)
}
