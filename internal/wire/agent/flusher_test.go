package agent_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pierrec/lz4/v4"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sluicelog/sluice/internal/config"
	"github.com/sluicelog/sluice/internal/testenv"
	"github.com/sluicelog/sluice/test/certs"
)

// logGroup is a group of one log, written by hand.
func logGroup(value string) []byte {
	text := func(b []byte, field protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	content := text(text(nil, 1, []byte("k")), 2, []byte(value))
	log := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(time.Now().Unix()))
	return text(nil, 1, text(log, 2, content))
}

// packed is a group as an LZ4 block.
func packed(t *testing.T, group []byte) []byte {
	t.Helper()
	block := make([]byte, lz4.CompressBlockBound(len(group)))
	n, err := lz4.CompressBlock(group, block, nil)
	if err != nil || n == 0 {
		t.Fatalf("compress: %d, %v", n, err)
	}
	return block[:n]
}

// What flusher_sls sends (reference sls-api 6.1) is taken over TLS, whose certificate it does not look at: one group, and a list of packages
// that were compressed one by one. It believes an answer by its request id.
func TestFlusher(t *testing.T) {
	pair, dir := certs.New(t).Issue(t, "self"), t.TempDir()
	w := newWorld(t, func(c *config.Config) {
		c.TLS.Cert, c.TLS.Key, c.TLS.Listen = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), "127.0.0.1:0"
		for path, text := range map[string]string{c.TLS.Cert: pair.Certificate, c.TLS.Key: pair.Key} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	conf := certs.New(t).Client()
	conf.InsecureSkipVerify = true // as the agent has it
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: conf}}
	defer client.CloseIdleConnections()
	url := "https://" + w.env.Listeners.TLS.Addr().String()
	send := func(target string, body []byte, raw int, mode string) {
		t.Helper()
		r, err := http.NewRequest("POST", url+target, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		h := r.Header
		h.Set("Content-Type", "application/x-protobuf")
		h.Set("Content-MD5", fmt.Sprintf("%X", md5.Sum(body)))
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		h.Set("x-log-apiversion", "0.6.0")
		h.Set("x-log-signaturemethod", "hmac-sha1")
		h.Set("x-log-bodyrawsize", fmt.Sprint(raw))
		signed := []string{"x-log-apiversion:0.6.0", "x-log-bodyrawsize:" + fmt.Sprint(raw)}
		if mode == "" {
			h.Set("x-log-compresstype", "lz4")
			signed = append(signed, "x-log-compresstype:lz4")
		} else {
			h.Set("x-log-mode", mode)
			signed = append(signed, "x-log-mode:"+mode)
		}
		signed = append(signed, "x-log-signaturemethod:hmac-sha1", target)
		mac := hmac.New(sha1.New, []byte(testenv.RootSecret))
		fmt.Fprintf(mac, "POST\n%s\napplication/x-protobuf\n%s\n%s", h.Get("Content-MD5"), h.Get("Date"), strings.Join(signed, "\n"))
		h.Set("Authorization", "LOG "+testenv.RootID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s %v", target, resp.Status, text, err)
		}
		if resp.Header.Get("x-log-requestid") == "" || resp.Header.Get("x-log-time") == "" {
			t.Errorf("%s: the answer has headers %v", target, resp.Header)
		}
	}
	one := logGroup(strings.Repeat("one ", 50))
	send("/logstores/app/shards/lb", packed(t, one), len(one), "")
	send("/logstores/app/shards/route?key=00000000000000000000000000000001", packed(t, one), len(one), "")
	var list []byte
	for _, value := range []string{"two ", "three "} {
		group := logGroup(strings.Repeat(value, 50))
		pkg := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), packed(t, group))
		pkg = protowire.AppendVarint(protowire.AppendTag(pkg, 2, protowire.VarintType), uint64(len(group)))
		pkg = protowire.AppendVarint(protowire.AppendTag(pkg, 3, protowire.VarintType), 2) // LZ4
		list = protowire.AppendBytes(protowire.AppendTag(list, 1, protowire.BytesType), pkg)
	}
	send("/logstores/app/shards/lb", list, len(list), "batch_group")

	var begin struct{ Cursor string }
	w.env.JSON(t, testenv.Call{Project: "web", Target: "/logstores/app/shards/0?type=cursor&from=begin"}, &begin)
	a := w.env.OK(t, testenv.Call{Project: "web", Target: "/logstores/app/shards/0?type=log&cursor=" + strings.ReplaceAll(begin.Cursor, "=", "%3D")})
	if got := a.Header.Get("x-log-count"); got != "4" {
		t.Errorf("%s groups are there, want 4", got)
	}
	resp, err := client.Get(url + "/") // an agent looks whether somebody is there
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
