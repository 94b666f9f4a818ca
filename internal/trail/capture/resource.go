package capture

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sluicelog/sluice/internal/trail"
	"github.com/sluicelog/sluice/internal/wire"
)

// products are services as types of resources have them.
var products = map[string]string{
	trail.ServiceSLS: "SLS", trail.ServiceECS: "ECS", trail.ServiceOOS: "OOS", trail.ServiceESA: "ESA", trail.ServiceRAM: "RAM", trail.ServiceSTS: "RAM",
	trail.ServiceActionTrail: "ActionTrail", trail.ServiceCloudTrail: "ActionTrail", trail.ServiceQueue: "MNS", trail.ServiceAgent: "SLS",
}

// kinds are the kinds of objects below a project or an account, by their names in RAM's resources.
var kinds = map[string]string{
	"consumergroup": "ConsumerGroup", "logtailconfig": "LogtailConfig", "machinegroup": "MachineGroup", "savedsearch": "SavedSearch", "dashboard": "Dashboard",
	"job": "Job", "delivery": "DeliveryTask", "shipper": "Shipper", "domain": "Domain", "etljob": "EtlJob", "externalstore": "ExternalStore",
	"metricstore": "MetricStore", "metricsconfig": "MetricsConfig", "storeview": "StoreView", "resource": "Resource", "record": "ResourceRecord",
	"topostore": "Topostore", "substore": "SubStore", "queue": "Queue", "trail": "Trail",
}

// named are parameters that name what is acted on, by service, outermost first.
var named = map[string][]struct{ param, kind string }{
	trail.ServiceSLS: {
		{"consumerGroup", "ConsumerGroup"},
		{"groupName", "MachineGroup"},
		{"configName", "LogtailConfig"},
		{"dashboardName", "Dashboard"},
		{"savedsearchName", "SavedSearch"},
		{"shipperName", "Shipper"},
	},
	trail.ServiceECS: {
		{"InstanceId", "Instance"}, {"CommandId", "Command"}, {"InvokeId", "Invocation"}, {"ActivationId", "Activation"}, {"SessionId", "Session"}, {"ResourceId", "Resource"},
	},
	trail.ServiceOOS: {{"Name", "Parameter"}},
	trail.ServiceESA: {{"SiteId", "Site"}, {"TaskName", "DeliveryTask"}},
	trail.ServiceRAM: {
		{"UserName", "User"}, {"GroupName", "Group"}, {"RoleName", "Role"}, {"PolicyName", "Policy"}, {"UserAccessKeyId", "AccessKey"},
	},
	trail.ServiceSTS:         {{"RoleArn", "Role"}},
	trail.ServiceActionTrail: {{"Name", "Trail"}, {"TrailName", "Trail"}},
	trail.ServiceCloudTrail:  {{"Name", "Trail"}, {"TrailName", "Trail"}, {"ResourceId", "Trail"}},
	trail.ServiceQueue:       {{"QueueName", "Queue"}},
}

// maxResources is how many are told.
const maxResources = 50

// resources are what a call acts on, outermost first.
func resources(c *wire.Call, service string, d *wire.Detail, account, region string) (list []trail.Resource) {
	product := products[service]
	if product == "" {
		return nil
	}
	add := func(kind, name string) {
		r := trail.Resource{Type: "ACS::" + product + "::" + kind, Name: short(name)}
		if name != "" && len(list) < maxResources && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	if service == trail.ServiceSLS || service == trail.ServiceAgent {
		arn := "acs:log:" + region + ":" + account + ":project/"
		add("Project", cmp.Or(c.Project, first(d.Params, "projectName")))
		if len(list) > 0 {
			add("Logstore", cmp.Or(c.Logstore, first(d.Params, "logstoreName")))
		}
		for i := range list {
			if arn += list[i].Name; i == 0 {
				list[i].ARN = arn
				arn += "/logstore/"
			} else {
				list[i].ARN = arn
			}
		}
	}
	for _, object := range d.Objects {
		kind, name, _ := strings.Cut(object, "/")
		if known, ok := kinds[kind]; ok {
			add(known, name)
		}
	}
	for _, n := range named[service] {
		for _, value := range values(d.Params, n.param) {
			add(n.kind, value)
		}
	}
	return list
}

// values are those of a parameter and, in order, of one that is an array: InstanceId.1, InstanceId.2.
func values(params map[string]any, name string) (list []string) {
	var names []string
	for param := range params {
		if rest, ok := strings.CutPrefix(param, name); ok && (rest == "" || rest[0] == '.' && strings.Trim(rest[1:], "0123456789") == "") {
			names = append(names, param)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	for _, param := range names {
		switch v := params[param].(type) {
		case string:
			list = append(list, v)
		case []string:
			list = append(list, v...)
		}
	}
	return list
}

// first is the first value of a parameter that is text; "" if there is none.
func first(params map[string]any, name string) string {
	text, _ := params[name].(string)
	return text
}
