package trails

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
)

// Aliases are the twelve digits by which CloudTrail's clients know accounts, by the accounts' numbers. Numbers here have sixteen; an account that is not
// in it is known by its last twelve.
type Aliases map[string]string

// aliasDigits is how many digits those clients insist on, in ARNs and in the names of objects.
const aliasDigits = 12

// Of is the alias of an account.
func (a Aliases) Of(account string) string {
	if alias := a[account]; alias != "" {
		return alias
	}
	if len(account) < aliasDigits {
		return strings.Repeat("0", aliasDigits-len(account)) + account
	}
	return account[len(account)-aliasDigits:]
}

var cloudARN = regexp.MustCompile(`^arn:[a-z-]+:cloudtrail:([a-z0-9-]+):([0-9]{12}):trail/(.+)$`)

// ARN is the name of t in the words of its API.
func (s *Trails) ARN(t *Trail) string {
	if t.Flavor == ActionTrail {
		return fmt.Sprintf("acs:actiontrail:%s:%s:trail/%s", t.Region, t.Account, t.Name)
	}
	return s.CloudARN(t.Account, t.Name)
}

// CloudARN is CloudTrail's name for a trail of an account that there may be.
func (s *Trails) CloudARN(account, name string) string {
	return fmt.Sprintf("arn:aws:cloudtrail:%s:%s:trail/%s", s.o.Region, s.o.Aliases.Of(account), name)
}

// Alias is the twelve digits of an account.
func (s *Trails) Alias(account string) string { return s.o.Aliases.Of(account) }

// CloudKey names the trail of an account that a client of CloudTrail calls by its name or its ARN. Errors: Invalid "trailname", "trailarn", and
// "homeregion" for another region; NotFound "trail" for another account's, which looks like one that is not there.
func (s *Trails) CloudKey(account, nameOrARN string) (Key, error) {
	k := Key{Account: account, Flavor: CloudTrail, Name: nameOrARN}
	if !strings.HasPrefix(nameOrARN, "arn:") {
		return k, CloudTrail.CheckName(nameOrARN)
	}
	parts := cloudARN.FindStringSubmatch(nameOrARN)
	if parts == nil {
		return k, invalid("trailarn", "%.200q is not the ARN of a trail, such as %s", nameOrARN, s.CloudARN(account, "NAME"))
	}
	k.Name = parts[3]
	switch {
	case parts[2] != s.Alias(account):
		return k, sluice.Errorf(sluice.NotFound, "trail", "there is no trail %.200q", nameOrARN)
	case parts[1] != s.o.Region:
		return k, invalid("homeregion", "the home region of trail %.140q is %s: ask there", k.Name, s.o.Region)
	}
	return k, CloudTrail.CheckName(k.Name)
}
