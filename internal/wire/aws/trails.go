package aws

import (
	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// CreateTrail, UpdateTrail: a trail to a bucket that the server's operator lets the account name. The bucket gets an empty object where the logs will be,
// so that a trail which cannot write is refused at once.
//
// Differs: there is one region, the home of all trails, and a trail of one region and one of all deliver the same. SNS topics, CloudWatch log
// groups, KMS keys and trails of an organization are refused.

// DescribeTrails, GetTrail, ListTrails: trails of the account. DescribeTrails leaves out names that there are not.

// DeleteTrail, StartLogging, StopLogging: what happened until then is still delivered, this call included, and then the last digest.

const argName = "Name"

var trailOperations = []operation{
	{name: "CreateTrail", mutating: true, trail: argName, handle: (*API).createTrail},
	{name: "UpdateTrail", mutating: true, trail: argName, handle: (*API).updateTrail},
	{name: "DeleteTrail", mutating: true, trail: argName, handle: (*API).deleteTrail},
	{name: "GetTrail", trail: argName, handle: (*API).getTrail},
	{name: "DescribeTrails", handle: (*API).describeTrails},
	{name: "ListTrails", handle: (*API).listTrails},
	{name: "StartLogging", mutating: true, trail: argName, handle: (*API).startLogging},
	{name: "StopLogging", mutating: true, trail: argName, handle: (*API).stopLogging},
}

// trailArguments are those of CreateTrail and UpdateTrail. What is nil was not said.
type trailArguments struct {
	S3BucketName, S3KeyPrefix, SnsTopicName          *string
	IncludeGlobalServiceEvents, IsMultiRegionTrail   *bool
	EnableLogFileValidation, IsOrganizationTrail     *bool
	CloudWatchLogsLogGroupArn, CloudWatchLogsRoleArn *string
	KmsKeyId                                         *string //nolint:revive // as clients spell it
	TagsList                                         []tag
}

// check refuses what this server does not do. To say that something should not be is fine.
func (in *trailArguments) check() error {
	given := func(s *string) bool { return s != nil && *s != "" }
	switch {
	case given(in.SnsTopicName):
		return sluice.Errorf(sluice.Invalid, "topic", "this server notifies no SNS topics: leave SnsTopicName out")
	case given(in.CloudWatchLogsLogGroupArn), given(in.CloudWatchLogsRoleArn):
		return sluice.Errorf(sluice.Unsupported, "cloudwatch", "this server delivers to no CloudWatch log groups: its events are in its own event history")
	case given(in.KmsKeyId):
		return sluice.Errorf(sluice.Invalid, "kms", "this server has no KMS: let the bucket encrypt by itself, and leave KmsKeyId out")
	case in.IsOrganizationTrail != nil && *in.IsOrganizationTrail:
		return sluice.Errorf(sluice.Unsupported, "", "there are no trails of an organization here: make one in each account")
	}
	return nil
}

// apply changes t as far as something was said.
func (in *trailArguments) apply(t *trails.Trail) {
	if in.S3BucketName != nil {
		t.Bucket = *in.S3BucketName
	}
	if in.S3KeyPrefix != nil {
		t.Prefix = *in.S3KeyPrefix
	}
	if in.IncludeGlobalServiceEvents != nil {
		t.GlobalEvents = *in.IncludeGlobalServiceEvents
	}
	if in.EnableLogFileValidation != nil {
		t.Validation = *in.EnableLogFileValidation
	}
	if in.IsMultiRegionTrail != nil {
		if t.Regions = ""; *in.IsMultiRegionTrail {
			t.Regions = allRegions
		}
	}
}

// allRegions is what the model has for a trail of all regions.
const allRegions = "All"

// trailModel is a trail. What CreateTrail and UpdateTrail answer has fewer members.
type trailModel struct {
	Name                       string
	S3BucketName               string
	S3KeyPrefix                string `json:",omitempty"`
	IncludeGlobalServiceEvents bool
	IsMultiRegionTrail         bool
	HomeRegion                 string `json:",omitempty"`
	TrailARN                   string
	LogFileValidationEnabled   bool
	HasCustomEventSelectors    *bool `json:",omitempty"`
	HasInsightSelectors        *bool `json:",omitempty"`
	IsOrganizationTrail        bool
}

func (a *API) made(t *trails.Trail) trailModel {
	return trailModel{
		Name: t.Name, S3BucketName: t.Bucket, S3KeyPrefix: t.Prefix, IncludeGlobalServiceEvents: t.GlobalEvents, IsMultiRegionTrail: t.Regions == allRegions,
		TrailARN: a.Trails.ARN(t), LogFileValidationEnabled: t.Validation,
	}
}

func (a *API) described(t *trails.Trail) trailModel {
	m, custom, insight := a.made(t), len(t.Basic)+len(t.Advanced) > 0, false
	m.HomeRegion, m.HasCustomEventSelectors, m.HasInsightSelectors = t.Region, &custom, &insight
	return m
}

func (a *API) createTrail(q *request) (any, error) {
	var in trailArguments
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	t := trails.Trail{Key: q.trail, GlobalEvents: true}
	in.apply(&t)
	var err error
	if t.Tags, err = tagged(nil, in.TagsList); err != nil {
		return nil, err
	}
	if t, err = a.Trails.Create(q.r.Context(), t); err != nil {
		return nil, err
	}
	return a.made(&t), nil
}

func (a *API) updateTrail(q *request) (any, error) {
	var in trailArguments
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	t, err := a.Trails.Update(q.r.Context(), q.trail, func(t *trails.Trail) error {
		in.apply(t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.made(&t), nil
}

func (a *API) deleteTrail(q *request) (any, error) {
	_, err := a.Trails.Delete(q.r.Context(), q.trail)
	return nil, err
}

func (a *API) startLogging(q *request) (any, error) {
	_, err := a.Trails.Start(q.r.Context(), q.trail)
	return nil, err
}

func (a *API) stopLogging(q *request) (any, error) {
	_, err := a.Trails.Stop(q.r.Context(), q.trail)
	return nil, err
}

func (a *API) getTrail(q *request) (any, error) {
	t, err := a.Trails.Get(q.r.Context(), q.trail)
	if err != nil {
		return nil, err
	}
	return struct{ Trail trailModel }{a.described(&t)}, nil
}

func (a *API) describeTrails(q *request) (any, error) {
	var in struct {
		Names []string `json:"trailNameList"`
	}
	if err := decode(q.body, &in); err != nil {
		return nil, err
	}
	all, err := a.Trails.List(q.r.Context(), q.principal.Account, trails.CloudTrail)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, name := range in.Names {
		k, err := a.Trails.CloudKey(q.principal.Account, name)
		if err != nil && sluice.KindOf(err) != sluice.NotFound {
			return nil, err
		}
		wanted[k.Name] = err == nil
	}
	out := struct {
		TrailList []trailModel `json:"trailList"`
	}{[]trailModel{}}
	for i := range all {
		if len(in.Names) == 0 || wanted[all[i].Name] {
			out.TrailList = append(out.TrailList, a.described(&all[i]))
		}
	}
	return out, nil
}

func (a *API) listTrails(q *request) (any, error) {
	all, err := a.Trails.List(q.r.Context(), q.principal.Account, trails.CloudTrail)
	if err != nil {
		return nil, err
	}
	type info struct{ TrailARN, Name, HomeRegion string }
	out := struct{ Trails []info }{[]info{}}
	for i := range all {
		out.Trails = append(out.Trails, info{a.Trails.ARN(&all[i]), all[i].Name, all[i].Region})
	}
	return out, nil
}
