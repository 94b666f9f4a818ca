package control

import (
	"regexp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Kind is what documents of one sort have in common.
type Kind struct {
	Name    string         // what they are stored under
	Noun    string         // of errors, of which a dialect makes its codes
	Title   string         // in messages: "machine group"
	Taken   string         // the message for a name that is taken, where clients compare it; "" for one that tells the name
	NameKey string         // the member that names a document
	Names   *regexp.Regexp // what names look like; Rule says it
	Rule    string
	Limit   int   // documents in one place, unless the operator says another number
	Parent  *Kind // a document lies below one of this kind; nil for those of a project, a logstore or an account
	Account bool  // documents belong to an account, not to a project

	// Members with times, unix seconds, which answers have and requests need not [createTime, lastModifyTime].
	Created, Modified []string

	rival    string                                            // a kind that shares the names of this one
	secrets  []string                                          // members, at any depth, whose text is secret, and shown to nobody
	sealed   bool                                              // any member may be secret: all of it is sealed at rest, and shown to who may read it
	validate func(Document) error                              // beyond the name; its error says what is wrong
	fill     func(Document, meta.Document)                     // sets what clients insist on
	settle   func(old, new Document)                           // decides what a client left open; old is nil for a new document
	unlink   func(tx meta.Tx, scope string, name string) error // takes away what points to a document that goes
}

// What names look like (reference sls-api 7). Names go into keys of metadata, where "/" has a meaning.
var (
	lowerName  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{1,126}[a-z0-9]$`)
	wordName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9])?$`)
	jobName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}[A-Za-z0-9]$`)
	storeName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,61}[A-Za-z0-9]$`)
	freeName   = regexp.MustCompile(`^[^/\x00-\x1f\x7f]{1,128}$`)
	shortName  = regexp.MustCompile(`^[^/\x00-\x1f\x7f]{2,63}$`)
	domainName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
	anyID      = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,256}$`)
)

// Rules of those names.
const (
	lowerRule  = "3 to 128 lower-case letters, digits, - and _, with a letter or digit at both ends"
	wordRule   = "1 to 128 letters, digits, -, _ and ., with a letter or digit at both ends"
	jobRule    = "2 to 64 letters, digits, - and _, with a letter or digit at both ends"
	storeRule  = "2 to 63 letters, digits, - and _, with a letter or digit at both ends"
	freeRule   = "1 to 128 characters without / and control characters"
	shortRule  = "2 to 63 characters without / and control characters"
	domainRule = "a domain name of at most 253 characters"
	idRule     = "1 to 256 characters without control characters"
)

// Limits of one place (reference sls-api 7; where it names none, a number that bounds what a project takes).
const (
	manyDocuments = 10_000
	manyRecords   = 100_000
)

// The kinds.
var (
	MachineGroups = &Kind{
		Name: groupKind, Noun: "machinegroup", Title: "machine group", NameKey: "groupName", Names: lowerName, Rule: lowerRule,
		Limit: 200, validate: checkMachineGroup, unlink: unlinkGroup,
	}
	Configs = &Kind{
		Name: configKind, Noun: "config", Title: "config", NameKey: "configName", Names: wordName, Rule: wordRule,
		Limit: 200, sealed: true, rival: pipelineKind, validate: checkConfig, unlink: unlinkConfig,
	}
	PipelineConfigs = &Kind{
		Name: pipelineKind, Noun: "config", Title: "pipeline config", NameKey: "configName", Names: wordName, Rule: wordRule,
		Limit: 200, sealed: true, rival: configKind, validate: checkPipeline, unlink: unlinkConfig,
	}
	SavedSearches = &Kind{
		Name: "savedsearch", Noun: "savedsearch", Title: "savedsearch", NameKey: "savedsearchName", Names: shortName, Rule: shortRule,
		Limit: 100, validate: members{{"searchQuery", aText, false}, {"logstore", aText, false}, {"topic", aText, false}, {"displayName", aText, false}}.check,
	}
	Dashboards = &Kind{
		Name: "dashboard", Noun: "dashboard", Title: "dashboard", Taken: "specified dashboard already exists", NameKey: "dashboardName", Names: freeName, Rule: freeRule,
		Limit: 100, validate: checkDashboard, fill: fillDashboard,
	}
	Jobs = &Kind{
		Name: "job", Noun: "job", Title: "Job", NameKey: "name", Names: jobName, Rule: jobRule,
		Limit: manyDocuments, Modified: []string{"lastModifyTime", "lastModifiedTime"},
		secrets: []string{
			"accessKeySecret", "awsAccessKeySecret", "odpsAccessSecret", "odpsAccessAecret", // a client spells it so
			"password", "secret", "secretAccessKey", "communication", // the last is JSON as text, with a password of Kafka in it
		},
		validate: checkJob, fill: fillJob, settle: settleJob,
	}
	ExternalStores = &Kind{
		Name: "externalstore", Noun: "externalstore", Title: "external store", NameKey: "externalStoreName", Names: storeName, Rule: storeRule,
		Limit: manyDocuments, secrets: []string{"password", "accesskey", "accessKeySecret"},
		validate: members{{"storeType", aText, true}, {"parameter", anObject, true}}.check,
	}
	StoreViews = &Kind{
		Name: "storeview", Noun: "storeview", Title: "store view", NameKey: "name", Names: storeName, Rule: storeRule,
		Limit: manyDocuments, validate: checkStoreView,
	}
	MetricsConfigs = &Kind{
		Name: "metricsconfig", Noun: "metricsconfig", Title: "metrics config", NameKey: "metricStore", Names: storeName, Rule: storeRule,
		Limit: manyDocuments, validate: members{{"metricsConfigDetail", aText, true}}.check,
	}
	SubStores = &Kind{
		Name: "substore", Noun: "substore", Title: "substore", NameKey: "name", Names: storeName, Rule: storeRule,
		Limit: 100, validate: checkSubStore,
	}
	Domains = &Kind{
		Name: "domain", Noun: "domain", Title: "domain", NameKey: "domainName", Names: domainName, Rule: domainRule, Limit: 100,
	}
	EtlJobs = &Kind{
		Name: "etljob", Noun: "etljob", Title: "etl job", NameKey: "etlJobName", Names: freeName, Rule: freeRule,
		Limit: manyDocuments, Modified: []string{"updateTime"}, secrets: []string{"accessKeySecret"},
		validate: members{{"sourceConfig", anObject, false}, {"triggerConfig", anObject, false}, {"functionConfig", anObject, false}}.check,
	}
	Resources = &Kind{
		Name: "resource", Noun: "resource", Title: "resource", NameKey: "name", Names: wordName, Rule: wordRule,
		Account: true, Limit: manyDocuments,
		validate: members{{"type", aText, false}, {"schema", aText, false}, {"description", aText, false}, {"extInfo", aText, false}, {"acl", aText, false}}.check,
		fill:     fillTexts("type", "", "schema", `{"schema":[]}`, "description", "", "extInfo", "", "acl", "{}"),
	}
	Records = &Kind{
		Name: "record", Noun: "record", Title: "resource record", NameKey: "id", Names: anyID, Rule: idRule, Parent: Resources,
		Account: true, Limit: manyRecords, sealed: true,
		validate: members{{"tag", aText, false}, {"value", aText, true}}.check, fill: fillTexts("tag", "", "value", "{}"),
	}
	TopoStores = &Kind{
		Name: "topostore", Noun: "topostore", Title: "topostore", NameKey: "name", Names: wordName, Rule: wordRule,
		Account: true, Limit: manyDocuments,
		validate: members{{"tag", aText, false}, {"schema", aText, false}, {"description", aText, false}, {"acl", aText, false}}.check,
		fill:     fillTexts("tag", "{}", "schema", "{}", "description", "", "acl", "{}"),
	}
	TopoNodes = &Kind{
		Name: "node", Noun: "toponode", Title: "topostore node", NameKey: "nodeId", Names: anyID, Rule: idRule, Parent: TopoStores,
		Account: true, Limit: manyRecords, validate: members{{"nodeType", aText, true}, {"property", aText, false}}.check, fill: fillTexts("property", "{}"),
	}
	TopoRelations = &Kind{
		Name: "relation", Noun: "toporelation", Title: "topostore relation", NameKey: "relationId", Names: anyID, Rule: idRule, Parent: TopoStores,
		Account: true, Limit: manyRecords,
		validate: members{{"relationType", aText, true}, {"srcNodeId", aText, true}, {"dstNodeId", aText, true}, {"property", aText, false}}.check,
		fill:     fillTexts("property", "{}"),
	}
)

// member is what a kind asks of a member of its documents.
type member struct {
	name     string
	is       jsonType
	required bool
}

// members are all that a kind asks of its documents.
type members []member

func (m members) check(d Document) error {
	for _, f := range m {
		if err := want(d, f.name, f.is, f.required); err != nil {
			return err
		}
	}
	return nil
}

// fillTexts sets texts that are missing: pairs of a name and a text.
func fillTexts(pairs ...string) func(Document, meta.Document) {
	return func(d Document, _ meta.Document) {
		for i := 0; i < len(pairs); i += 2 {
			d.Fill(pairs[i], pairs[i+1])
		}
	}
}

// check returns what is wrong with a document.
func (k *Kind) check(d Document) error {
	if k.validate == nil {
		return nil
	}
	if err := k.validate(d); err != nil {
		return k.invalid("invalid %s: %v", k.Title, err)
	}
	return nil
}

// nameOf returns the name of a new document.
func (k *Kind) nameOf(d Document) (string, error) {
	if err := want(d, k.NameKey, aText, true); err != nil {
		return "", k.invalid("invalid %s: %v", k.Title, err)
	}
	name := d.Text(k.NameKey)
	if !k.Names.MatchString(name) {
		return "", k.invalid("%s %.80q is invalid: a name is %s", k.NameKey, name, k.Rule)
	}
	return name, nil
}

// rename sees to it that a document has the name that it is stored under.
func (k *Kind) rename(d Document, name string) error {
	if !d.Has(k.NameKey) {
		d.Set(k.NameKey, name)
		return nil
	}
	if got := d.Text(k.NameKey); got != name {
		return sluice.Errorf(sluice.Invalid, "name", "%s %.80q in the body is not %.80q; a %s cannot be renamed", k.NameKey, got, name, k.Title)
	}
	return nil
}

// shown is a stored document as clients see it.
func (c *Control) shown(at Place, k *Kind, stored meta.Document) (Document, error) {
	d, err := c.read(at, k, stored)
	if err != nil {
		return nil, err
	}
	k.mask(d)
	if k.fill != nil {
		k.fill(d, stored)
	}
	for _, name := range orDefault(k.Created, "createTime") {
		d.Set(name, stored.Created.Unix())
	}
	for _, name := range orDefault(k.Modified, "lastModifyTime") {
		d.Set(name, stored.Modified.Unix())
	}
	return d, nil
}

func orDefault(names []string, name string) []string {
	if names == nil {
		return []string{name}
	}
	return names
}

// named turns an error about a document into one about a thing of this kind.
func (k *Kind) named(err error, name string) error {
	switch kind := sluice.KindOf(err); {
	case err == nil || kind != sluice.NotFound && kind != sluice.AlreadyExists || nounOf(err) != "document":
		return err
	case kind == sluice.NotFound:
		return sluice.Errorf(kind, k.Noun, "%s %s does not exist", k.Title, name)
	case k.Taken != "":
		return sluice.Errorf(kind, k.Noun, "%s", k.Taken)
	default:
		return sluice.Errorf(kind, k.Noun, "%s %s already exists", k.Title, name)
	}
}

func (k *Kind) invalid(format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, k.Noun, format, args...)
}
