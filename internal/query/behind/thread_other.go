//go:build !linux

package behind

// lowerPriority does nothing where priorities are those of whole processes.
func lowerPriority() {}

// isMain does not matter there.
func isMain() bool { return false }
