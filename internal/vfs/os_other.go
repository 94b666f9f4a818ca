//go:build !linux

package vfs

// Allocate only makes the file longer where the system has no simple way to reserve space: a full disk then shows at write time. The agent runs on
// such systems, the server does not.
func (f osFile) Allocate(n int64) error {
	size, err := f.Size()
	if err != nil || size >= n {
		return err
	}
	return f.Truncate(n)
}
