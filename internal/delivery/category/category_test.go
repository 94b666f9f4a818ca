package category_test

import (
	"testing"

	"github.com/sluicelog/sluice/internal/delivery/category"
)

func TestCatalogue(t *testing.T) {
	want := map[string]struct {
		scope    category.Scope
		logstore string
		fields   int
	}{
		"dcdn_log_access_l1": {category.Site, "access", 58}, "dcdn_log_waf": {category.Site, "waf", 26}, "dcdn_log_ipa": {category.Site, "ipa", 23},
		"dcdn_log_dns": {category.Site, "dns", 10}, "dcdn_log_er": {category.Account, "er", 26}, "dcdn_log_ec": {category.Account, "ec", 9},
	}
	if len(category.All()) != len(want) {
		t.Errorf("%d categories, want %d", len(category.All()), len(want))
	}
	for _, c := range category.All() {
		w := want[c.ID]
		if c.Scope != w.scope || c.Logstore != w.logstore || len(c.Fields) != w.fields {
			t.Errorf("%s: scope %v, logstore %s, %d fields; want %+v", c.ID, c.Scope, c.Logstore, len(c.Fields), w)
		}
		seen := map[string]bool{}
		for _, f := range c.Fields {
			if seen[f.Name] || f.Description == "" || f.Chinese == "" || f.Group == "" {
				t.Errorf("%s.%s: %+v", c.ID, f.Name, f)
			}
			seen[f.Name] = true
		}
	}
	c, ok := category.Find(category.Default)
	if f, found := c.Field("EdgeResponseStatusCode"); !ok || !found || f.Type != category.Int || !f.Default {
		t.Errorf("EdgeResponseStatusCode: %+v", f)
	}
	if _, ok := category.Find("none"); ok {
		t.Error("a category that is not there is found")
	}
}
