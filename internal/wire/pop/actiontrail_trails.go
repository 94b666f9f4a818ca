package pop

import (
	"slices"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/trail/trails"
)

// CreateTrail, UpdateTrail: what of the account's events is delivered to a logstore, to a bucket of OSS, or to both.
//
// Differs: buckets are reached with the credentials and under the rules that the server is configured with, whatever role is named. Organization trails and MaxCompute
// are not served, nor in version 2017-12-04 MnsTopicArn.

// DescribeTrails: the trails of the account.

// DeleteTrail, StartLogging, StopLogging: what happened before is still delivered.

var auditTrails = []action{
	audit("CreateTrail", true, (*API).createTrail, theTrail),
	audit("UpdateTrail", true, (*API).updateTrail, theTrail),
	audit("DeleteTrail", true, (*API).deleteTrail, theTrail),
	audit("StartLogging", true, (*API).startLogging, theTrail),
	audit("StopLogging", true, (*API).stopLogging, theTrail),
	audit("DescribeTrails", false, (*API).describeTrails, anyTrail),
	audit("GetTrailStatus", false, (*API).getTrailStatus, theTrail),

	oldAudit(audit("CreateTrail", true, (*API).createTrail, theTrail)),
	oldAudit(audit("UpdateTrail", true, (*API).updateTrail, theTrail)),
	oldAudit(audit("DeleteTrail", true, (*API).deleteTrail, theTrail)),
	oldAudit(audit("StartLogging", true, (*API).startLogging, theTrail)),
	oldAudit(audit("StopLogging", true, (*API).stopLogging, theTrail)),
	oldAudit(audit("DescribeTrails", false, (*API).describeTrails, anyTrail)),
	oldAudit(audit("GetTrailStatus", false, (*API).getTrailStatus, theTrail)),
}

// trailTarget is a trail as clients name it.
type trailTarget struct {
	Name, HomeRegion, OssBucketName, OssKeyPrefix, OssWriteRoleArn, SlsProjectArn, SlsWriteRoleArn, EventRW, TrailRegion string
	RoleName                                                                                                             string `json:",omitempty"` // of the old version
}

func (q *request) target(t *trails.Trail) trailTarget {
	m := trailTarget{
		Name: t.Name, HomeRegion: t.Region, OssBucketName: t.Bucket, OssKeyPrefix: t.Prefix, OssWriteRoleArn: t.Role,
		SlsProjectArn: t.ProjectARN, SlsWriteRoleArn: t.ProjectRole, EventRW: eventRW(t.RW), TrailRegion: t.Regions,
	}
	if q.action.version == oldActionTrailVersion {
		m.RoleName, m.OssWriteRoleArn = t.Role, ""
	}
	return m
}

// readWrites are the words of trails for what this API calls otherwise.
var readWrites = map[string]trails.ReadWrite{"Read": trails.ReadOnly, "Write": trails.WriteOnly, "All": trails.All}

func eventRW(rw trails.ReadWrite) string {
	for name, value := range readWrites {
		if value == rw {
			return name
		}
	}
	return "Write"
}

const allRegions = "All"

func (a *API) createTrail(q *request) (any, error) {
	key, err := q.trailKey(paramTrail)
	if err != nil {
		return nil, err
	}
	t := trails.Trail{Key: key, Selection: trails.Selection{RW: trails.WriteOnly}}
	t.Regions = allRegions
	if err := a.describe(q, &t); err != nil {
		return nil, err
	}
	if t, err = a.Trails.Create(q.r.Context(), t); err != nil {
		return nil, err
	}
	return q.target(&t), nil
}

func (a *API) updateTrail(q *request) (any, error) {
	key, err := q.trailKey(paramTrail)
	if err != nil {
		return nil, err
	}
	t, err := a.Trails.Update(q.r.Context(), key, func(t *trails.Trail) error { return a.describe(q, t) })
	if err != nil {
		return nil, err
	}
	return q.target(&t), nil
}

// notServed are parameters that trails cannot have here.
var notServed = []string{"MaxComputeProjectArn", "MaxComputeWriteRoleArn", "MnsTopicArn"}

// describe changes what the parameters name of a trail, and nothing else.
func (a *API) describe(q *request, t *trails.Trail) error {
	for _, name := range notServed {
		if q.params.Get(name) != "" {
			return sluice.Errorf(sluice.Unsupported, "parameter", "%s is not served here: trails deliver to logstores and to buckets of OSS", name)
		}
	}
	all, err := q.isSet("IsOrganizationTrail")
	switch {
	case err != nil:
		return err
	case all:
		return sluice.Errorf(sluice.Unsupported, "parameter", "organization trails are not served here: make a trail in each account")
	}
	for name, field := range map[string]*string{
		"OssBucketName": &t.Bucket, "OssKeyPrefix": &t.Prefix, "OssWriteRoleArn": &t.Role, "RoleName": &t.Role, "SlsWriteRoleArn": &t.ProjectRole,
	} {
		if v := q.given(name); v != nil {
			*field = *v
		}
	}
	if err := a.describeProject(q, t); err != nil {
		return err
	}
	if v := q.params.Get("EventRW"); v != "" {
		rw, ok := readWrites[v]
		if !ok {
			return invalid("EventRW", "%.20q is none of Read, Write and All", v)
		}
		t.RW = rw
	}
	return a.describeRegions(q, t)
}

