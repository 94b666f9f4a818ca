package assistant

import (
	"fmt"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// Whatever an account can have any number of takes memory or metadata that all accounts share, so each has a limit. It is compared in the transaction
// that makes one more; those of records that wait are told in outbox.go.

// Limits that options leave open (docs/limits.md).
const (
	maxMachines         = 10_000 // of an account
	maxActivations      = 10_000 // of an account
	maxStoredParameters = 1000   // of an account
	maxUnderWay         = 1000   // invocations on a machine
	maxWaitingRecords   = 50_000 // of an account
	maxKeptResults      = 10_000 // of an account
)

// roomForActivation returns the quota error if an account has as many activations as it may.
func (s *Service) roomForActivation(tx meta.Tx, account string) error {
	all, err := activationsOf(tx, account)
	if err == nil && len(all) >= s.o.MaxActivations {
		err = fail(sluice.Throttled, "ActivationCount.ExceedQuota", "there are %d activations already, delete some that no instance is registered with", len(all))
	}
	return err
}

// roomForMachine refuses a machine if its account has as many as it may.
func (s *Service) roomForMachine(tx meta.Tx, account string) error {
	all, err := activationsOf(tx, account)
	n := 0
	for _, a := range all {
		n += int(a.Registered - a.Deregistered)
	}
	if err == nil && n >= s.o.MaxMachines {
		err = &agentproto.Refused{Code: agentproto.CodeActivation, Reason: fmt.Sprintf("the account has %d machines, the quota: deregister some", n)}
	}
	return err
}

// activationsOf are the activations of an account. Those of the root account are in no group.
func activationsOf(tx meta.Tx, account string) ([]*Activation, error) {
	all, err := list[Activation](tx, kindActivation, meta.ItemRange{Group: account})
	own := all[:0]
	for _, a := range all {
		if a.Account == account {
			own = append(own, a)
		}
	}
	return own, err
}

// roomForParameter returns the quota error if an account has as many values in its parameter store as it may.
func (fl *Fleet) roomForParameter(tx meta.Tx) error {
	n, err := tx.CountItems(of(kindParameter, fl.account), "")
	if err == nil && n >= fl.s.o.MaxParameters {
		err = fail(sluice.Throttled, "ParameterStoreCount.ExceedQuota", "the parameter store has %d parameters already, delete some", n)
	}
	return err
}

// roomForTargets returns the quota error if one more invocation is too much for one of these instances, or for the records of the account.
func (fl *Fleet) roomForTargets(tx meta.Tx, instances []string) error {
	s := fl.s
	if n := s.outbox.held(fl.account); n >= s.o.MaxWaiting {
		return fail(sluice.Throttled, "Invocation.ExceedQuota",
			"%d execution records wait, because logstore %v cannot be written to: see to it that its project is there, may be written to and has quota", n, Records(fl.account))
	}
	for _, id := range instances {
		n, err := tx.CountItems(kindLive, id)
		if err != nil {
			return err
		}
		if n >= s.o.MaxUnderWay {
			return fail(sluice.Throttled, "Invocation.ExceedQuota", "%d invocations are under way on instance %s, stop some, or wait", n, id)
		}
	}
	return nil
}
