package machine

import (
	"fmt"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

func machineID() string { return text(`SOFTWARE\Microsoft\Cryptography`, "MachineGuid") }

func osVersion() string { return text(`SOFTWARE\Microsoft\Windows NT\CurrentVersion`, "ProductName") }

// bootID is the number of boots, which Windows counts for its prefetcher.
func bootID() string {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters`, registry.QUERY_VALUE)
	if err == nil {
		defer k.Close() //nolint:errcheck // it was only read
		if n, _, err := k.GetIntegerValue("BootId"); err == nil {
			return fmt.Sprint(n)
		}
	}
	return fmt.Sprint(windows.DurationSinceBoot().Hours()) // changes too often rather than too seldom
}

func text(path, name string) string {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer k.Close() //nolint:errcheck // it was only read
	v, _, err := k.GetStringValue(name)
	if err != nil {
		return ""
	}
	return v
}