// describeProject takes the project that SlsProjectArn names: acs:log:cn-hangzhou:1234567890123456:project/web. One that is empty takes the trail's project away.
func (a *API) describeProject(q *request, t *trails.Trail) error {
	given := q.given("SlsProjectArn")
	if given == nil {
		return nil
	}
	t.ProjectARN, t.Project = *given, ""
	if *given == "" {
		return nil
	}
	parts := strings.Split(*given, ":")
	const fields = 5
	if len(parts) != fields || parts[0] != "acs" || parts[1] != "log" {
		return invalid("SlsProjectArn", "%.200q is not acs:log:REGION:ACCOUNT:project/NAME", *given)
	}
	if parts[3] != q.account() {
		return invalid("SlsProjectArn", "%.200q is a project of another account", *given)
	}
	name, ok := strings.CutPrefix(parts[4], "project/")
	if !ok {
		return invalid("SlsProjectArn", "%.200q is not acs:log:REGION:ACCOUNT:project/NAME", *given)
	}
	t.Project = name
	return nil
}

// describeRegions takes regions among which this server's has to be, since a trail of others alone would never deliver anything.
func (a *API) describeRegions(q *request, t *trails.Trail) error {
	v := q.params.Get("TrailRegion")
	if v == "" {
		return nil
	}
	const most = 1000
	if v != allRegions && !slices.Contains(strings.Split(v, ","), a.Trails.Region()) || len(v) > most {
		return invalid("TrailRegion", "%.80q is neither All nor has it this server's region, %s", v, a.Trails.Region())
	}
	t.Regions = v
	return nil
}

// changeTrail is an action on a trail that answers with nothing.
func (a *API) changeTrail(q *request, change func(trails.Key) error) (any, error) {
	key, err := q.trailKey(paramTrail)
	if err != nil {
		return nil, err
	}
	return nil, change(key)
}

func (a *API) deleteTrail(q *request) (any, error) {
	return a.changeTrail(q, func(k trails.Key) error {
		_, err := a.Trails.Delete(q.r.Context(), k)
		return err
	})
}

func (a *API) startLogging(q *request) (any, error) {
	return a.changeTrail(q, func(k trails.Key) error {
		_, err := a.Trails.Start(q.r.Context(), k)
		return err
	})
}

func (a *API) stopLogging(q *request) (any, error) {
	return a.changeTrail(q, func(k trails.Key) error {
		_, err := a.Trails.Stop(q.r.Context(), k)
		return err
	})
}

// trailModel is a trail in a list.
type trailModel struct {
	trailTarget
	Region, TrailArn, Status           string
	OssBucketLocation                  string `json:",omitempty"`
	IsOrganizationTrail, IsShadowTrail bool
	CreateTime, UpdateTime             string
	StartLoggingTime, StopLoggingTime  string `json:",omitempty"`
}

func (a *API) describeTrails(q *request) (any, error) {
	all, err := a.Trails.List(q.r.Context(), q.account(), trails.ActionTrail)
	if err != nil {
		return nil, err
	}
	if names := q.params.Get("NameList"); names != "" {
		wanted := strings.Split(names, ",")
		all = slices.DeleteFunc(all, func(t trails.Trail) bool { return !slices.Contains(wanted, t.Name) })
	}
	return struct{ TrailList []trailModel }{each(all, func(t trails.Trail) trailModel { return a.trailModel(q, &t) })}, nil
}

func (a *API) trailModel(q *request, t *trails.Trail) trailModel {
	m := trailModel{
		trailTarget: q.target(t), Region: t.Region, TrailArn: a.Trails.ARN(t), Status: trailState(t),
		CreateTime: dated(t.Created), UpdateTime: dated(t.Modified), StartLoggingTime: dated(t.Since), StopLoggingTime: dated(t.Until),
	}
	if t.Bucket != "" {
		m.OssBucketLocation = a.OSS.Region
	}
	return m
}

// trailState says whether a trail logs: Fresh for one that never did.
func trailState(t *trails.Trail) string {
	switch {
	case t.Logging:
		return "Enable"
	case t.Since.IsZero():
		return "Fresh"
	}
	return "Disable"
}
