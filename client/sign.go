package client

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/sluicelog/sluice/internal/sign"
)

// sign dates and signs req, whose body is r's. Retries are signed anew: an old date would be refused as skewed.
func (c *Client) sign(req *http.Request, r call) {
	now := c.now().UTC()
	signed := &sign.Request{
		Method: req.Method, Path: req.URL.EscapedPath(), Query: req.URL.RawQuery, Host: req.Host, Header: req.Header,
	}
	if c.options.SignV4 {
		sum := sha256.Sum256(r.body)
		req.Header.Set("x-log-date", now.Format("20060102T150405Z"))
		req.Header.Set("x-log-content-sha256", hex.EncodeToString(sum[:]))
		sign.SignV4(c.options.Secret, c.options.AccessKeyID, c.options.Region, signed)
		return
	}
	req.Header.Set("Date", now.Format(http.TimeFormat))
	if len(r.body) > 0 {
		sum := md5.Sum(r.body)
		req.Header.Set("Content-MD5", strings.ToUpper(hex.EncodeToString(sum[:])))
	}
	sign.SignV1(c.options.Secret, c.options.AccessKeyID, signed)
}
