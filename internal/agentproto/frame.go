package agentproto

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

/*
A frame:

	0      1                5          5+length
	+------+----------------+--- ... ---+
	| kind | length, 32 bits| JSON      |
	+------+----------------+--- ... ---+

The length is big endian, and that of the JSON alone.
*/
const frameHead = 5

// Limits of the JSON of a frame. The larger one leaves room for the largest content, a launcher and a long environment in base64.
const (
	MaxFromAgent  = 128 << 10
	MaxFromServer = 256 << 10
)

// Kind is what a frame holds.
type Kind byte

// Kinds that agents send.
const (
	KindEnrol     Kind = 1
	KindHello     Kind = 2
	KindKept      Kind = 3
	KindEvents    Kind = 4
	KindOutput    Kind = 5
	KindHeartbeat Kind = 6
	KindRenew     Kind = 7
)

// Kinds that servers send.
const (
	KindEnrolled Kind = 65
	KindWelcome  Kind = 66
	KindRefused  Kind = 67
	KindTask     Kind = 68
	KindAck      Kind = 69
	KindForget   Kind = 70
	KindPong     Kind = 71
	KindRenewed  Kind = 72
)

// Message is one message: a pointer to one of the structures of this package.
type Message interface {
	Kind() Kind
	// Check says what is wrong with a message that was decoded.
	Check() error
}

// ErrTooLarge says that a frame is over its limit.
var ErrTooLarge = errors.New("the frame is larger than the protocol allows")

// Write writes a message as one frame, by one call of w's Write.
func Write(w io.Writer, m Message) error {
	frame, err := Append(nil, m)
	if err != nil {
		return err
	}
	_, err = w.Write(frame)
	return err
}

// Append appends the frame of a message to b.
func Append(b []byte, m Message) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", m, err)
	}
	limit := MaxFromAgent
	if m.Kind() >= KindEnrolled {
		limit = MaxFromServer
	}
	if len(body) > limit {
		return nil, fmt.Errorf("%T of %d bytes: %w", m, len(body), ErrTooLarge)
	}
	b = append(b, byte(m.Kind()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...), nil
}

// ReadFromAgent reads the next message that an agent sent, which is checked. The error is io.EOF between frames, and io.ErrUnexpectedEOF in one.
func ReadFromAgent(r io.Reader) (Message, error) { return read(r, MaxFromAgent, fromAgent) }

// ReadFromServer reads the next message that a server sent, like [ReadFromAgent].
func ReadFromServer(r io.Reader) (Message, error) { return read(r, MaxFromServer, fromServer) }

func read(r io.Reader, limit uint32, known func(Kind) Message) (Message, error) {
	for {
		var head [frameHead]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		kind, size := Kind(head[0]), binary.BigEndian.Uint32(head[1:])
		if size > limit {
			return nil, fmt.Errorf("kind %d of %d bytes: %w", kind, size, ErrTooLarge)
		}
		m := known(kind)
		if m == nil { // of a newer peer
			if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
				return nil, unexpected(err)
			}
			continue
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, unexpected(err)
		}
		if err := json.Unmarshal(body, m); err != nil {
			return nil, fmt.Errorf("kind %d: %w", kind, err)
		}
		if err := m.Check(); err != nil {
			return nil, fmt.Errorf("kind %d: %w", kind, err)
		}
		return m, nil
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func fromAgent(k Kind) Message {
	switch k {
	case KindEnrol:
		return &Enrol{}
	case KindHello:
		return &Hello{}
	case KindKept:
		return &Kept{}
	case KindEvents:
		return &Events{}
	case KindOutput:
		return &Output{}
	case KindHeartbeat:
		return &Heartbeat{}
	case KindRenew:
		return &Renew{}
	}
	return nil
}

func fromServer(k Kind) Message {
	switch k {
	case KindEnrolled:
		return &Enrolled{}
	case KindWelcome:
		return &Welcome{}
	case KindRefused:
		return &Refused{}
	case KindTask:
		return &Envelope{}
	case KindAck:
		return &Ack{}
	case KindForget:
		return &Forget{}
	case KindPong:
		return &Pong{}
	case KindRenewed:
		return &Renewed{}
	}
	return nil
}
