package sls_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sluicelog/sluice/internal/testenv"
)

// collectionPolicies is what a list says.
type collectionPolicies struct {
	TotalCount, CurrentCount int
	Data                     []struct{ PolicyName string }
}

func (p collectionPolicies) String() string {
	names := []string{strconv.Itoa(p.TotalCount), strconv.Itoa(p.CurrentCount)}
	for _, d := range p.Data {
		names = append(names, d.PolicyName)
	}
	return strings.Join(names, " ")
}

// Collection policies come back as they were sent, by whatever clients filter and page by; and the answer that one is kept does not look as if it acted.
func TestCollectionPolicies(t *testing.T) {
	env := hub(t)
	upsert := func(body string) testenv.Call {
		return testenv.Call{Method: "POST", Target: "/collectionpolicy", Body: []byte(body)}
	}
	for _, body := range []string{
		`{"policyName":"all-oss","productCode":"oss","dataCode":"access_log","enabled":true,"policyConfig":{"resourceMode":"all"},"unheard":{"of":[1]}}`,
		`{"policyName":"one-oss","productCode":"oss","dataCode":"access_log","enabled":true,"policyConfig":{"resourceMode":"instanceMode","instanceIds":["b1","b2"]}}`,
		`{"policyName":"slb","productCode":"slb","dataCode":"access_log","enabled":true,"policyConfig":{"resourceMode":"attributeMode"},"centralizeEnabled":true,"centralizeConfig":{"destProject":"center"}}`,
	} {
		if a := env.OK(t, upsert(body)); !strings.Contains(string(a.Body), "nothing is collected") {
			t.Errorf("kept: got %s", a.Body)
		}
	}
	for query, want := range map[string]string{
		"":                       "3 3 all-oss one-oss slb",
		"?productCode=oss":       "2 2 all-oss one-oss",
		"?dataCode=metering_log": "0 0",
		"?policyName=slb":        "1 1 slb",
		"?centralProject=center": "1 1 slb",
		"?instanceId=b2":         "2 2 all-oss one-oss",
		"?instanceId=b":          "1 1 all-oss",
		"?offset=1&size=1":       "3 1 one-oss",
		"?pageNum=2&pageSize=2":  "3 1 slb",
		"?pageNum=1":             "3 3 all-oss one-oss slb",
		"?pageSize=1000000000000000&pageNum=1048576": "3 0",
	} {
		var got collectionPolicies
		if env.JSON(t, testenv.Call{Target: "/collectionpolicy" + query}, &got); got.String() != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"pageNum=0", "pageNum=1048577", "pageSize=0", "pageSize=x", "pageNum=x", "size=0"} {
		if a := env.Do(t, testenv.Call{Target: "/collectionpolicy?" + query}); a.Code != "ParameterInvalid" {
			t.Errorf("%s: got %d %s", query, a.Status, a.Code)
		}
	}

	env.OK(t, upsert(`{"policyName":"all-oss","productCode":"oss","dataCode":"access_log","enabled":false,"policyConfig":{"resourceMode":"all","resourceTags":{}},"more":"<&>"}`))
	one := testenv.Call{Target: "/collectionpolicy/all-oss?productCode=oss&dataCode=access_log"}
	var got struct {
		CollectionPolicy struct {
			PolicyName, ProductCode, DataCode, More string
			Enabled                                 bool
			PolicyConfig                            map[string]any
			Unheard                                 any
			CreateTime                              int64
		}
	}
	env.JSON(t, one, &got)
	if p := got.CollectionPolicy; p.PolicyName != "all-oss" || p.Enabled || p.More != "<&>" || p.Unheard != nil || len(p.PolicyConfig) != 2 || p.CreateTime == 0 {
		t.Errorf("replaced: got %+v", p)
	}
	if a := env.Do(t, upsert(`{"policyName":"all-oss"}`)); a.Code != "ParameterInvalid" || !strings.Contains(a.Message, "productCode is missing") {
		t.Errorf("half a policy: %d %s %s", a.Status, a.Code, a.Message)
	}
	env.OK(t, testenv.Call{Method: "DELETE", Target: one.Target})
	for _, method := range []string{"GET", "DELETE"} {
		if a := env.Do(t, testenv.Call{Method: method, Target: one.Target}); a.Status != 404 || a.Code != "PolicyNotExist" {
			t.Errorf("%s of none: %d %s", method, a.Status, a.Code)
		}
	}
}
