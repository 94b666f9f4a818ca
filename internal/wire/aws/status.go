package aws

// GetTrailStatus: whether a trail logs, and how its deliveries fare. The errors are the bucket's own codes, are there while its last answer was no yes,
// and go with the next success; nobody's answer is no error.
//
// Differs: LatestDeliveryErrorDetail and LatestDigestDeliveryErrorDetail say what else the bucket said.

var statusOperations = []operation{
	{name: "GetTrailStatus", trail: argName, handle: (*API).getTrailStatus},
}

type statusModel struct {
	IsLogging                bool
	LatestDeliveryTime       epoch `json:",omitzero"`
	LatestDigestDeliveryTime epoch `json:",omitzero"`
	StartLoggingTime         epoch `json:",omitzero"`
	StopLoggingTime          epoch `json:",omitzero"`

	LatestDeliveryError             string `json:",omitempty"`
	LatestDeliveryErrorDetail       string `json:",omitempty"`
	LatestDigestDeliveryError       string `json:",omitempty"`
	LatestDigestDeliveryErrorDetail string `json:",omitempty"`

	LatestDeliveryAttemptTime                                         string
	LatestDeliveryAttemptSucceeded                                    string
	LatestNotificationAttemptTime, LatestNotificationAttemptSucceeded string
	TimeLoggingStarted                                                string
	TimeLoggingStopped                                                string
}

func (a *API) getTrailStatus(q *request) (any, error) {
	st, err := a.Trails.Status(q.r.Context(), q.trail)
	if err != nil {
		return nil, err
	}
	p := &st.OfBucket
	return statusModel{
		IsLogging: st.Logging, LatestDeliveryTime: epoch{p.Delivered}, LatestDigestDeliveryTime: epoch{p.DigestDelivered},
		StartLoggingTime: epoch{st.Since}, StopLoggingTime: epoch{st.Until},
		LatestDeliveryError: p.Error, LatestDeliveryErrorDetail: p.Detail, LatestDigestDeliveryError: p.DigestError, LatestDigestDeliveryErrorDetail: p.DigestDetail,
		LatestDeliveryAttemptTime: legacy(p.Attempted), LatestDeliveryAttemptSucceeded: legacy(p.Delivered),
		TimeLoggingStarted: legacy(st.Since), TimeLoggingStopped: legacy(st.Until),
	}, nil
}
