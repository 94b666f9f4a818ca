//go:build !386 && !arm

package runner

import "golang.org/x/sys/unix"

const sysSetgroups = unix.SYS_SETGROUPS
