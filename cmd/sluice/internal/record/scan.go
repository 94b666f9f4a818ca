package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner walks over JSON text and checks it on the way. The standard decoder would do, at a tenth of the speed: its tokens
// are boxed one by one, and a file of logs has many.
//
// What it returns are parts of the text, which so stay in memory as long as they do.
type scanner struct {
	text  string
	at    int
	depth int
}

const maxDepth = 1000 // of nested values; each level is a level of recursion here

var (
	errEnd   = errors.New("it ends too early")
	errDepth = errors.New("it is nested too deep")
)

func (s *scanner) unexpected() error {
	if s.at >= len(s.text) {
		return errEnd
	}
	r, _ := utf8.DecodeRuneInString(s.text[s.at:])
	return fmt.Errorf("%q at byte %d is out of place", r, s.at+1)
}

// next skips white space and returns the byte behind it, 0 at the end.
func (s *scanner) next() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) error {
	if s.next() != c {
		return s.unexpected()
	}
	s.at++
	return nil
}

// object calls member for each member, with the scanner at the value, which member has to consume.
func (s *scanner) object(member func(key string) error) error {
	return s.list('{', '}', func() error {
		if s.next() != '"' {
			return s.unexpected()
		}
		key, err := s.string()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// list walks over what stands between two brackets with commas in between.
func (s *scanner) list(open, shut byte, element func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.depth++; s.depth > maxDepth {
		return errDepth
	}
	defer func() { s.depth-- }()
	if s.next() == shut {
		s.at++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.at++
		case shut:
			s.at++
			return nil
		default:
			return s.unexpected()
		}
	}
}

// skip consumes a value of any kind and returns its text.
func (s *scanner) skip() (string, error) {
	c := s.next()
	start := s.at
	var err error
	switch c {
	case '{':
		err = s.object(func(string) error { return s.skipOnly() })
	case '[':
		err = s.list('[', ']', s.skipOnly)
	case '"':
		_, err = s.string()
	case 't':
		err = s.word("true")
	case 'f':
		err = s.word("false")
	case 'n':
		err = s.word("null")
	default:
		err = s.number()
	}
	return s.text[start:s.at], err
}

func (s *scanner) skipOnly() error {
	_, err := s.skip()
	return err
}

func (s *scanner) word(w string) error {
	if !strings.HasPrefix(s.text[s.at:], w) {
		return s.unexpected()
	}
	s.at += len(w)
	return nil
}

// number consumes -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number() error {
	s.one("-")
	if !s.one("0") && s.digits() == 0 {
		return s.unexpected()
	}
	if s.one(".") && s.digits() == 0 {
		return s.unexpected()
	}
	if s.one("eE") {
		s.one("+-")
		if s.digits() == 0 {
			return s.unexpected()
		}
	}
	return nil
}

// one consumes a byte if it is one of set.
func (s *scanner) one(set string) bool {
	if s.at < len(s.text) && strings.IndexByte(set, s.text[s.at]) >= 0 {
		s.at++
		return true
	}
	return false
}

func (s *scanner) digits() int {
	start := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}

// string consumes a string and returns what it means: a part of the text, unless there is something to decode.
func (s *scanner) string() (string, error) {
	start := s.at
	plain := true
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			quoted := s.text[start:s.at]
			if plain || utf8.ValidString(quoted) && strings.IndexByte(quoted, '\\') < 0 {
				return quoted[1 : len(quoted)-1], nil
			}
			return unquote(quoted)
		case c == '\\':
			s.at++
			plain = false
		case c < ' ':
			return "", s.unexpected()
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return "", errEnd
}

// unquote decodes escapes, and replaces bytes that are no UTF-8.
func unquote(quoted string) (string, error) {
	var meant string
	if err := json.Unmarshal([]byte(quoted), &meant); err != nil {
		return "", errors.New("a string has a wrong escape")
	}
	return meant, nil
}
