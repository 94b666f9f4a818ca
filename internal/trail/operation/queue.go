package operation

// queueTable is queues. Bodies of messages and receipt handles are never told.
const queueTable = `
* QueueName queue

CreateQueue W M  VisibilityTimeout MaximumMessageSize MessageRetentionPeriod DelaySeconds PollingWaitSeconds LoggingEnabled
SetQueueAttributes W M  VisibilityTimeout MaximumMessageSize MessageRetentionPeriod DelaySeconds PollingWaitSeconds LoggingEnabled
GetQueueAttributes R M
ListQueue R M
DeleteQueue W M
PurgeQueue W M
SendMessage W D  DelaySeconds Priority
BatchSendMessage W D
ReceiveMessage W D  waitseconds
BatchReceiveMessage W D  numOfMessages waitseconds
PeekMessage R D
BatchPeekMessage R D  numOfMessages
DeleteMessage W D
BatchDeleteMessage W D
ChangeMessageVisibility W D  visibilityTimeout
`
