package vfs

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// syncDir does nothing: NTFS journals names by itself, and directories cannot be synced.
func syncDir(string) error { return nil }

func free(dir string) (uint64, error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var n uint64
	if err := windows.GetDiskFreeSpaceEx(name, &n, nil, nil); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return n, nil
}
