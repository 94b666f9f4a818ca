package collector

import (
	"net/http"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/client"
)

// RemoteLogstore is a logstore behind a transport.
func RemoteLogstore(transport http.RoundTripper, ref sluice.LogstoreRef) (Logstore, error) {
	c, stop, err := NewClient(client.Options{Endpoint: "http://127.0.0.1:1", AccessKeyID: "k", Secret: "s"}, NewClock(time.Now), transport)
	return &remoteLogstore{client: c, ref: ref, stop: stop}, err
}
