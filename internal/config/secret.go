package config

import "log/slog"

// Secret is text that shows itself only to Reveal: not to fmt, not to log/slog, not to JSON or YAML.
type Secret string

const hidden = "(hidden)"

// Reveal returns the text.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString covers %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue covers log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText covers encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
