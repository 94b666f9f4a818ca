package importer

import (
	"regexp"
	"time"
)

// keyDay is how a day stands in keys. Keys sort by it.
const keyDay = "2006/01/02"

// keyForm is the key of a file of CloudTrail behind the prefix: stream, day, time of delivery.
var keyForm = regexp.MustCompile(
	`^(AWSLogs/(?:o-[a-z0-9]{4,32}/)?[0-9]{12,16}/CloudTrail(?:-Insight)?/[a-z0-9-]{1,64}/)([0-9]{4}/[0-9]{2}/[0-9]{2})/[^/]*_([0-9]{8}T[0-9]{4})Z_[^/]*\.json(?:\.gz)?$`)

var (
	orgForm     = regexp.MustCompile(`^o-[a-z0-9]{4,32}/$`)
	accountForm = regexp.MustCompile(`^[0-9]{12,16}/$`)
	placeForm   = regexp.MustCompile(`^[a-z0-9-]{1,64}/$`)
)

// dayOf is the day of a key behind the prefix; "" if it is no file of CloudTrail. Digests are none.
func dayOf(key string) string {
	if m := keyForm.FindStringSubmatch(key); m != nil {
		return m[2]
	}
	return ""
}

// deliveredAt is the time in the name of a file; the zero time if it is none.
func deliveredAt(key string) time.Time {
	m := keyForm.FindStringSubmatch(key)
	if m == nil {
		return time.Time{}
	}
	at, err := time.Parse("20060102T1504", m[3])
	if err != nil {
		return time.Time{}
	}
	return at
}
