package mns_test

import (
	"fmt"
	"slices"
	"testing"

	mns "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/gogap/errors"
	"go.uber.org/goleak"

	"github.com/sluicelog/sluice/internal/testenv"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, // but for what the client of the SDK leaves, which has no end of its own
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*Client).mCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*TCPDialer).tcpAddrsClean"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

// sdk is the official client. It wants an endpoint with four dots, the first of which ends an account that it never sends.
func sdk(env *testenv.Env, key testenv.Key) mns.MNSClient {
	return mns.NewAliMNSClientWithToken(env.URL()+"/.", key.ID, key.Secret, key.Token)
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, want errors.ErrCodeTemplate) {
	t.Helper()
	if !want.IsEqual(err) {
		t.Errorf("got %v, want error %d", err, want.New().Code())
	}
}

// receive receives a batch, or the error.
func receive(q mns.AliMNSQueue, n int32, wait ...int64) ([]mns.MessageReceiveResponse, error) {
	got, failed := make(chan mns.BatchMessageReceiveResponse, 1), make(chan error, 1)
	q.BatchReceiveMessage(got, failed, n, wait...)
	select {
	case r := <-got:
		return r.Messages, nil
	case err := <-failed:
		return nil, err
	}
}

// The official Go client, as it is: what a name that is taken means depends on the attributes.
func TestOfficialClientCreates(t *testing.T) {
	env := testenv.Start(t)
	client := sdk(env, testenv.RootKey)
	manager := mns.NewMNSQueueManager(client)

	ok(t, manager.CreateQueue("orders", 0, 65536, 3600, 60, 0, 2))
	refused(t, manager.CreateQueue("orders", 0, 65536, 3600, 60, 0, 2), mns.ERR_MNS_QUEUE_ALREADY_EXIST_AND_HAVE_SAME_ATTR)
	refused(t, manager.CreateQueue("orders", 0, 65536, 3600, 61, 0, 2), mns.ERR_MNS_QUEUE_ALREADY_EXIST)
}

// A message goes its way through the official client.
func TestOfficialClientMessages(t *testing.T) {
	env := testenv.Start(t)
	client := sdk(env, testenv.RootKey)
	manager := mns.NewMNSQueueManager(client)
	ok(t, manager.CreateSimpleQueue("orders"))
	q := mns.NewMNSQueue("orders", client)

	_, err := receive(q, 16)
	if err == nil {
		t.Fatal("an empty queue gives messages")
	}
	sent, err := q.SendMessage(mns.MessageSendRequest{MessageBody: "<&> \"ä\"\n", Priority: 8})
	ok(t, err)
	var batch []mns.MessageSendRequest
	for i := range 10 {
		batch = append(batch, mns.MessageSendRequest{MessageBody: fmt.Sprint(i), Priority: int64(16 - i)})
	}
	many, err := q.BatchSendMessage(batch...)
	ok(t, err)
	if len(many.Messages) != 10 || sent.MessageBodyMD5 == "" {
		t.Fatalf("sent %+v and %+v", sent, many)
	}
	attr, err := manager.GetQueueAttributes("orders")
	ok(t, err)
	if attr.ActiveMessages != 11 || attr.VisibilityTimeout != 30 {
		t.Errorf("attributes %+v", attr)
	}

	peeked, failed := make(chan mns.MessageReceiveResponse, 1), make(chan error, 1)
	q.PeekMessage(peeked, failed)
	if m := <-peeked; m.MessageBody != "9" || m.DequeueCount != 0 {
		t.Errorf("peeked at %+v", m)
	}
	got, err := receive(q, 16, 5)
	ok(t, err)
	var bodies, handles []string
	for _, m := range got {
		bodies, handles = append(bodies, m.MessageBody), append(handles, m.ReceiptHandle)
	}
	if want := []string{"9", "<&> \"ä\"\n", "8", "7", "6", "5", "4", "3", "2", "1", "0"}; !slices.Equal(bodies, want) {
		t.Errorf("received %q, want %q", bodies, want)
	}
	if got[1].MessageId != sent.MessageId || got[1].MessageBodyMD5 != sent.MessageBodyMD5 || got[1].Priority != 8 || got[1].DequeueCount != 1 {
		t.Errorf("received %+v of %+v", got[1], sent)
	}

	changed, err := q.ChangeMessageVisibility(handles[0], 100)
	ok(t, err)
	refused(t, q.DeleteMessage(handles[0]), mns.ERR_MNS_RECEIPT_HANDLE_ERROR)
	ok(t, q.DeleteMessage(changed.ReceiptHandle))
	refused(t, q.DeleteMessage(changed.ReceiptHandle), mns.ERR_MNS_MESSAGE_NOT_EXIST)
	_, err = q.BatchDeleteMessage(handles[1:]...)
	ok(t, err)
	failures, err := q.BatchDeleteMessage(handles[1:3]...)
	if err == nil || len(failures.FailedMessages) != 2 || failures.FailedMessages[0].ErrorCode != "MessageNotExist" || failures.FailedMessages[0].ReceiptHandle != handles[1] {
		t.Errorf("deleted twice: %+v, %v", failures, err)
	}
	ok(t, manager.DeleteQueue("orders"))
	_, err = q.SendMessage(mns.MessageSendRequest{MessageBody: "x"})
	refused(t, err, mns.ERR_MNS_QUEUE_NOT_EXIST)
}

