package actiontrail

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluicelog/sluice/internal/collector"
	"github.com/sluicelog/sluice/internal/sign"
)

// The versions of the API.
const (
	version2020 = "2020-07-06"
	version2017 = "2017-12-04"
)

// Bounds of requests.
const (
	pageSize    = 50
	maxAnswer   = 64 << 20 // bytes
	within      = time.Minute
	tries       = 6
	firstPause  = time.Second
	longest     = time.Minute
	dateForm    = "2006-01-02T15:04:05Z"
	shownOfBody = 200
)

// api asks one region for events.
type api struct {
	endpoint *url.URL
	region   string
	config   Config
	keys     collector.Credentials
	clock    *collector.Clock
	pace     *collector.Pace
	http     *http.Client
}

func newAPI(endpoint *url.URL, region string, c Config, s collector.SourceSetup, pace *collector.Pace) *api {
	transport := s.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		}
	}
	return &api{
		endpoint: &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host, Path: "/"}, region: region, config: c, keys: s.Credentials, clock: s.Clock,
		pace: pace, http: &http.Client{Transport: s.Clock.Transport(transport), Timeout: within},
	}
}

// page is an answer of LookupEvents.
type page struct {
	Events    []json.RawMessage
	NextToken string
}

// Answers that are no page.
var (
	errNoEvents   = errors.New("the answer has no Events")
	errIncomplete = errors.New("the server says that its answer is incomplete")
)

// refusal is an answer that is not a success.
type refusal struct {
	status    int
	code      string
	message   string
	requestID string
}

func (e *refusal) Error() string {
	if e.code == "" {
		return fmt.Sprintf("http status %d: %s", e.status, e.message)
	}
	return fmt.Sprintf("%s: %s (status %d, request %s)", e.code, e.message, e.status, e.requestID)
}

// patiently reads the next page of a window. It waits and asks again while the trouble may pass.
func (a *api) patiently(ctx context.Context, w window, requests *int) (*page, error) {
	pause := firstPause
	for try := 1; ; try++ {
		*requests++
		p, err := a.lookup(ctx, w, w.Token, pageSize)
		if err == nil || ctx.Err() != nil || !temporary(err) && !clockIsWrong(err) || try == tries {
			return p, classified(err)
		}
		timer := time.NewTimer(pause/2 + mathrand.N(pause/2))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		pause = min(2*pause, longest)
	}
}

// temporary says whether the same request may succeed later.
func temporary(err error) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return err != nil // the network, or half an answer
	}
	return r.status >= 500 || r.status == http.StatusTooManyRequests || r.status == http.StatusRequestTimeout || strings.HasPrefix(r.code, "Throttling")
}

// clockIsWrong says whether a request was refused for its date.
func clockIsWrong(err error) bool {
	var r *refusal
	return errors.As(err, &r) && (strings.HasPrefix(r.code, "InvalidTimeStamp") || r.code == "IllegalTimestamp")
}

var denials = []string{
	"InvalidAccessKeyId", "SignatureDoesNotMatch", "IncompleteSignature", "Forbidden", "NoPermission", "InvalidSecurityToken", "InvalidApi", "InvalidAction",
	"InvalidVersion", "AccessDenied",
}

// classified says what an error means to a collector.
func classified(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	switch {
	case strings.HasPrefix(r.code, "Throttling") || r.status == http.StatusTooManyRequests:
		return &collector.Throttled{After: longest, Err: err}
	case slices.ContainsFunc(denials, func(d string) bool { return strings.HasPrefix(r.code, d) }), r.status == http.StatusForbidden, r.status == http.StatusUnauthorized:
		return &collector.Denied{Err: err}
	}
	return err
}

// lookup asks for a page of at most size events of a window.
//
// Both times of the API include their second. EndTime names the second behind the window all the same: a server that leaves EndTime out would
// otherwise hide the last second of each window, and what the next window gives again is known.
func (a *api) lookup(ctx context.Context, w window, token string, size int) (*page, error) {
	params := url.Values{
		"StartTime": {w.From.UTC().Format(dateForm)}, "EndTime": {w.To.UTC().Format(dateForm)}, "MaxResults": {strconv.Itoa(size)},
	}
	if token != "" {
		params.Set("NextToken", token)
	}
	if a.config.APIVersion == version2017 {
		params.Set("EventRW", a.config.EventRW)
	} else {
		params.Set("Direction", "FORWARD")
		params.Set("LookupAttribute.1.Key", "EventRW")
		params.Set("LookupAttribute.1.Value", a.config.EventRW)
	}
	body, err := a.call(ctx, "LookupEvents", params)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Events     *[]json.RawMessage
		NextToken  string
		Incomplete bool // of Sluice: it could not look at everything
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("the answer to LookupEvents is no JSON of its form: %w", err)
	}
	switch {
	case answer.Events == nil:
		return nil, errNoEvents
	case answer.Incomplete:
		return nil, errIncomplete
	}
	return &page{Events: *answer.Events, NextToken: answer.NextToken}, nil
}

// call sends an action of the RPC dialect and returns the body of its answer.
func (a *api) call(ctx context.Context, action string, params url.Values) ([]byte, error) {
	if err := a.pace.Wait(ctx); err != nil {
		return nil, err
	}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"Action": action, "Version": a.config.APIVersion, "Format": "JSON", "RegionId": a.region, "SignatureNonce": hex.EncodeToString(nonce),
		"Timestamp": a.clock.Now().Format(dateForm),
	} {
		params.Set(name, value)
	}
	if token := a.keys.SecurityToken.Reveal(); token != "" {
		params.Set("SecurityToken", token)
	}
	sign.SignRPC(a.keys.AccessKeySecret.Reveal(), a.keys.AccessKeyID, http.MethodPost, params)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.endpoint.String(), strings.NewReader(params.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "sluice-collector")
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer to %s: %w", action, err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer to %s is larger than %d bytes", action, maxAnswer)
	case resp.StatusCode/100 != 2:
		return nil, refusalOf(resp.StatusCode, body)
	}
	return body, nil
}

func refusalOf(status int, body []byte) *refusal {
	r := &refusal{status: status}
	var known struct{ Code, Message, RequestID string }
	if json.Unmarshal(body, &known) == nil && known.Code != "" {
		r.code, r.message, r.requestID = known.Code, known.Message, known.RequestID
		return r
	}
	r.message = fmt.Sprintf("not an answer of ActionTrail: %q", body[:min(len(body), shownOfBody)])
	return r
}
