package syslogsink_test

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/encode"
	"github.com/sluicelog/sluice/internal/delivery/sink"
	"github.com/sluicelog/sluice/internal/delivery/sink/syslogsink"
)

// Devo wants lines with the name of a table as their tag, and the length in front of messages that have line ends.
func TestDevoFrames(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan string, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			got <- err.Error()
			return
		}
		text, err := io.ReadAll(conn)
		if err != nil {
			text = []byte(err.Error())
		}
		conn.Close()
		got <- string(text)
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	c := syslogsink.Config{
		Host: "127.0.0.1", Port: n, Protocol: syslogsink.TCP, Standard: syslogsink.Devo, Tag: "my.app.shop_1.orders", Hostname: "h1",
		Rows: encode.Rows{Format: syslogsink.Raw}, MessageField: "m",
	}
	s, err := syslogsink.Open(c, sink.Env{Dial: (&net.Dialer{}).DialContext, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b := s.Begin(sink.Header{})
	defer b.Release()
	for _, text := range []string{"one", "two\nlines", "three"} {
		if err := b.Add(&sink.Entry{Time: 1739791455, Fields: []sink.Field{{Key: "m", Value: text}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(context.Background(), sink.Point{Position: 3}); err != nil {
		t.Fatal(err)
	}
	const head = "<14>Feb 17 11:24:15 h1 my.app.shop_1.orders: "
	want := head + "one\n" + strconv.Itoa(len(head)+9) + " " + head + "two\nlines" + head + "three\n"
	if text := <-got; text != want {
		t.Errorf("got  %q\nwant %q", text, want)
	}
}

func TestDevoIsRefused(t *testing.T) {
	for _, c := range []syslogsink.Config{
		{Host: "h", Standard: syslogsink.Devo, Tag: "my..app"},
		{Host: "h", Standard: syslogsink.Devo, Tag: "my.app x"},
		{Host: "h", Standard: syslogsink.Devo, Tag: strings.Repeat("a", 129)},
		{Host: "h", Standard: syslogsink.Devo, Tag: "my.app", Protocol: syslogsink.UDP},
		{Host: "h", Standard: syslogsink.Devo, Tag: "my.app", Framing: "octet"},
		{Host: "h", Standard: syslogsink.Devo, Tag: "my.app", LogID: true},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
