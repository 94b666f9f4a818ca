package machine

import "golang.org/x/sys/unix"

func machineID() string { return sysctl("kern.uuid") }
func bootID() string    { return sysctl("kern.bootsessionuuid") }
func osVersion() string { return "macOS " + sysctl("kern.osproductversion") }

func sysctl(name string) string {
	v, err := unix.Sysctl(name)
	if err != nil {
		return ""
	}
	return v
}
