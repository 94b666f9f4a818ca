package openapi

import (
	"errors"
	"strings"
	"testing"

	sls "github.com/alibabacloud-go/sls-20201230/v6/client"
	"github.com/alibabacloud-go/tea/tea"

	"github.com/sluicelog/sluice/test/compat/golang/observe"
)

// beside is what a project keeps beside its logs. Each part ends where the server refuses it.
func (l openAPI) beside(t *testing.T) {
	l.tags(t)
	l.policy(t)
	l.machines(t)
	l.dashboards(t)
	l.savedSearches(t)
	l.collectionPolicies(t)
}

func (l openAPI) tags(t *testing.T) {
	ids := []*string{l.project}
	if !l.Operation(t, "TagResources", func() error {
		_, err := l.c.TagResources(&sls.TagResourcesRequest{
			ResourceType: tea.String("project"), ResourceId: ids, Tags: []*sls.TagResourcesRequestTags{{Key: tea.String("team"), Value: tea.String("web")}},
		})
		return err
	}) {
		return
	}
	l.Operation(t, "ListTagResources", func() error {
		got, err := l.c.ListTagResources(&sls.ListTagResourcesRequest{ResourceType: tea.String("project"), ResourceId: ids})
		return observe.Is(err, func() string { return *got.Body.TagResources[0].TagKey + *got.Body.TagResources[0].TagValue }, "teamweb")
	})
	l.Operation(t, "UntagResources", func() error {
		_, err := l.c.UntagResources(&sls.UntagResourcesRequest{ResourceType: tea.String("project"), ResourceId: ids, Tags: tea.StringSlice([]string{"team"})})
		return err
	})
}

func (l openAPI) policy(t *testing.T) {
	text := `{"Version":"1","Statement":[{"Effect":"Deny","Action":["log:DeleteConfig"],"Principal":["*"],"Resource":"acs:log:*:*:project/*"}]}`
	if !l.Operation(t, "PutProjectPolicy", func() error {
		_, err := l.c.PutProjectPolicy(l.project, &sls.PutProjectPolicyRequest{Body: tea.String(text)})
		return err
	}) {
		return
	}
	l.Operation(t, "GetProjectPolicy", func() error { _, err := l.c.GetProjectPolicy(l.project); return err })
	l.Operation(t, "DeleteProjectPolicy", func() error { _, err := l.c.DeleteProjectPolicy(l.project); return err })
}

func (l openAPI) machines(t *testing.T) {
	group, config := tea.String("group"), tea.String("config")
	if !l.Operation(t, "CreateMachineGroup", func() error {
		_, err := l.c.CreateMachineGroup(l.project, &sls.CreateMachineGroupRequest{
			GroupName: group, MachineIdentifyType: tea.String("ip"), MachineList: tea.StringSlice([]string{"10.0.0.1"}),
			GroupAttribute: &sls.CreateMachineGroupRequestGroupAttribute{GroupTopic: tea.String("blue")},
		})
		return err
	}) {
		return
	}
	l.Operation(t, "GetMachineGroup", func() error {
		got, err := l.c.GetMachineGroup(l.project, group)
		return observe.Is(err, func() string { return words(*got.Body.MachineIdentifyType, *got.Body.MachineList[0]) }, "ip 10.0.0.1")
	})
	detail := map[string]any{"logType": "json_log", "logPath": "/var/log", "filePattern": "*.json", "localStorage": true, "topicFormat": "none"}
	if !l.Operation(t, "CreateConfig", func() error {
		_, err := l.c.CreateConfig(l.project, &sls.CreateConfigRequest{Body: &sls.LogtailConfig{
			ConfigName: config, InputType: tea.String("file"), InputDetail: detail, OutputType: tea.String("LogService"),
			OutputDetail: &sls.LogtailConfigOutputDetail{LogstoreName: l.store},
		}})
		return err
	}) {
		return
	}
	l.Operation(t, "GetConfig", func() error {
		got, err := l.c.GetConfig(l.project, config)
		return observe.Is(err, func() string { return words(got.Body.InputDetail["logType"]) }, "json_log")
	})
	l.Operation(t, "ApplyConfigToMachineGroup", func() error { _, err := l.c.ApplyConfigToMachineGroup(l.project, group, config); return err })
	l.Operation(t, "GetAppliedConfigs", func() error {
		got, err := l.c.GetAppliedConfigs(l.project, group)
		return observe.Is(err, func() string { return *got.Body.Configs[0] }, "config")
	})
	l.Operation(t, "GetAppliedMachineGroups", func() error {
		got, err := l.c.GetAppliedMachineGroups(l.project, config)
		return observe.Is(err, func() string { return *got.Body.Machinegroups[0] }, "group")
	})
	l.Operation(t, "RemoveConfigFromMachineGroup", func() error { _, err := l.c.RemoveConfigFromMachineGroup(l.project, group, config); return err })
	l.Operation(t, "DeleteConfig", func() error { _, err := l.c.DeleteConfig(l.project, config); return err })
	l.Operation(t, "DeleteMachineGroup", func() error { _, err := l.c.DeleteMachineGroup(l.project, group); return err })
}

