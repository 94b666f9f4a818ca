package sls

import (
	"time"
)

// ListIndexSegments: GET /sluice/v1/logstores/{logstore}/index/segments
//
// Behavior: the Parquet objects that the index consists of now, with the number of their logs and their first and last time. They
// stay for a minute at least after others took their place. Logs that arrived in the last seconds are in none.
// Differs: an action of this server, not of Simple Log Service.

var indexSegmentRoutes = []Route{{
	Method: "GET", Path: "/sluice/v1/logstores/{logstore}/index/segments", Action: "ListIndexSegments", Resource: "logstore/{logstore}",
	Permission: "sluice:ListIndexSegments", handle: (*API).listSegments,
}}

type segmentObject struct {
	Object string    `json:"object"`
	Logs   int64     `json:"logs"`
	Bytes  int64     `json:"rawBytes"`
	Stored int64     `json:"storedBytes"`
	First  time.Time `json:"firstTime"`
	Last   time.Time `json:"lastTime"`
}

func (a *API) listSegments(q *request) error {
	snap, err := a.Index.Snapshot(q.ctx(), q.logstore())
	if err != nil {
		return err
	}
	var answer struct {
		Segments []segmentObject `json:"segments"`
		Damaged  int             `json:"damagedSegments"`
	}
	answer.Segments = []segmentObject{}
	for _, s := range snap.Segments {
		if s.Bad != nil {
			answer.Damaged++
			continue
		}
		info := s.Info()
		answer.Segments = append(answer.Segments, segmentObject{
			info.ParquetObject(), info.Rows, info.Bytes, info.Parquet + info.Index, info.First, info.Last,
		})
	}
	return q.json(answer)
}
