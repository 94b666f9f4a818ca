package kafkasink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluicelog/sluice/internal/delivery/sink"
)

// halts are the errors that wait for a person, and what that person has to do (reference delivery e.5).
var halts = []struct {
	err  error
	what string
}{
	{kerr.SaslAuthenticationFailed, "the brokers do not accept sasl.user and sasl.password; correct them"},
	{kerr.UnsupportedSaslMechanism, "the brokers do not know sasl.mechanism; choose another"},
	{kerr.IllegalSaslState, "the brokers expect another security protocol; correct sasl and tls"},
	{kerr.TopicAuthorizationFailed, "the user may not write to the topic; permit it Write and Describe"},
	{kerr.ClusterAuthorizationFailed, "the user may not produce idempotently; permit it IdempotentWrite, or set noIdempotence"},
	{kerr.TransactionalIDAuthorizationFailed, "the user may not produce idempotently; permit it IdempotentWrite, or set noIdempotence"},
	{kerr.UnknownTopicOrPartition, "the topic does not exist, or the user may not see it; create or permit it"},
	{kerr.InvalidTopicException, "the brokers do not take the name of the topic; correct it"},
	{kerr.UnsupportedCompressionType, "the brokers do not know the compression; choose another"},
	{kerr.InvalidTimestamp, "the topic refuses the times of the logs; set timestamp to now, or widen its message.timestamp limits"},
	{kerr.InvalidRecord, "the topic refuses the messages (a compacted one takes only those with keys); set keyField"},
	{kerr.PolicyViolation, "the brokers' policy forbids the messages; change it or the task"},
	{kerr.UnsupportedVersion, "the brokers are too old for what is configured; set noIdempotence or use another version"},
}

func isTooLarge(err error) bool {
	return errors.Is(err, kerr.MessageTooLarge) || errors.Is(err, kerr.RecordListTooLarge)
}

// severityOf orders the errors of a batch's records: halting, too large, all others.
func severityOf(err error) int {
	for _, h := range halts {
		if errors.Is(err, h.err) {
			return 3
		}
	}
	if isTooLarge(err) {
		return 2
	}
	return 1
}

// explain turns an error of the client library into what the engine is told. That the time is over says little; what kept the client from
// the brokers says more.
func (s *Sink) explain(err error) error {
	if why := s.connecting(); why != nil && timeUp(err) {
		return fmt.Errorf("%w (%w)", s.classify(why), err)
	}
	return s.classify(err)
}

func timeUp(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrRecordTimeout)
}

func (s *Sink) classify(err error) error {
	if halt := (*sink.Halt)(nil); errors.As(err, &halt) {
		return err
	}
	for _, h := range halts {
		if errors.Is(err, h.err) {
			return &sink.Halt{Reason: fmt.Sprintf("topic %s: %s", s.config.Topic, h.what), Err: err}
		}
	}
	if isTooLarge(err) {
		return fmt.Errorf("topic %s: %w: %w", s.config.Topic, sink.ErrTooLarge, err)
	}
	return fmt.Errorf("topic %s: %w", s.config.Topic, err)
}

// connecting is the error of the last attempt to connect, nil if it succeeded.
func (s *Sink) connecting() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble
}

// connected is the client's hook that remembers how connecting went.
type connected struct{ sink *Sink }

// OnBrokerConnect is called behind each attempt.
func (h connected) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	h.sink.mu.Lock()
	defer h.sink.mu.Unlock()
	h.sink.trouble = err
}
