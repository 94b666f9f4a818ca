package assistant

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones of schedules, on machines that have none

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog"
	"github.com/sluicelog/sluice/internal/delivery"
	"github.com/sluicelog/sluice/internal/delivery/pipeline"
	"github.com/sluicelog/sluice/internal/meta"
)

// InvocationDelivery is the type of the settings that say where records go.
const InvocationDelivery = "InvocationDelivery"

// keptSettings are types of settings that are kept and told, and that nothing here acts on.
var keptSettings = []string{"AgentUpgradeConfig", "SessionManagerConfig", "ResourceUsageConfig"}

// OSSDelivery says to which bucket records go.
type OSSDelivery struct {
	Enabled             bool   `json:"enabled"`
	Bucket              string `json:"bucket"`
	Prefix              string `json:"prefix,omitempty"`
	EncryptionType      string `json:"encryptionType,omitempty"` // Inherit, OssManaged, KMS
	EncryptionAlgorithm string `json:"encryptionAlgorithm,omitempty"`
	EncryptionKeyID     string `json:"encryptionKeyId,omitempty"`
}

// SLSDelivery says to which logstore of this server records go, beside the assistant's own.
type SLSDelivery struct {
	Enabled  bool   `json:"enabled"`
	Project  string `json:"project,omitempty"`
	Logstore string `json:"logstore,omitempty"`
}

// DeliveryChange is where records go; nil leaves a part as it is.
type DeliveryChange struct {
	OSS *OSSDelivery `json:"oss,omitempty"`
	SLS *SLSDelivery `json:"sls,omitempty"`
}

// Settings are those of the assistant, of each account. Records go from the logstore of their account to where the settings say by delivery tasks, of records that are made from then on.
type Settings struct {
	s     *Service
	cat   *catalog.Catalog
	tasks *delivery.Engine
	role  delivery.OSSRole
}

// NewSettings makes the settings of s, whose delivery tasks run in an engine.
func NewSettings(s *Service, tasks *delivery.Engine, role delivery.OSSRole) *Settings {
	return &Settings{s: s, cat: s.cat, tasks: tasks, role: role}
}

// Names of the delivery tasks.
const (
	taskOSS = "records-to-bucket"
	taskSLS = "records-to-logstore"
)

// deliveryAge is how long a record waits for others at most.
const deliveryAge = time.Second

// SetDelivery says where an account's records go from now on. Whether the caller may write to a logstore is asked before.
func (x *Settings) SetDelivery(ctx context.Context, account string, m DeliveryChange) error {
	if m.OSS == nil && m.SLS == nil {
		return fail(sluice.Invalid, "MissingParameter.OssDeliveryConfig", "give OssDeliveryConfig, SlsDeliveryConfig or both")
	}
	if err := errorsFirst(m.OSS.check(), x.checkSLS(ctx, m.SLS)); err != nil {
		return err
	}
	if err := x.s.outbox.stores.ensure(ctx, account, Records(account), recordIndex); err != nil {
		return err
	}
	if m.OSS != nil {
		if err := x.setTask(ctx, account, taskOSS, m.OSS.Enabled, m.OSS.section); err != nil {
			return err
		}
	}
	if m.SLS != nil {
		if err := x.setTask(ctx, account, taskSLS, m.SLS.Enabled, m.SLS.section); err != nil {
			return err
		}
	}
	kind := of(kindSettings, account)
	return x.s.commits.do(func(tx meta.Tx) (func(), error) {
		now, err := get[DeliveryChange](tx, kind, InvocationDelivery)
		if err != nil {
			return nil, err
		}
		if now == nil {
			now = &DeliveryChange{}
		}
		if m.OSS != nil {
			now.OSS = m.OSS
		}
		if m.SLS != nil {
			now.SLS = m.SLS
		}
		return nil, put(tx, kind, InvocationDelivery, "", now)
	})
}

// Delivery is where an account's records go.
func (x *Settings) Delivery(ctx context.Context, account string) (d DeliveryChange, err error) {
	err = x.s.store.View(ctx, func(tx meta.Tx) error {
		now, err := get[DeliveryChange](tx, of(kindSettings, account), InvocationDelivery)
		if now != nil {
			d = *now
		}
		return err
	})
	return d, err
}

const maxOSSPrefix = 254

func (o *OSSDelivery) check() error {
	if o == nil || !o.Enabled {
		return nil
	}
	code := ""
	switch {
	case o.Bucket == "":
		code = "OssBucketName"
	case len(o.Prefix) > maxOSSPrefix, strings.HasPrefix(o.Prefix, "/"), strings.HasPrefix(o.Prefix, "\\"):
		code = "OssPrefix"
	case !slices.Contains([]string{"", "Inherit", "OssManaged", "KMS"}, o.EncryptionType):
		code = "OssEncryptionType"
	case !slices.Contains([]string{"", "AES256", "SM4"}, o.EncryptionAlgorithm):
		code = "OssEncryptionAlgorithm"
	case o.EncryptionKeyID != "" && o.EncryptionType != "KMS":
		code = "OssEncryptionKeyId"
	}
	if code != "" {
		return fail(sluice.Invalid, "InvalidParameter."+code, "%s is missing, or is not what it may be", code)
	}
	return nil
}

