package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	randv2 "math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/sluicelog/sluice/internal/sign"
)

// rpc calls an action of the RPC dialect (reference delivery a) and decodes the answer into out unless it is nil. Requests that met a
// passing trouble are sent again, like all others.
func (c *Client) rpc(ctx context.Context, version, action string, params url.Values, out any) error {
	delay := firstDelay
	for attempt := 1; ; attempt++ {
		err := c.rpcOnce(ctx, version, action, params, out)
		var refused *Error
		if err == nil || attempt == c.options.Attempts || !errors.As(err, &refused) || !refused.Temporary() {
			return err
		}
		if !sleep(ctx, randv2.N(delay)) {
			return fmt.Errorf("%w, while retrying after: %w", ctx.Err(), err)
		}
		delay = min(2*delay, maxDelay)
	}
}

func (c *Client) rpcOnce(ctx context.Context, version, action string, params url.Values, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint.String()+"/?"+params.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	h := req.Header
	h.Set("User-Agent", c.options.UserAgent)
	h.Set("Accept", contentJSON)
	h.Set("x-acs-action", action)
	h.Set("x-acs-version", version)
	h.Set("x-acs-date", c.now().UTC().Format(time.RFC3339))
	h.Set("x-acs-signature-nonce", rand.Text())
	if c.options.SecurityToken != "" {
		h.Set("x-acs-security-token", c.options.SecurityToken)
	}
	sign.SignACS3(c.options.Secret, c.options.AccessKeyID, &sign.Request{
		Method: req.Method, Path: "/", Query: req.URL.RawQuery, Host: req.URL.Host, Header: h,
	}, nil)
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer to %s: %w", action, err)
	}
	if resp.StatusCode != http.StatusOK {
		return rpcError(resp, body)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("decode the answer to %s: %w", action, err)
	}
	return nil
}

// rpcError reads the error body of the dialect.
func rpcError(resp *http.Response, body []byte) *Error {
	var known struct{ Code, Message, RequestID string }
	if json.Unmarshal(body, &known) != nil || known.Code == "" {
		return newError(resp.StatusCode, resp.Header, body)
	}
	return &Error{Status: resp.StatusCode, Code: known.Code, Message: known.Message, RequestID: known.RequestID, Date: serverTime(resp.Header)}
}
