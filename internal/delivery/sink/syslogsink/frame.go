package syslogsink

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// long writes a message as one frame behind those of b, cut or refused if it is too long.
func (e *encoder) long(b *batch, message []byte, what string) ([]byte, error) {
	e.message = message // its memory serves the next
	most := e.config.MaxLength
	if len(message) > most {
		if e.config.Long != Truncate {
			return nil, &sink.Refused{Count: 1, Reason: fmt.Sprintf("%s has %d bytes, and maxLength is %d", what, len(message), most)}
		}
		const mark = "…"
		message = append(message[:cut(message, most-len(mark))], mark...)
	}
	return e.frame(b.frames, &b.ends, message), nil
}

// split writes a log as one message or, where it is too long, as several that differ in text and part. e.message is the header.
func (e *encoder) split(b *batch, entry *sink.Entry, text []byte) ([]byte, error) {
	head := len(e.message)
	message := func(part string, text []byte) []byte {
		e.message = e.structured(e.message[:head], b, entry, part)
		e.message = e.appendText(e.message, text)
		return e.message
	}
	if whole := message("", text); len(whole) <= e.config.MaxLength {
		return e.frame(b.frames, &b.ends, whole), nil
	}
	const widest = "99999/99999"
	room := e.config.MaxLength - len(message(widest, nil)) - len(" \ufeff")
	if room < utf8.UTFMax {
		return nil, &sink.Refused{Count: 1, Reason: fmt.Sprintf("the header and the parameters of the message leave no room for text in maxLength, %d", e.config.MaxLength)}
	}
	parts := chunks(text, room)
	if len(parts) > 99999 {
		return nil, &sink.Refused{Count: 1, Reason: fmt.Sprintf("the message would have %d parts", len(parts))}
	}
	frames, ends := b.frames, b.ends
	for i, part := range parts {
		frames = e.frame(frames, &ends, message(fmt.Sprintf("%d/%d", i+1, len(parts)), part))
	}
	b.ends = ends
	return frames, nil
}

// frame writes a message the way that the transport tells where it ends.
func (e *encoder) frame(frames []byte, ends *[]int, message []byte) []byte {
	switch {
	case e.config.Protocol == UDP:
		frames = append(frames, message...)
		*ends = append(*ends, len(frames))
	case e.config.Framing == "line" && (e.config.Standard != Devo || bytes.IndexByte(message, '\n') < 0):
		from := len(frames)
		frames = append(frames, message...)
		oneLine(frames[from:])
		frames = append(frames, '\n')
	default:
		frames = strconv.AppendInt(frames, int64(len(message)), 10)
		frames = append(append(frames, ' '), message...)
	}
	return frames
}

// oneLine puts spaces in the place of line ends. NUL ends a message for some receivers of lines, so it goes too.
func oneLine(message []byte) {
	for _, c := range []byte{'\n', '\r', 0} {
		for rest := message; ; {
			i := bytes.IndexByte(rest, c)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// chunks divides text into parts of at most most bytes, between characters.
func chunks(text []byte, most int) [][]byte {
	var out [][]byte
	for len(text) > most {
		n := cut(text, most)
		out = append(out, text[:n])
		text = text[n:]
	}
	return append(out, text)
}

// cut is the largest length up to most at which text can be cut without cutting a character.
func cut(text []byte, most int) int {
	for n := most; n > most-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return most
}
