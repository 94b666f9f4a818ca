package syslogsink

import (
	"crypto/tls"
	"net"

	"golang.org/x/sys/unix"
)

// unacknowledged is how many bytes the kernel of the other side has not acknowledged. A receiver that closed a connection before all had
// arrived never acknowledges the rest, and its end of the connection alone does not tell.
func unacknowledged(conn net.Conn) int {
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return 0
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0
	}
	n := 0
	err = raw.Control(func(fd uintptr) {
		if queued, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			n = queued
		}
	})
	if err != nil {
		return 0
	}
	return n
}
