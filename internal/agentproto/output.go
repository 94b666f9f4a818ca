package agentproto

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxChunk is the most bytes of one Output message.
const MaxChunk = 32 << 10

// Output is a piece of what a run wrote.
type Output struct {
	Invocation string `json:"invocation"`
	Run        int64  `json:"run"`
	Offset     int64  `json:"offset"` // of the first byte of Data in the stream of the run
	Data       []byte `json:"data"`
}

// Kind implements [Message].
func (*Output) Kind() Kind { return KindOutput }

// Check implements [Message].
func (o *Output) Check() error {
	if err := checkID(o.Invocation); err != nil {
		return err
	}
	if o.Run < 1 || o.Offset < 0 {
		return errors.New("a run is numbered from 1, and an offset from 0")
	}
	if len(o.Data) == 0 || len(o.Data) > MaxChunk {
		return fmt.Errorf("%d bytes of output are not 1 to %d", len(o.Data), MaxChunk)
	}
	return nil
}

// Sizes of the output in a record, in bytes: of all of it, and of its head. What is between head and tail is left out.
const (
	MaxRecordOutput = 24 << 10
	MaxRecordHead   = 6000
)

// Clip gathers what the record of a run shows of its output: the head, and the newest of the rest, cut between characters. It holds no more than
// that in memory, however much is written. The zero value is ready to use; it is for one goroutine.
type Clip struct {
	head  []byte
	tail  []byte // a ring once it is full
	at    int    // where the next byte of a full ring goes
	total int64
}

// Write never fails.
func (c *Clip) Write(p []byte) (int, error) {
	n := len(p)
	c.total += int64(n)
	if room := MaxRecordHead - len(c.head); room > 0 {
		take := min(room, len(p))
		c.head, p = append(c.head, p[:take]...), p[take:]
	}
	const size = MaxRecordOutput - MaxRecordHead
	if len(p) > size {
		p = p[len(p)-size:]
	}
	if room := size - len(c.tail); room > 0 {
		take := min(room, len(p))
		c.tail, p = append(c.tail, p[:take]...), p[take:]
	}
	for len(p) > 0 {
		k := copy(c.tail[c.at:], p)
		c.at, p = (c.at+k)%size, p[k:]
	}
	return n, nil
}

// Result returns the output for the record, in valid UTF-8, and how many bytes of what was written are not in it. What is not UTF-8 in itself shows as
// U+FFFD, one for each byte, as long as there is room.
func (c *Clip) Result() (output []byte, dropped int64) {
	rest := make([]byte, 0, len(c.tail))
	rest = append(append(rest, c.tail[c.at:]...), c.tail[:c.at]...)
	if c.total == int64(len(c.head)+len(rest)) {
		all := append(append([]byte(nil), c.head...), rest...)
		kept, used := lastUTF8(all, MaxRecordOutput)
		return kept, c.total - int64(used)
	}
	head := c.head[:cutEnd(c.head)]
	rest = rest[cutStart(rest):]
	clean, usedHead := firstUTF8(head, MaxRecordHead)
	tail, usedTail := lastUTF8(rest, MaxRecordOutput-len(clean))
	return append(clean, tail...), c.total - int64(usedHead) - int64(usedTail)
}

// cutEnd is the length of b without a character that has begun and not ended.
func cutEnd(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// cutStart is where the first character of b begins.
func cutStart(b []byte) int {
	for i := 0; i < utf8.UTFMax && i < len(b); i++ {
		if utf8.RuneStart(b[i]) {
			return i
		}
	}
	return 0
}

// firstUTF8 returns the first characters of b that take at most limit bytes, and how many bytes of b they are.
func firstUTF8(b []byte, limit int) (out []byte, used int) {
	out = make([]byte, 0, min(limit, len(b)+utf8.UTFMax))
	for used < len(b) {
		r, size := utf8.DecodeRune(b[used:])
		if len(out)+utf8.RuneLen(r) > limit {
			break
		}
		out = utf8.AppendRune(out, r)
		used += size
	}
	return out, used
}

// lastUTF8 is firstUTF8 from the end.
func lastUTF8(b []byte, limit int) (out []byte, used int) {
	from, size := len(b), 0
	for from > 0 {
		r, n := utf8.DecodeLastRune(b[:from])
		if size+utf8.RuneLen(r) > limit {
			break
		}
		size += utf8.RuneLen(r)
		from -= n
	}
	out, _ = firstUTF8(b[from:], limit)
	return out, len(b) - from
}
