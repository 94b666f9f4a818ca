package sink

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Mask is what a secret is shown as. A configuration that comes back with it keeps the secret it had.
const Mask = "********"

// Secret is a password, key or token in a sink's configuration. It shows itself only to Reveal: not to fmt, not to log/slog, and JSON
// gets the mask. Stored configurations keep secrets apart, sealed; see [SplitSecrets].
type Secret struct{ text string }

// NewSecret makes a secret of text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// IsZero says whether there is none.
func (s Secret) IsZero() bool { return s.text == "" }

func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return Mask
}

// GoString covers %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// LogValue covers log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON writes the mask, or "" for none.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON reads the text.
func (s *Secret) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.text) }