func (l openAPI) dashboards(t *testing.T) {
	board := tea.String("board")
	if !l.Operation(t, "CreateDashboard", func() error {
		_, err := l.c.CreateDashboard(l.project, &sls.CreateDashboardRequest{Body: &sls.Dashboard{
			DashboardName: board, DisplayName: tea.String("Board"), Charts: []*sls.Chart{}, Attribute: map[string]*string{"type": tea.String("free")},
		}})
		return err
	}) {
		return
	}
	l.Operation(t, "GetDashboard", func() error {
		got, err := l.c.GetDashboard(l.project, board)
		return observe.Is(err, func() string { return *got.Body.DisplayName }, "Board")
	})
	l.Operation(t, "ListDashboard", func() error {
		got, err := l.c.ListDashboard(l.project, &sls.ListDashboardRequest{Offset: tea.Int32(0), Size: tea.Int32(10)})
		return observe.Is(err, func() string { return *got.Body.Dashboards[0] + *got.Body.DashboardItems[0].DisplayName }, "boardBoard")
	})
	l.Operation(t, "DeleteDashboard", func() error { _, err := l.c.DeleteDashboard(l.project, board); return err })
}

func (l openAPI) savedSearches(t *testing.T) {
	name := tea.String("errors")
	if !l.Operation(t, "CreateSavedSearch", func() error {
		_, err := l.c.CreateSavedSearch(l.project, &sls.CreateSavedSearchRequest{
			SavedsearchName: name, DisplayName: tea.String("Errors"), Logstore: l.store, SearchQuery: tea.String("status: 500"), Topic: tea.String(""),
		})
		return err
	}) {
		return
	}
	l.Operation(t, "GetSavedSearch", func() error {
		got, err := l.c.GetSavedSearch(l.project, name)
		return observe.Is(err, func() string { return *got.Body.SearchQuery }, "status: 500")
	})
	l.Operation(t, "DeleteSavedSearch", func() error { _, err := l.c.DeleteSavedSearch(l.project, name); return err })
}

func (l openAPI) collectionPolicies(t *testing.T) {
	name := tea.String("policy-of-" + *l.project)
	upsert := func(enabled bool) error {
		got, err := l.c.UpsertCollectionPolicy(&sls.UpsertCollectionPolicyRequest{
			PolicyName: name, ProductCode: tea.String("oss"), DataCode: tea.String("access_log"), Enabled: tea.Bool(enabled),
			PolicyConfig:      &sls.UpsertCollectionPolicyRequestPolicyConfig{ResourceMode: tea.String("instanceMode"), InstanceIds: tea.StringSlice([]string{"b1"})},
			CentralizeEnabled: tea.Bool(true),
			CentralizeConfig:  &sls.UpsertCollectionPolicyRequestCentralizeConfig{DestProject: l.project, DestLogstore: l.store, DestTTL: tea.Int32(7)},
		})
		if err == nil && !strings.Contains(tea.StringValue(got.Body.Message), "nothing is collected") {
			err = errors.New("got message " + tea.StringValue(got.Body.Message))
		}
		return err
	}
	if !l.Operation(t, "UpsertCollectionPolicy", func() error { return errors.Join(upsert(true), upsert(false)) }) {
		return
	}
	l.Operation(t, "GetCollectionPolicy", func() error {
		got, err := l.c.GetCollectionPolicy(name, &sls.GetCollectionPolicyRequest{})
		return observe.Is(err, func() string {
			p := got.Body.CollectionPolicy
			return words(*p.PolicyName, *p.Enabled, *p.PolicyConfig.InstanceIds[0], *p.CentralizeConfig.DestTTL)
		}, *name+" false b1 7")
	})
	l.Operation(t, "ListCollectionPolicies", func() error {
		got, err := l.c.ListCollectionPolicies(&sls.ListCollectionPoliciesRequest{PolicyName: name, ProductCode: tea.String("oss"), PageNum: tea.Int32(1), PageSize: tea.Int32(10)})
		return observe.Is(err, func() string {
			return words(*got.Body.TotalCount, *got.Body.CurrentCount, *got.Body.Data[0].PolicyName)
		}, "1 1 "+*name)
	})
	l.Operation(t, "DeleteCollectionPolicy", func() error {
		if _, err := l.c.DeleteCollectionPolicy(name, &sls.DeleteCollectionPolicyRequest{}); err != nil {
			return err
		}
		_, err := l.c.GetCollectionPolicy(name, &sls.GetCollectionPolicyRequest{})
		return observe.Is(nil, func() string { return codeOf(err) }, "PolicyNotExist")
	})
}