func TestOfficialClientLists(t *testing.T) {
	env := testenv.Start(t)
	manager := mns.NewMNSQueueManager(sdk(env, testenv.RootKey))
	for i := range 5 {
		ok(t, manager.CreateSimpleQueue(fmt.Sprintf("a-%d", i)))
	}
	ok(t, manager.CreateSimpleQueue("b"))
	var names []string
	for marker := ""; ; {
		page, err := manager.ListQueueDetail(marker, 2, "a-")
		ok(t, err)
		for _, q := range page.Attrs {
			names = append(names, q.QueueName)
		}
		if marker = page.NextMarker; marker == "" {
			break
		}
	}
	if !slices.Equal(names, []string{"a-0", "a-1", "a-2", "a-3", "a-4"}) {
		t.Errorf("listed %q", names)
	}
	all, err := manager.ListQueue("", 1000, "")
	ok(t, err)
	if len(all.Queues) != 6 || all.Queues[5].QueueURL != env.URL()+"/queues/b" {
		t.Errorf("listed %+v", all)
	}
	ok(t, manager.SetQueueAttributes("b", 5, 1024, 60, 10, 3, 2))
	attr, err := manager.GetQueueAttributes("b")
	ok(t, err)
	if attr.DelaySeconds != 5 || attr.MaxMessageSize != 1024 || attr.MessageRetentionPeriod != 60 || attr.VisibilityTimeout != 10 || attr.PollingWaitSeconds != 3 {
		t.Errorf("attributes %+v", attr)
	}
}

func TestOfficialClientIsRefused(t *testing.T) {
	env := testenv.Start(t)
	wrong := testenv.Key{ID: testenv.RootID, Secret: "not the secret"}
	refused(t, mns.NewMNSQueueManager(sdk(env, wrong)).CreateSimpleQueue("q"), mns.ERR_MNS_SIGNATURE_DOES_NOT_MATCH)
	refused(t, mns.NewMNSQueueManager(sdk(env, testenv.Key{ID: "nobody", Secret: "x"})).CreateSimpleQueue("q"), mns.ERR_MNS_INVALID_ACCESS_KEY_ID)
	refused(t, mns.NewMNSQueueManager(sdk(env, testenv.RootKey)).CreateSimpleQueue("q_q"), mns.ERR_MNS_INVALID_QUEUE_NAME)
}
