//go:build !linux

package behind

// lowerPriority does nothing where priorities are those of whole processes.
func lowerPriority() {}

// confine does nothing where threads cannot be kept from processors.
func confine(bool) {}
