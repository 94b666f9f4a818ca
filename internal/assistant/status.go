package assistant

import "slices"

// Status is the state of a target, and of an invocation as a whole (reference cloud-assistant 2.1, 2.2).
type Status string

// The states of a target. The last eight are final.
const (
	Pending   Status = "Pending"   // not yet taken by its agent
	Scheduled Status = "Scheduled" // waits for its next run
	Running   Status = "Running"
	Stopping  Status = "Stopping" // to be stopped; the agent has not confirmed

	Success    Status = "Success"
	Failed     Status = "Failed"
	Errored    Status = "Error"
	TimedOut   Status = "Timeout"
	Invalid    Status = "Invalid"
	Aborted    Status = "Aborted"
	Cancelled  Status = "Cancelled"
	Terminated Status = "Terminated"
)

// States of invocations alone.
const (
	PartialFailed Status = "PartialFailed"
	StoppedAll    Status = "Stopped"
)

// finals are the final states of a target.
var finals = []Status{Success, Failed, Errored, TimedOut, Invalid, Aborted, Cancelled, Terminated}

// Final reports whether nothing follows a state of a target.
func (s Status) Final() bool {
	switch s {
	case Pending, Scheduled, Running, Stopping:
		return false
	}
	return true
}

// overall is the state of an invocation whose targets have these.
func overall(all []Status) Status {
	for _, s := range []Status{Stopping, Running, Scheduled, Pending} {
		if slices.Contains(all, s) {
			return s
		}
	}
	var succeeded, failed, stopped int
	for _, s := range all {
		switch s {
		case Success:
			succeeded++
		case Cancelled, Terminated:
			stopped++
		default:
			failed++
		}
	}
	switch {
	case succeeded > 0 && failed > 0:
		return PartialFailed
	case succeeded > 0:
		return Success
	case failed > 0:
		return Failed
	case stopped > 0:
		return StoppedAll
	}
	return Pending // of no targets
}

// legacy is a state of a target in the words of older clients (reference 2.3).
func (s Status) legacy(recurring bool) string {
	if recurring && s != Stopping && s != Cancelled && s != Terminated {
		return "Running"
	}
	switch s {
	case Pending, Running, Scheduled:
		return "Running"
	case Success, Failed:
		return "Finished"
	case Cancelled, Terminated:
		return "Stopped"
	case Stopping:
		return "Stopping"
	}
	return "Failed"
}

// legacyOverall is the state of an invocation in the words of older clients.
func legacyOverall(all []Status, recurring bool) string {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = s.legacy(recurring)
	}
	for _, w := range []string{"Running", "Stopping", "Stopped"} {
		if slices.Contains(words, w) {
			return w
		}
	}
	finished, failed := slices.Contains(words, "Finished"), slices.Contains(words, "Failed")
	switch {
	case finished && failed:
		return "PartialFailed"
	case failed:
		return "Failed"
	}
	return "Finished"
}

// Codes of errors in records that the server itself gives.
const (
	codeNonzero        = "ExitCodeNonzero"
	codeTimeout        = "ExecutionTimeout"
	codeException      = "ExecutionException"
	codeNotDelivered   = "DeliveryTimeout"
	codeOffline        = "ClientNotOnline"
	codeNoAnswer       = "ClientNotResponse"
	codeRestarted      = "ClientRestarted"
	codeDeregistered   = "InstanceDeregistered"
	codeNoSecret       = "QueryParameterStoreFailed"
	codeUnknownBuiltIn = "InvalidSystemBuiltInParameter"
)
