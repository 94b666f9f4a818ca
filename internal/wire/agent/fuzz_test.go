package agent

import "testing"

// No message makes a decoder panic, and what is decoded is no larger than the message.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0a\x01r\x10\x07\x22\x01a\x3a\x06\x0a\x01n\x12\x01v\x52\x05\x0a\x01c\x10\x02\x68\x01"))
	f.Add([]byte("\x0a\x01r\x12\x01a\x2a\x03tag\x4a\x05\x12\x01c\x18\x02"))
	f.Add([]byte("\x0a\x01r\x12\x01a\x1a\x05\x0a\x01c\x10\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, decode := range []func([]byte) (heartbeat, error){decodeHeartbeat1, decodeHeartbeat2} {
			h, err := decode(b)
			if err == nil && (len(h.ID) > len(b) || len(h.Tags) > len(b) || len(h.Configs) > len(b)) {
				t.Errorf("%d bytes became %+v", len(b), h)
			}
		}
		if fetch, err := decodeFetch(b); err == nil && len(fetch.names) > len(b) {
			t.Errorf("%d bytes became %d names", len(b), len(fetch.names))
		}
	})
}
