package meta

import (
	"github.com/sluicelog/sluice"
)

// phrases are what a client reads about a thing of some noun: clients and their tests look for these words (reference sls-api
// 2.8 and 3.4).
var phrases = map[string]struct{ missing, exists string }{
	"project":       {"The Project does not exist: %s", "Project %s already exist"},
	"logstore":      {"logstore %s does not exist", "logstore %s already exists"},
	"shard":         {"shard %s does not exist", "shard %s already exists"},
	"index":         {"log store index is not created: %s", "log store index is already created: %s"},
	"consumergroup": {"consumer group %s does not exist", "consumer group %s already exists"},
	"amendment":     {"amendment %s does not exist", "amendment %s already exists"},
	"segment":       {"segment %s does not exist", "segment %s already exists"},
	"rebuild":       {"the index of logstore %s was never rebuilt", "the index of logstore %s is being rebuilt"},
	"document":      {"%s does not exist", "%s already exists"},
	"deliverytask":  {"delivery task %s does not exist", "delivery task %s already exists"},
	"identity":      {"%s does not exist", "%s already exists"},
	"item":          {"%s does not exist", "%s already exists"},
	"accesskey":     {"AccessKeyId not found: %s", "AccessKeyId already exists: %s"},
}

// Missing is the NotFound error for the thing of this noun and name. It is for implementations of [Store]; an unknown noun
// panics.
func Missing(noun, name string) error {
	return sluice.Errorf(sluice.NotFound, noun, phrase(noun).missing, name)
}

// Exists is the AlreadyExists error for the thing of this noun and name, like [Missing].
func Exists(noun, name string) error {
	return sluice.Errorf(sluice.AlreadyExists, noun, phrase(noun).exists, name)
}

func phrase(noun string) struct{ missing, exists string } {
	p, ok := phrases[noun]
	if !ok {
		panic("meta: no such noun: " + noun)
	}
	return p
}
