package agentproto

import (
	"errors"
	"fmt"
	"time"
)

// Machine is what an agent says of where it runs.
type Machine struct {
	Hostname     string `json:"hostname,omitempty"`
	OS           string `json:"os"` // as runtime.GOOS has it
	OSVersion    string `json:"osVersion,omitempty"`
	Arch         string `json:"arch,omitempty"`
	MachineID    string `json:"machineId"` // of the operating system: copies of a machine share it
	Address      string `json:"address,omitempty"`
	AgentVersion string `json:"agentVersion"`
	TimeZone     string `json:"timeZone,omitempty"` // IANA name; schedules without a zone go by it
}

// maxText is the longest of the texts that describe a machine, in bytes.
const maxText = 256

func (m *Machine) check() error {
	for _, text := range []string{m.Hostname, m.OS, m.OSVersion, m.Arch, m.MachineID, m.Address, m.AgentVersion, m.TimeZone} {
		if len(text) > maxText {
			return fmt.Errorf("a text about the machine has %d bytes, at most %d are allowed", len(text), maxText)
		}
	}
	if m.OS == "" || m.MachineID == "" || m.AgentVersion == "" {
		return errors.New("os, machineId and agentVersion are needed")
	}
	return nil
}

// Hello opens a connection of an agent that is enrolled.
type Hello struct {
	Ticket  string  `json:"ticket"` // of the last connection; "" before the first
	BootID  string  `json:"bootId"` // different after each start of the machine
	Machine Machine `json:"machine"`
	Known   []Known `json:"known,omitempty"` // what is in the agent's journal
	More    bool    `json:"more,omitempty"`  // of Known, in the next Hello: the server answers the last one
}

// Known is an invocation that an agent has in its journal.
type Known struct {
	Invocation  string `json:"invocation"`
	Version     int    `json:"version"`
	Seq         int64  `json:"seq"`                   // of its newest event
	NeedContent bool   `json:"needContent,omitempty"` // content was sensitive, and is gone
}

// Bounds of Hello.
const (
	MaxKnown    = 500 // in one message; an agent with more sends several
	maxKnownSum = 100_000
)

// Kind implements [Message].
func (*Hello) Kind() Kind { return KindHello }

// Check implements [Message].
func (h *Hello) Check() error {
	if len(h.Ticket) > maxText || len(h.BootID) > maxText {
		return errors.New("the ticket or the boot id is too long")
	}
	if len(h.Known) > MaxKnown {
		return fmt.Errorf("%d known invocations, at most %d go into one message", len(h.Known), MaxKnown)
	}
	for _, k := range h.Known {
		if err := checkID(k.Invocation); err != nil {
			return err
		}
	}
	return h.Machine.check()
}

// Welcome answers Hello.
type Welcome struct {
	Time           Time   `json:"time"`           // now
	Ticket         string `json:"ticket"`         // to be kept before Kept is sent
	Heartbeat      int    `json:"heartbeat"`      // seconds between heartbeats
	OutputBytes    int64  `json:"outputBytes"`    // of each run that the server wants; the rest is counted and dropped
	OutputWindow   int    `json:"outputWindow"`   // bytes per run that may be under way
	OutputPatience int    `json:"outputPatience"` // seconds that a finished run waits for its output to be acknowledged
	NotAfter       Time   `json:"notAfter"`       // when the agent's certificate ends
}

// Kind implements [Message].
func (*Welcome) Kind() Kind { return KindWelcome }

// Check implements [Message].
func (w *Welcome) Check() error {
	if w.Heartbeat < 1 || w.OutputWindow < MaxChunk || w.OutputBytes < 0 || w.OutputPatience < 0 || w.Ticket == "" || len(w.Ticket) > maxText {
		return errors.New("a welcome without a ticket, or with numbers that make no sense")
	}
	return nil
}

// Every is the time between heartbeats.
func (w *Welcome) Every() time.Duration { return time.Duration(w.Heartbeat) * time.Second }

// Kept says that the ticket of Welcome is on disk.
type Kept struct {
	Ticket string `json:"ticket"`
}

// Kind implements [Message].
func (*Kept) Kind() Kind { return KindKept }

// Check implements [Message].
func (k *Kept) Check() error {
	if k.Ticket == "" || len(k.Ticket) > maxText {
		return errors.New("no ticket")
	}
	return nil
}

// Codes of Refused.
const (
	CodeUnknown     = "Unknown"     // the instance was deregistered, or never was: enrol again
	CodeCloned      = "Cloned"      // another agent has this identity: enrol this machine anew
	CodeReplaced    = "Replaced"    // a newer connection of the same agent took over
	CodeActivation  = "Activation"  // the activation does not exist, is disabled, expired, used up, or of other addresses
	CodeProof       = "Proof"       // the activation code is another
	CodeProtocol    = "Protocol"    // what was sent makes no sense here
	CodeUnavailable = "Unavailable" // come again later
)

// Refused is the last message of a connection.
type Refused struct {
	Code   string `json:"code"`
	Reason string `json:"reason"` // for people
}

// Kind implements [Message].
func (*Refused) Kind() Kind { return KindRefused }

// Check implements [Message].
func (*Refused) Check() error { return nil }

func (r *Refused) Error() string { return "the server refused: " + r.Reason + " (" + r.Code + ")" }

// Permanent reports whether coming again cannot help before somebody acts.
func (r *Refused) Permanent() bool {
	return r.Code == CodeUnknown || r.Code == CodeCloned || r.Code == CodeActivation || r.Code == CodeProof
}

// Heartbeat says that an agent is there.
type Heartbeat struct {
	Active int `json:"active"` // runs under way
}

// Kind implements [Message].
func (*Heartbeat) Kind() Kind { return KindHeartbeat }

// Check implements [Message].
func (*Heartbeat) Check() error { return nil }

// Pong answers Heartbeat.
type Pong struct {
	Time Time `json:"time"`
}

// Kind implements [Message].
func (*Pong) Kind() Kind { return KindPong }

// Check implements [Message].
func (*Pong) Check() error { return nil }

// checkID checks what names an invocation or an instance: it becomes part of file names on machines.
func checkID(id string) error {
	const most = 64
	if id == "" || len(id) > most {
		return fmt.Errorf("id %.80q is not 1 to %d characters long", id, most)
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-') {
			return fmt.Errorf("id %q is not made of letters, digits and hyphens", id)
		}
	}
	return nil
}
