package segment

import (
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The rest column is JSON for the sake of people and engines that open the file: one object of strings, keys in the order of the log,
// repeated where the log repeats them.

func appendRest(dst []byte, entries []restEntry) []byte {
	dst = append(dst, '{')
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONString(dst, cleanText(e.key))
		dst = append(dst, ':')
		dst = appendJSONString(dst, cleanText(e.value))
	}
	return append(dst, '}')
}

func appendJSONString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// readRest reads what appendRest wrote.
func readRest(s string) ([]restEntry, error) {
	var entries []restEntry
	p := restParser{in: s}
	p.expect('{')
	for !p.bad && p.in != "}" {
		if len(entries) > 0 {
			p.expect(',')
		}
		key := p.text()
		p.expect(':')
		entries = append(entries, restEntry{key, p.text()})
	}
	p.expect('}')
	if p.bad || p.in != "" {
		return nil, errMalformed
	}
	return entries, nil
}

type restParser struct {
	in  string
	bad bool
}

func (p *restParser) expect(c byte) {
	if p.in == "" || p.in[0] != c {
		p.bad = true
		return
	}
	p.in = p.in[1:]
}

func (p *restParser) text() string {
	p.expect('"')
	var out []byte
	for i := 0; i < len(p.in) && !p.bad; i++ {
		switch p.in[i] {
		case '"':
			s := p.in[:i]
			p.in = p.in[i+1:]
			if out != nil {
				return string(append(out, s...))
			}
			return s
		case '\\':
			out = append(out, p.in[:i]...)
			p.in = p.in[i+1:]
			out = p.escape(out)
			i = -1
		}
	}
	p.bad = true
	return ""
}

func (p *restParser) escape(out []byte) []byte {
	if p.in == "" {
		p.bad = true
		return out
	}
	c := p.in[0]
	p.in = p.in[1:]
	switch c {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'u':
		if len(p.in) >= 4 {
			if v, err := strconv.ParseUint(p.in[:4], 16, 16); err == nil && !utf16.IsSurrogate(rune(v)) {
				p.in = p.in[4:]
				return utf8.AppendRune(out, rune(v))
			}
		}
		p.bad = true
		return out
	}
	return append(out, c)
}

// readExact calls visit for each text kept aside for a row.
func readExact(in []byte, visit func(what, n int, text string)) error {
	for len(in) > 0 {
		ref, used := binary.Uvarint(in)
		if used <= 0 || ref > 1<<30 || ref&3 > exactRestValue {
			return errMalformed
		}
		s := scanner{in: in[used:]}
		text := s.text()
		if s.err != nil {
			return s.err
		}
		visit(int(ref&3), int(ref>>2), text)
		in = s.in
	}
	return nil
}
