//go:build !linux

package runner

import "github.com/sluicelog/sluice/internal/agent/policy"

// cgroups are a thing of Linux.
type cgroups struct{ base string }

func findCgroups() *cgroups { return nil }

func cgroupBase() string { return "" }

func (*cgroups) make(string, *policy.Policy) (string, error) { return "", nil }
func (*cgroups) kill(string)                                 {}
func (*cgroups) remove(string)                               {}
