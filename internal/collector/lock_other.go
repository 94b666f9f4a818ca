//go:build !unix

package collector

import (
	"fmt"
	"os"
)

// lock makes the state directory. There are no locks that end with the process here, so the operator sees to it that one collector runs.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	return func() {}, nil
}
