package control

import (
	"regexp"

	"github.com/sluicelog/sluice"
)

// CollectionPolicies say the logs of which products, and of which instances of them, are to be collected.
var CollectionPolicies = &Kind{
	Name: "collectionpolicy", Noun: "collectionpolicy", Title: "collection policy", NameKey: "policyName",
	Names: regexp.MustCompile(`^[a-z][a-z0-9_-]{2,62}$`), Rule: "3 to 63 lower-case letters, digits, - and _, the first a letter",
	Account: true, Limit: manyDocuments, validate: checkCollectionPolicy,
}

func checkCollectionPolicy(d Document) error {
	err := members{
		{"productCode", aText, true},
		{"dataCode", aText, true},
		{"enabled", aBoolean, true},
		{"policyConfig", anObject, true},
		{"centralizeEnabled", aBoolean, false},
		{"centralizeConfig", anObject, false},
		{"dataConfig", anObject, false},
		{"resourceDirectory", anObject, false},
		{"attribute", anObject, false},
	}.check(d)
	if err != nil {
		return err
	}
	for _, name := range []string{"productCode", "dataCode"} {
		if d.Text(name) == "" {
			return sluice.Errorf(sluice.Invalid, "", "%s is empty", name)
		}
	}
	err = members{{"instanceIds", anArray, false}, {"regions", anArray, false}, {"resourceTags", anObject, false}}.check(d.Object("policyConfig"))
	if err != nil {
		return err
	}
	if err := oneOf("resourceMode", "all", "instanceMode", "attributeMode")(d.Object("policyConfig")); err != nil {
		return err
	}
	return members{{"destRegion", aText, false}, {"destProject", aText, false}, {"destLogstore", aText, false}, {"destTTL", aNumber, false}}.check(d.Object("centralizeConfig"))
}
