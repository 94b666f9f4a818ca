package kafkasink

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ask asks the brokers about the topic, and returns why it cannot be written to.
func (s *Sink) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.config.TimeoutSeconds)*time.Second)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(s.config.Topic)
	request.Topics = append(request.Topics, topic)
	request.IncludeTopicAuthorizedOperations = true
	answer, err := request.RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	if len(answer.Topics) != 1 {
		return fmt.Errorf("the brokers say nothing of the topic")
	}
	about := &answer.Topics[0]
	if err := kerr.ErrorForCode(about.ErrorCode); err != nil {
		return err
	}
	const (
		unknown = math.MinInt32
		write   = 1 << 4 // of the bits of operations
	)
	if ops := about.AuthorizedOperations; ops != unknown && ops&write == 0 {
		return kerr.TopicAuthorizationFailed
	}
	for _, p := range about.Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return fmt.Errorf("partition %d: %w", p.Partition, err)
		}
	}
	return nil
}
