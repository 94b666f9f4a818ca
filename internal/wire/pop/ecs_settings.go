package pop

import (
	"encoding/json"
	"strings"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/assistant"
)

// ModifyCloudAssistantSettings: InvocationDelivery makes delivery tasks in the project of the account's records (sluice-assistant is the root account's); the
// settings of agents and sessions are kept and told, and nothing acts on them.

var ecsSettings = []action{
	ecs("ModifyCloudAssistantSettings", true, (*API).modifySettings),
	ecs("DescribeCloudAssistantSettings", false, (*API).describeSettings),
}

//nolint:revive // as clients spell it
type ossSettings struct {
	DeliveryType                                                             string `json:",omitempty"`
	Enabled                                                                  looseBool
	BucketName, Prefix, EncryptionType, EncryptionAlgorithm, EncryptionKeyId string
}

type slsSettings struct {
	DeliveryType              string `json:",omitempty"`
	Enabled                   looseBool
	ProjectName, LogstoreName string
}

func (a *API) modifySettings(q *request) (any, error) {
	kind, err := q.text("SettingType")
	if err != nil {
		return nil, err
	}
	ctx := q.r.Context()
	if kind != assistant.InvocationDelivery {
		raw := map[string]any{}
		if _, err := q.dotted(kind, &raw); err != nil {
			return nil, err
		}
		return done(a.AssistantSettings.Keep(ctx, q.principal.Tenant(), kind, raw))
	}
	var change assistant.DeliveryChange
	var oss ossSettings
	if given, err := q.dotted("OssDeliveryConfig", &oss); err != nil {
		return nil, err
	} else if given {
		change.OSS = &assistant.OSSDelivery{
			Enabled: bool(oss.Enabled), Bucket: oss.BucketName, Prefix: oss.Prefix, EncryptionType: oss.EncryptionType,
			EncryptionAlgorithm: oss.EncryptionAlgorithm, EncryptionKeyID: oss.EncryptionKeyId,
		}
	}
	var sls slsSettings
	if given, err := q.dotted("SlsDeliveryConfig", &sls); err != nil {
		return nil, err
	} else if given {
		change.SLS = &assistant.SLSDelivery{Enabled: bool(sls.Enabled), Project: sls.ProjectName, Logstore: sls.LogstoreName}
		if change.SLS.Enabled && sls.ProjectName != "" { // that the name is missing, or that nothing is there, the service says
			q.call.Project = sls.ProjectName
			// Who makes records go there must be able to write there.
			if err := q.mayPost(sluice.LogstoreRef{Project: sls.ProjectName, Logstore: sls.LogstoreName}); err != nil && sluice.KindOf(err) != sluice.NotFound {
				return nil, err
			}
		}
	}
	return done(a.AssistantSettings.SetDelivery(ctx, q.principal.Tenant(), change))
}

func (a *API) describeSettings(q *request) (any, error) {
	kinds := q.list("SettingType")
	if len(kinds) == 0 {
		return nil, missing("SettingType")
	}
	out := struct {
		OssDeliveryConfigs struct{ OssDeliveryConfig []ossSettings }
		SlsDeliveryConfigs struct{ SlsDeliveryConfig []slsSettings }

		AgentUpgradeConfig, SessionManagerConfig, ResourceUsageConfig json.RawMessage `json:",omitempty"`
	}{}
	out.OssDeliveryConfigs.OssDeliveryConfig, out.SlsDeliveryConfigs.SlsDeliveryConfig = []ossSettings{}, []slsSettings{}
	for _, kind := range kinds {
		if kind == assistant.InvocationDelivery {
			d, err := a.AssistantSettings.Delivery(q.r.Context(), q.principal.Tenant())
			if err != nil {
				return nil, err
			}
			const name = "Invocation"
			if o := d.OSS; o != nil {
				out.OssDeliveryConfigs.OssDeliveryConfig = append(out.OssDeliveryConfigs.OssDeliveryConfig, ossSettings{
					name, looseBool(o.Enabled), o.Bucket, o.Prefix, o.EncryptionType, o.EncryptionAlgorithm, o.EncryptionKeyID,
				})
			}
			if s := d.SLS; s != nil {
				out.SlsDeliveryConfigs.SlsDeliveryConfig = append(out.SlsDeliveryConfigs.SlsDeliveryConfig, slsSettings{
					name, looseBool(s.Enabled), s.Project, s.Logstore,
				})
			}
			continue
		}
		raw, err := a.AssistantSettings.Kept(q.r.Context(), q.principal.Tenant(), kind)
		if err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(kind, "AgentUpgrade"):
			out.AgentUpgradeConfig = raw
		case kind == "SessionManagerConfig":
			out.SessionManagerConfig = raw
		case kind == "ResourceUsageConfig":
			out.ResourceUsageConfig = raw
		}
	}
	return out, nil
}
