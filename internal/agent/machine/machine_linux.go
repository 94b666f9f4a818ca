package machine

import (
	"os"
	"strings"
)

func machineID() string { return first("/etc/machine-id", "/var/lib/dbus/machine-id") }

func bootID() string { return first("/proc/sys/kernel/random/boot_id") }

// osVersion is the distribution, as it calls itself.
func osVersion() string {
	for line := range strings.Lines(first("/etc/os-release", "/usr/lib/os-release")) {
		if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"'`)
		}
	}
	return ""
}

// first is the content of the first of these files that has any.
func first(paths ...string) string {
	for _, p := range paths {
		if raw, err := os.ReadFile(p); err == nil && len(raw) > 0 {
			return string(raw)
		}
	}
	return ""
}
