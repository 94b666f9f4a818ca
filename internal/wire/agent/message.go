package agent

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice"
)

// maxRepeated bounds how often one field may come in a message.
const maxRepeated = 10_000

// message walks the fields of a protobuf message. Only the two wire types that these messages use are given to their fields; others are
// passed over, as unknown fields are.
type message struct {
	text func(field protowire.Number, value []byte) error // strings, bytes, messages; value is part of the message
	num  func(field protowire.Number, value uint64)
}

func (m message) walk(b []byte) error {
	for n := 0; len(b) > 0; n++ {
		field, kind, size := protowire.ConsumeTag(b)
		if size < 0 || n > maxRepeated {
			return badMessage()
		}
		b = b[size:]
		switch kind {
		case protowire.BytesType:
			value, size := protowire.ConsumeBytes(b)
			if size < 0 {
				return badMessage()
			}
			if m.text != nil {
				if err := m.text(field, value); err != nil {
					return err
				}
			}
			b = b[size:]
		case protowire.VarintType:
			value, size := protowire.ConsumeVarint(b)
			if size < 0 {
				return badMessage()
			}
			if m.num != nil {
				m.num(field, value)
			}
			b = b[size:]
		default:
			size := protowire.ConsumeFieldValue(field, kind, b)
			if size < 0 {
				return badMessage()
			}
			b = b[size:]
		}
	}
	return nil
}

func badMessage() error { return sluice.Errorf(sluice.Invalid, "body", "the message is not protobuf") }

// What messages are written with. Zero values are left out, as proto3 has it.

func appendText[T string | []byte](b []byte, field protowire.Number, value T) []byte {
	if len(value) == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, []byte(value))
}

func appendNumber(b []byte, field protowire.Number, value int64) []byte {
	if value == 0 {
		return b
	}
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(value))
}

// appendMessage writes a message, an empty one too.
func appendMessage(b []byte, field protowire.Number, value []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, value)
}