// encryption is what the sink is asked for.
func (o *OSSDelivery) encryption() string {
	switch {
	case o.EncryptionType == "OssManaged" && o.EncryptionAlgorithm == "SM4":
		return "SM4"
	case o.EncryptionType == "OssManaged":
		return "AES256"
	case o.EncryptionType == "KMS" && o.EncryptionAlgorithm == "SM4":
		return "KMS-SM4"
	case o.EncryptionType == "KMS":
		return "KMS"
	}
	return ""
}

func (o *OSSDelivery) section(project string, role delivery.OSSRole) (map[string]any, error) {
	m := map[string]any{"type": "oss", "bucket": o.Bucket, "prefix": strings.Trim(o.Prefix, "/"), "layout": "executions", "encryption": o.encryption()}
	if o.EncryptionKeyID != "" {
		m["encryptionKeyId"] = o.EncryptionKeyID
	}
	return m, role.Fill(project, m)
}

func (x *Settings) checkSLS(ctx context.Context, s *SLSDelivery) error {
	if s == nil || !s.Enabled {
		return nil
	}
	_, err := x.cat.Logstore(ctx, sluice.LogstoreRef{Project: s.Project, Logstore: s.Logstore})
	var e *sluice.Error
	switch {
	case s.Project == "":
		return fail(sluice.Invalid, "InvalidParameter.SlsProjectName", "ProjectName is missing")
	case s.Logstore == "":
		return fail(sluice.Invalid, "InvalidParameter.SlsLogstoreName", "LogstoreName is missing")
	case sluice.KindOf(err) != sluice.NotFound:
		return err
	}
	if errors.As(err, &e) && e.Noun == "project" {
		return fail(sluice.NotFound, "InvalidSlsProjectName.NotFound", "project %.80q does not exist", s.Project)
	}
	return fail(sluice.NotFound, "InvalidSlsLogstoreName.NotFound", "logstore %.80q does not exist", s.Logstore)
}

func (s *SLSDelivery) section(string, delivery.OSSRole) (map[string]any, error) {
	return map[string]any{"type": "sls", "project": s.Project, "logstore": s.Logstore}, nil
}

// setTask makes a delivery task of an account's records anew, or ends it.
func (x *Settings) setTask(ctx context.Context, account, name string, enabled bool, section func(string, delivery.OSSRole) (map[string]any, error)) error {
	from := Records(account)
	if err := x.tasks.Delete(ctx, from.Project, name); err != nil && sluice.KindOf(err) != sluice.NotFound {
		return err
	}
	if !enabled {
		return nil
	}
	to, err := section(from.Project, x.role)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(to)
	if err != nil {
		return err
	}
	spec := &delivery.Spec{
		Name: name, Description: "set by ModifyCloudAssistantSettings", Source: delivery.Source{Logstore: from.Logstore},
		Limits: delivery.Limits{Logs: maxGroupRecords, Age: delivery.Duration(deliveryAge)}, Sink: raw,
	}
	if name == taskOSS {
		spec.Spec = pipeline.Spec{Fields: []string{"*"}, Types: recordTypes}
	}
	if _, err := x.tasks.Create(ctx, from.Project, spec); err != nil {
		return err
	}
	_, err = x.tasks.Start(ctx, from.Project, name, delivery.FromPoint)
	return err
}

// recordTypes are the fields of records that are no text in JSON.
var recordTypes = map[string]string{
	"ResourceOwnerUid": "number", "CallerUid": "number", "Timeout": "number", "Repeats": "number", "Dropped": "number", "ExitCode": "number",
	"Overwrite": "bool",
}

// Keep keeps settings of an account that nothing here acts on.
func (x *Settings) Keep(_ context.Context, account, kind string, value map[string]any) error {
	if !slices.Contains(keptSettings, kind) {
		return fail(sluice.Invalid, "InvalidParameter.SettingType", "setting type %.40q is none of %s, %s", kind, InvocationDelivery, strings.Join(keptSettings, ", "))
	}
	return x.s.commits.do(func(tx meta.Tx) (func(), error) { return nil, put(tx, of(kindSettings, account), kind, "", value) })
}

// Kept is what was kept; nil if nothing was.
func (x *Settings) Kept(ctx context.Context, account, kind string) (raw json.RawMessage, err error) {
	if !slices.Contains(keptSettings, kind) {
		return nil, fail(sluice.Invalid, "InvalidParameter.SettingType", "setting type %.40q is none of %s, %s", kind, InvocationDelivery, strings.Join(keptSettings, ", "))
	}
	err = x.s.store.View(ctx, func(tx meta.Tx) error {
		row, err := tx.Item(of(kindSettings, account), kind)
		if sluice.KindOf(err) == sluice.NotFound {
			return nil
		}
		raw = row.Body
		return err
	})
	return raw, err
}
