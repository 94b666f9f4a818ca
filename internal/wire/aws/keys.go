package aws

import (
	"cmp"

	"github.com/sluicelog/sluice"
)

// ListPublicKeys: the keys that digests were signed with at some moment of an interval, each as a PKCS #1 public key. One page has them all.

var keyOperations = []operation{{name: "ListPublicKeys", handle: (*API).listPublicKeys}}

type keyModel struct {
	Value             []byte
	ValidityStartTime epoch
	ValidityEndTime   epoch
	Fingerprint       string
}

func (a *API) listPublicKeys(q *request) (any, error) {
	var in struct {
		StartTime, EndTime epoch
		NextToken          string
	}
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	if in.NextToken != "" {
		return nil, sluice.Errorf(sluice.Invalid, "token", "no page has a next one here: leave NextToken out")
	}
	end := cmp.Or(in.EndTime.Time, a.Now())
	start := cmp.Or(in.StartTime.Time, end)
	if start.After(end) {
		return nil, sluice.Errorf(sluice.Invalid, "lookuprange", "the interval begins after its end")
	}
	pairs, err := a.Keys.Valid(q.r.Context(), start, end)
	if err != nil {
		return nil, err
	}
	out := struct{ PublicKeyList []keyModel }{[]keyModel{}}
	for _, p := range pairs {
		out.PublicKeyList = append(out.PublicKeyList, keyModel{p.Public, epoch{p.From}, epoch{p.To}, p.Fingerprint})
	}
	return out, nil
}
