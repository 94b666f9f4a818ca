// Package javanet leads the Java clients of Simple Log Service to a server of a test. They know neither ports nor proxies: they resolve the name
// PROJECT.DOMAIN and open port 80. It stands where DNS and a server on port 80 stand in real use.
//
//	JVM ── name ──> hosts file ── 127.0.0.1:80 ──> SOCKS proxy ──> the server's address
package javanet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Options are what a JVM has to be started with, or given in JAVA_TOOL_OPTIONS, to find the server at addr behind the names of projects below
// domain. A hosts file knows no wildcards, so projects have to be listed.
func Options(t testing.TB, addr, domain string, projects ...string) string {
	t.Helper()
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"localhost", hostname, domain}
	for _, project := range projects {
		names = append(names, project+"."+domain)
	}
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 "+strings.Join(names, " ")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(startSOCKS(t, addr))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("-Djdk.net.hosts.file=%s -DsocksProxyHost=127.0.0.1 -DsocksProxyPort=%s -DsocksNonProxyHosts=", hosts, port)
}

// startSOCKS starts a SOCKS5 proxy that leads every connection to target, and returns its address.
func startSOCKS(t testing.TB, target string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			serving.Go(func() {
				defer client.Close()
				if err := relay(client, target); err != nil {
					t.Log("SOCKS:", err)
				}
			})
		}
	})
	return listener.Addr().String()
}

// relay speaks RFC 1928, without authentication, and then passes bytes until either side is done.
func relay(client net.Conn, target string) error {
	in := bufio.NewReader(client)
	var head [4]byte // version, number of methods, and so many methods
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return err
	}
	if _, err := in.Discard(int(head[1])); err != nil {
		return err
	}
	if _, err := client.Write([]byte{5, 0}); err != nil {
		return err
	}
	if _, err := io.ReadFull(in, head[:4]); err != nil { // version, command, reserved, kind of address
		return err
	}
	size := net.IPv4len
	switch {
	case head[0] != 5 || head[1] != 1:
		return errors.New("not a CONNECT of SOCKS 5")
	case head[3] == 3: // a name
		n, err := in.ReadByte()
		if err != nil {
			return err
		}
		size = int(n)
	case head[3] == 4:
		size = net.IPv6len
	}
	if _, err := in.Discard(size + 2); err != nil { // the address and the port, which are not looked at
		return err
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return err
	}
	defer server.Close()
	if _, err := client.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 80}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(server, in) // either side may go away
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
	return nil
}
