package httpsink

import (
	"crypto/hmac"
	"crypto/md5" // the receivers' protocol, see URLSignature
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/delivery/sink/post"
)

// authKey is the parameter of a signed URL.
const authKey = "auth_key"

// sign makes the value of auth_key for path, at a time, with a random text of letters and digits.
func (s *URLSignature) sign(path string, now time.Time, random string) string {
	expiry := now.Unix() + int64(s.ValidSeconds)
	sum := md5.Sum(fmt.Appendf(nil, "%s-%d-%s-%s", path, expiry, random, s.PrivateKey.Reveal()))
	return fmt.Sprintf("%d-%s-%x", expiry, random, sum)
}

// pathOf is what is signed: with one slash in front.
func (s *URLSignature) pathOf(u *url.URL) string {
	path := s.Path
	if path == "" {
		path = u.EscapedPath()
	}
	return "/" + strings.TrimLeft(path, "/")
}

// random is 32 hexadecimal digits.
func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// sign adds the headers for a body.
func (s *BodySignature) sign(h http.Header, now time.Time, body post.Body) error {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(s.Secret.Reveal()))
	io.WriteString(mac, timestamp+".") //nolint:errcheck // a hash never fails
	if _, err := io.Copy(mac, body.Reader()); err != nil {
		return fmt.Errorf("read the body to sign it: %w", err)
	}
	h.Set("X-Sluice-Timestamp", timestamp)
	h.Set("X-Sluice-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)))
	return nil
}
