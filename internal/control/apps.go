package control

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluicelog/sluice"
)

// AuditApp is the name of the only app that an account can have: the log audit, which says the logs of which products are to be collected.
const AuditApp = "audit"

// maxVariables is the most bytes that the variables of an app have: ten times what all that are documented have.
const maxVariables = 64 << 10

// Apps are the apps of an account. What one is to do is in variables, texts all of them, below config.initParam.
var Apps = &Kind{
	Name: "app", Noun: "app", Title: "app", NameKey: "appName", Names: regexp.MustCompile("^" + AuditApp + "$"), Rule: AuditApp + ", the only one that there is",
	Account: true, Limit: 1, validate: checkApp,
}

func checkApp(d Document) error {
	if err := (members{{"displayName", aText, true}, {"config", anObject, true}}).check(d); err != nil {
		return err
	}
	if !freeName.MatchString(d.Text("displayName")) {
		return sluice.Errorf(sluice.Invalid, "", "displayName %.80q is invalid: a name is %s", d.Text("displayName"), freeRule)
	}
	config := d.Object("config")
	if err := want(config, "initParam", anObject, true); err != nil {
		return err
	}
	if n := len(config["initParam"]); n > maxVariables {
		return sluice.Errorf(sluice.Invalid, "", "the variables have %d bytes, and may have %d", n, maxVariables)
	}
	return checkVariables(config.Object("initParam"))
}

// variables are those that stand for themselves, and what there is to check of them.
var variables = map[string]func(string) error{
	"region": nil, "aliuid": checkAccount, "project": nil, "logstore": nil,
	"multi_account": checkAccounts, "resource_directory": checkDirectory,
}

// endings are what the names of all other variables end in, and what there is to check of those. Products come and go, and what their variables
// begin with is as good as any other name.
var endings = []struct {
	ending string
	check  func(string) error
}{
	{"_enabled", checkSwitch}, {"_ttl", checkTTL}, {"_collection_policy", nil}, {"_policy_setting", nil},
}

// checkVariables returns what is wrong with variables. Clients rely on what it checks: one that reads accounts it cannot understand breaks down.
func checkVariables(d Document) error {
	if err := want(d, "aliuid", aText, true); err != nil {
		return err
	}
	names := make([]string, 0, len(d))
	for name := range d {
		names = append(names, name)
	}
	slices.Sort(names) // so that of several faults always the same is told
	for _, name := range names {
		if err := want(d, name, aText, true); err != nil {
			return err
		}
		check, known := checkOf(name)
		if !known {
			return sluice.Errorf(sluice.Invalid, "", "%.80q is no variable: their names end in _enabled, _ttl, _collection_policy or _policy_setting", name)
		}
		if check == nil {
			continue
		}
		if err := check(d.Text(name)); err != nil {
			return sluice.Errorf(sluice.Invalid, "", "%.80s %v", name, err)
		}
	}
	return nil
}

// checkOf is the check of the variable of a name; nil for those that may be any text.
func checkOf(name string) (check func(string) error, known bool) {
	if check, known = variables[name]; known {
		return check, true
	}
	for _, e := range endings {
		if product, ok := strings.CutSuffix(name, e.ending); ok && product != "" {
			return e.check, true
		}
	}
	return nil, false
}

func checkSwitch(v string) error {
	if v != "true" && v != "false" {
		return sluice.Errorf(sluice.Invalid, "", "%.40q is neither true nor false", v)
	}
	return nil
}

func checkTTL(v string) error {
	if days, err := strconv.Atoi(v); err != nil || days < 1 || days > foreverDays {
		return sluice.Errorf(sluice.Invalid, "", "%.40q is not a number of days from 1 to %d", v, foreverDays)
	}
	return nil
}

var accountNumber = regexp.MustCompile(`^[0-9]{1,20}$`)

func checkAccount(v string) error {
	if !accountNumber.MatchString(v) {
		return sluice.Errorf(sluice.Invalid, "", "%.40q is not the number of an account", v)
	}
	return nil
}

// checkAccounts checks a list of accounts, which is JSON: [{"uid":"1"},{"uid":2}].
func checkAccounts(v string) error {
	var accounts []struct {
		UID json.RawMessage `json:"uid"`
	}
	if err := json.Unmarshal([]byte(v), &accounts); err != nil {
		return sluice.Errorf(sluice.Invalid, "", `is not a list of accounts such as [{"uid":"1"}]`)
	}
	for _, a := range accounts {
		if err := checkAccount(strings.Trim(string(a.UID), `"`)); err != nil {
			return err
		}
	}
	return nil
}

// checkDirectory checks what accounts of a resource directory are meant, which is JSON: {"type":"custom","multi_account":["1"]}.
func checkDirectory(v string) error {
	var directory struct {
		Type     string   `json:"type"`
		Accounts []string `json:"multi_account"`
	}
	if err := json.Unmarshal([]byte(v), &directory); err != nil {
		return sluice.Errorf(sluice.Invalid, "", `is not a resource directory such as {"type":"custom","multi_account":["1"]}`)
	}
	if t := directory.Type; !strings.EqualFold(t, "custom") && !strings.EqualFold(t, "all") {
		return sluice.Errorf(sluice.Invalid, "", "is of type %.40q, which is neither custom nor all", t)
	}
	for _, account := range directory.Accounts {
		if err := checkAccount(account); err != nil {
			return err
		}
	}
	return nil
}
