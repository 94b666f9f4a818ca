//go:build !linux

package duck

// keepPriority does nothing where priorities are those of whole processes.
func keepPriority() {}
