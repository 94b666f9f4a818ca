package sls

import (
	"strconv"

	"github.com/sluicelog/sluice/internal/query"
	"github.com/sluicelog/sluice/internal/query/search"
)

// GetHistograms: GET /logstores/{logstore}?type=histogram
//
// Also: GET /logstores/{logstore}/index?type=histogram, as the generated SDKs do.
// Behavior: counts what the search in front of the pipe finds, in equal buckets that cover [from, to) without a gap; interval is
// their width in seconds, else one that makes at most 60.
// Differs: shard is ignored.

var histogramRoutes = []Route{
	{Method: "GET", Path: "/logstores/{logstore}", When: "type=histogram", Action: "GetHistograms", Permission: "log:GetLogStoreHistogram", Resource: "logstore/{logstore}", handle: (*API).getHistograms},
	{Method: "GET", Path: "/logstores/{logstore}/index", When: "type=histogram", Action: "GetHistograms", Permission: "log:GetLogStoreHistogram", Resource: "logstore/{logstore}", handle: (*API).getHistograms},
}

func (a *API) getHistograms(q *request) error {
	k, err := askOf(q.query)
	if err != nil {
		return err
	}
	r, err := query.Seconds(int64(k.From), int64(k.FromNs), int64(k.To), int64(k.ToNs))
	if err != nil {
		return err
	}
	statement, err := search.Split(k.Query)
	if err != nil {
		return err
	}
	interval, err := q.number("interval", 0)
	if err != nil {
		return err
	}
	buckets, cover, err := a.Query.Histogram(q.ctx(),
		query.Filter{Ref: q.logstore(), Range: r, Search: statement.Search, Topic: k.Topic}, int64(interval))
	if err != nil {
		return err
	}
	type bucket struct {
		From     int64  `json:"from"`
		To       int64  `json:"to"`
		Count    int64  `json:"count"`
		Progress string `json:"progress"`
	}
	total, out := int64(0), make([]bucket, len(buckets))
	for i, b := range buckets {
		out[i] = bucket{b.From, b.To, b.Count, progress(cover)}
		total += b.Count
	}
	h := q.w.Header()
	h["X-Log-Progress"] = []string{progress(cover)}
	h["X-Log-Count"] = []string{strconv.FormatInt(total, 10)}
	return q.json(out)
}
