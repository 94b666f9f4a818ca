package sls

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/auth"
	"github.com/sluicelog/sluice/internal/ingest"
	"github.com/sluicelog/sluice/internal/logpb"
)

// PutWebtracking: POST /logstores/{logstore}/track
//
// Also: GET /logstores/{logstore}/track, /track.gif and /track_ua.gif take one log from the query string, at most 16 KB;
// OPTIONS answers browsers that ask first.
// Body: the JSON of reference sls-api 4.5, plain or compressed.
// Behavior: unsigned, only where the logstore has enable_tracking and the project's policy does not deny it. The time of a log is when it
// was received. Pages of any origin may send, as much as quota.address_requests and quota.address_bytes let one address. track.gif
// answers an image; track_ua.gif adds User-Agent and Referer to the log as __userAgent__ and __referer__.

var trackingRoutes = []Route{
	{Method: "POST", Path: "/logstores/{logstore}/track", Action: "PutWebtracking", Permission: "log:PutWebTracking", Resource: "logstore/{logstore}", Mutating: true, Anonymous: true, handle: (*API).trackBody},
	{Method: "GET", Path: "/logstores/{logstore}/track", Action: "PutWebtracking", Permission: "log:PutWebTracking", Resource: "logstore/{logstore}", Mutating: true, Anonymous: true, handle: (*API).trackQuery},
	{Method: "GET", Path: "/logstores/{logstore}/track.gif", Action: "PutWebtracking", Permission: "log:PutWebTracking", Resource: "logstore/{logstore}", Mutating: true, Anonymous: true, handle: (*API).trackQuery},
	{Method: "GET", Path: "/logstores/{logstore}/track_ua.gif", Action: "PutWebtracking", Permission: "log:PutWebTracking", Resource: "logstore/{logstore}", Mutating: true, Anonymous: true, handle: (*API).trackQuery},
	{Method: "OPTIONS", Path: "/logstores/{logstore}/track", Action: "PutWebtracking", Permission: "log:PutWebTracking", Resource: "logstore/{logstore}", Anonymous: true, handle: (*API).trackPreflight},
}

// Limits of what anybody may send.
const (
	maxTrackQuery = 16 << 10
	maxTrackBody  = 3 << 20 // as sent, and before compression
	maxTrackTime  = 20 * time.Second
)

// pixel is a transparent GIF of one by one.
var pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// admitTracking opens the answer to pages of any origin and lets a request pass whose logstore allows tracking. A logstore that
// does not exist answers like one that forbids it: who is not signed learns nothing.
func (a *API) admitTracking(q *request) error {
	q.w.Header()["Access-Control-Allow-Origin"] = []string{"*"}
	ref := q.logstore()
	l, err := a.Catalog.Logstore(q.ctx(), ref)
	if err != nil && sluice.KindOf(err) != sluice.NotFound {
		return err
	}
	if err != nil || !l.Tracking {
		return sluice.Errorf(sluice.Unauthorized, "tracking", "web tracking is not enabled for logstore %.64q", ref.Logstore)
	}
	if err := a.Auth.Anonymous(q.r).Forbids(
		auth.Action{Name: q.route.Permission, Mutating: true}, auth.Resource{Project: ref.Project, Logstore: ref.Logstore}); err != nil {
		return err
	}
	return a.KeyQuotas.AdmitAddress(q.client(), max(q.r.ContentLength, 0)+int64(len(q.r.URL.RawQuery)))
}

func (a *API) trackPreflight(q *request) error {
	h := q.w.Header()
	h["Access-Control-Allow-Origin"] = []string{"*"}
	h["Access-Control-Allow-Methods"] = []string{"GET, POST, OPTIONS"}
	h["Access-Control-Allow-Headers"] = []string{"content-type, x-log-apiversion, x-log-bodyrawsize, x-log-compresstype"}
	h["Access-Control-Max-Age"] = []string{"86400"}
	return q.ok()
}

func (a *API) trackBody(q *request) error {
	if err := a.admitTracking(q); err != nil {
		return err
	}
	codec, rawSize, err := q.compression(maxTrackBody)
	if err != nil {
		return err
	}
	_ = http.NewResponseController(q.w).SetReadDeadline(time.Now().Add(maxTrackTime)) // or the listener's deadline counts
	buf, err := a.logBody(q, maxTrackBody, rawSize)
	if err != nil {
		return err
	}
	defer buf.release()
	put := ingest.Put{Ref: q.logstore(), Codec: codec, RawSize: rawSize, Body: buf.b, Client: q.client()}
	if err := a.putJSON(q, put, false); err != nil {
		return err
	}
	return q.ok()
}

func (a *API) trackQuery(q *request) error {
	if err := a.admitTracking(q); err != nil {
		return err
	}
	if len(q.r.URL.RawQuery) > maxTrackQuery {
		return sluice.Errorf(sluice.TooLarge, "body", "the query string is larger than %d bytes", maxTrackQuery)
	}
	group := trackGroup(q.r.URL.RawQuery)
	record := &group.Records[0]
	record.Time = uint32(a.o.Now().Unix())
	if strings.HasSuffix(q.route.Path, "_ua.gif") {
		record.Fields = append(record.Fields,
			sluice.Field{Key: "__userAgent__", Value: q.r.UserAgent()},
			sluice.Field{Key: "__referer__", Value: q.r.Referer()})
	}
	if err := a.putGroup(q, ingest.Put{Ref: q.logstore(), Codec: logpb.None, Client: q.client()}, group); err != nil {
		return err
	}
	if strings.HasSuffix(q.route.Path, ".gif") {
		q.w.Header()["Cache-Control"] = []string{"no-store"} // or the second page view would not be seen
		send(q.w, http.StatusOK, []string{"image/gif"}, pixel)
		return nil
	}
	return q.ok()
}

// trackGroup makes a group of one log out of a query string that is known to be well encoded, in its order.
func trackGroup(query string) *sluice.LogGroup {
	group := &sluice.LogGroup{Records: make([]sluice.Record, 1)}
	record := &group.Records[0]
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, _ = url.QueryUnescape(key)
		value, _ = url.QueryUnescape(value)
		switch key {
		case "APIVersion":
		case "__topic__":
			group.Topic = value
		case "__source__":
			group.Source = value
		default:
			record.Fields = append(record.Fields, sluice.Field{Key: key, Value: value})
		}
	}
	return group
}
