// Package machine says where an agent runs: what its server is told, and how it knows one start of the machine from the next.
package machine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/agentproto"
)

// Describe describes this machine. MachineID is a hash of the system's own id, which is not for others to see; "" where the system has none.
func Describe(version string) agentproto.Machine {
	host, _ := os.Hostname()
	m := agentproto.Machine{
		Hostname: cut(host), OS: runtime.GOOS, OSVersion: cut(osVersion()), Arch: runtime.GOARCH, AgentVersion: cut(version), Address: address(), TimeZone: cut(zone()),
	}
	if id := strings.TrimSpace(machineID()); id != "" {
		h := hmac.New(sha256.New, []byte("sluice-agent machine id"))
		h.Write([]byte(id))
		m.MachineID = hex.EncodeToString(h.Sum(nil)[:16])
	}
	return m
}

// BootID is different after each start of the machine.
func BootID() string { return strings.TrimSpace(bootID()) }

// cut cuts a text to what the protocol takes.
func cut(s string) string {
	const most = 200
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}

// address is the first address of the machine that others may reach; "" if there is none.
func address() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return ""
}

// zone is the IANA name of the machine's time zone, as far as it is to be found out.
func zone() string {
	if name := time.Local.String(); name != "Local" {
		return name
	}
	if target, err := os.Readlink("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(target, "zoneinfo/"); ok {
			return name
		}
	}
	return ""
}
