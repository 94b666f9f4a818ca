package client

import (
	"context"
	"net/url"
	"time"

	"github.com/sluicelog/sluice"
)

// Segment is a piece of the index of a logstore: a Parquet object with logs.
type Segment struct {
	Object string    `json:"object"` // its name, below the directory or the prefix of the index
	Logs   int64     `json:"logs"`
	Bytes  int64     `json:"rawBytes"`    // of the logs as they came
	Stored int64     `json:"storedBytes"` // with the token index beside
	First  time.Time `json:"firstTime"`   // of its logs
	Last   time.Time `json:"lastTime"`
}

// Segments lists the segments of a logstore as they are now, and how many others are damaged. They stay for a minute at least after
// others took their place.
func (c *Client) Segments(ctx context.Context, ref sluice.LogstoreRef) (segments []Segment, damaged int, err error) {
	var answer struct {
		Segments []Segment `json:"segments"`
		Damaged  int       `json:"damagedSegments"`
	}
	err = c.get(ctx, ref.Project, "/sluice/v1/logstores/"+url.PathEscape(ref.Logstore)+"/index/segments", nil, &answer)
	return answer.Segments, answer.Damaged, err
}
