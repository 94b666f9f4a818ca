package luban_test

import (
	"context"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// client speaks the protocol as the reference has it, and shares nothing with the server: what it writes and reads is spelled out here, and its channel is of
// the library that the real client dials with.
type client struct {
	t        testing.TB
	address  string
	now      func() time.Time
	http     *http.Client
	tls      *tls.Config
	key      *rsa.PrivateKey
	instance string
	machine  string
	pid      int
	began    time.Time
	requests int
}

// keys are made once: they take a while.
var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	all := make([]*rsa.PrivateKey, 2)
	for i := range all {
		all[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return all
})

func newClient(t testing.TB, address string, ca []byte, now func() time.Time) *client {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		t.Fatal("the CA is not PEM")
	}
	config := &tls.Config{RootCAs: pool, Time: now}
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, address: address, now: now, tls: config, http: &http.Client{Transport: transport}, machine: "machine-1", pid: 100, began: now()}
}

// register registers with a key, and remembers the instance.
func (c *client) register(activation, code string, key *rsa.PrivateKey) (status int, body string) {
	c.key = key
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		c.t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	raw, err := json.Marshal(map[string]any{
		"activationCode": code, "machineId": c.machine, "regionId": "cn-test", "instanceName": "", "hostname": "web-1", "intranetIp": "10.0.0.7",
		"osVersion": "12", "osType": "linux", "agentVersion": "2.2.3.578", "publicKey": base64.StdEncoding.EncodeToString(public),
		"activationId": activation, "tag": []map[string]string{{"key": "role", "value": "web"}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	status, body = c.send("POST", "/luban/api/instance/register", string(raw), nil)
	var answer struct {
		Code       int
		InstanceID string `json:"instanceId"`
	}
	if status <= 400 && json.Unmarshal([]byte(body), &answer) == nil && answer.Code == 200 {
		c.instance = answer.InstanceID
	}
	return status, body
}

// headers are those of a signed request.
func (c *client) headers() http.Header {
	c.requests++
	stamp, id := fmt.Sprint(c.now().UnixMilli()), fmt.Sprintf("request-%s-%d-%d", c.instance, c.pid, c.requests)
	sum := md5.Sum([]byte(c.instance + c.machine + stamp + id))
	signature, err := rsa.SignPKCS1v15(nil, c.key, crypto.MD5, sum[:])
	if err != nil {
		c.t.Fatal(err)
	}
	h := http.Header{}
	h.Set("x-acs-instance-id", c.instance)
	h.Set("x-acs-timestamp", stamp)
	h.Set("x-acs-request-id", id)
	h.Set("x-acs-signature", base64.StdEncoding.EncodeToString(signature))
	h.Set("X-Client-IP", "10.0.0.7")
	h.Set("User-Agent", "linux_amd64/2.2.3.578")
	return h
}

// call sends a signed request.
func (c *client) call(method, path, body string) (status int, answer string) {
	return c.send(method, path, body, c.headers())
}

func (c *client) send(method, path, body string, headers http.Header) (status int, answer string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, "https://"+c.address+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if headers != nil {
		r.Header = headers
	}
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// heartbeat sends one heartbeat of the process that the client is.
func (c *client) heartbeat() (status int, answer string) {
	return c.call("GET", fmt.Sprintf("/luban/api/heart-beat?uptime=1000&timestamp=%d&pid=%d&process_uptime=%d&index=1&seq_no=1",
		c.now().UnixMilli(), c.pid, c.now().Sub(c.began).Milliseconds()), "")
}

// channel is a kick channel.
type channel struct {
	conn  *websocket.Conn
	words chan string // closed at the end
}

// dial opens the kick channel.
func (c *client) dial() (*channel, error) {
	dialer := &websocket.Dialer{TLSClientConfig: c.tls, HandshakeTimeout: 45 * time.Second}
	conn, resp, err := dialer.Dial("wss://"+c.address+"/luban/notify_server", c.headers())
	if resp != nil {
		resp.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	ch := &channel{conn: conn, words: make(chan string, 100)}
	c.t.Cleanup(func() {
		conn.Close()
		for range ch.words { // until the reader has ended
		}
	})
	go func() {
		defer close(ch.words)
		for {
			_, word, err := conn.ReadMessage()
			if err != nil {
				return
			}
			ch.words <- string(word)
			if conn.WriteMessage(websocket.TextMessage, []byte("accept:"+string(word))) != nil {
				return
			}
		}
	}()
	return ch, nil
}

// word waits for what the server says next; "" at the end.
func (ch *channel) word(t testing.TB) string {
	t.Helper()
	select {
	case w := <-ch.words:
		return w
	case <-time.After(patience):
		t.Fatal("the server says nothing")
		return ""
	}
}
