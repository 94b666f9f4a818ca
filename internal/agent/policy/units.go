package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Duration is a time such as 90s or 24h.
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a duration such as 90s or 24h", n.Line, n.Value)
	}
	*d = Duration(v)
	return nil
}

// Size is a number of bytes, such as 4096, 16MiB or 1GB.
type Size int64

var units = []struct {
	name string
	size int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	text, unit := strings.TrimSpace(n.Value), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	v, err := strconv.ParseInt(text, 10, 64)
	const most = 1 << 50
	if err != nil || v < 0 || v > most/unit {
		return fmt.Errorf("line %d: %q is not a size such as 4096, 16MiB or 1GB", n.Line, n.Value)
	}
	*s = Size(v * unit)
	return nil
}
