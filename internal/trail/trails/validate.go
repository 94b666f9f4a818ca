package trails

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/sluicelog/sluice"
)

// Limits of what a trail holds (reference audit 1.2.3, 1.7, 2.2).
const (
	maxBasic      = 5
	maxResources  = 250 // data resources of all basic selectors
	maxAdvanced   = 500 // values of all advanced selectors
	maxServices   = 20
	maxValue      = 2048
	maxTags       = 50
	maxTagKey     = 128
	maxTagValue   = 256
	maxPrefix     = 200
	maxName       = 1000 // of an advanced selector
	maxEventNames = 100  // of one service
)

var (
	cloudName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$`)
	twoMarks    = regexp.MustCompile(`[._-]{2}`)
	actionName  = regexp.MustCompile(`^[a-z][a-z0-9_-]{5,35}$`)
	s3Bucket    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	ossBucket   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	s3Prefix    = regexp.MustCompile(`^[A-Za-z0-9!_.*'()/=+@:$,-]*$`)
	ossPrefix   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9/_-]{5,31}$`)
	projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
)

// CheckName returns an error unless name can be that of a trail: Invalid "trailname".
func (f Flavor) CheckName(name string) error {
	if f == ActionTrail {
		if !actionName.MatchString(name) {
			return invalid("trailname", "trail name %.140q is not 6 to 36 small letters, digits, hyphens and underscores that begin with a letter", name)
		}
		return nil
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return invalid("trailname", "trail name %q is an IP address", name)
	}
	if !cloudName.MatchString(name) || twoMarks.MatchString(name) {
		return invalid("trailname", "trail name %.140q is not 3 to 128 letters, digits, dots, underscores and hyphens that begin and end with a letter or a digit and have no two marks side by side", name)
	}
	return nil
}

// validate checks all that a client says of a trail. Errors are of kind Invalid.
func (t *Trail) validate() error {
	if err := t.Flavor.CheckName(t.Name); err != nil {
		return err
	}
	t.Prefix = strings.TrimSuffix(t.Prefix, "/")
	check := t.checkCloud
	if t.Flavor == ActionTrail {
		check = t.checkAction
	}
	if err := check(); err != nil {
		return err
	}
	if err := t.Selection.validate(t.Flavor); err != nil {
		return err
	}
	return checkTags(t.Tags)
}

func (t *Trail) checkCloud() error {
	if !s3Bucket.MatchString(t.Bucket) || strings.Contains(t.Bucket, "..") {
		return invalid("bucketname", "%.80q is not the name of a bucket: 3 to 63 small letters, digits, dots and hyphens", t.Bucket)
	}
	if len(t.Prefix) > maxPrefix || !s3Prefix.MatchString(t.Prefix) || !wellFormed(t.Prefix) {
		return invalid("prefix", "%.220q is not a prefix: at most %d letters, digits and safe marks, without empty parts and dots alone", t.Prefix, maxPrefix)
	}
	if t.Regions == "All" && !t.GlobalEvents {
		return invalid("combination", "a trail of all regions includes the events of global services")
	}
	return nil
}

func (t *Trail) checkAction() error {
	switch {
	case t.Bucket == "" && t.Project == "":
		return invalid("combination", "the trail has no destination: name a bucket of OSS, a project of SLS, or both")
	case t.Bucket != "" && !ossBucket.MatchString(t.Bucket):
		return invalid("bucketname", "%.80q is not the name of a bucket: 3 to 63 small letters, digits and hyphens", t.Bucket)
	case t.Prefix != "" && (!ossPrefix.MatchString(t.Prefix) || !wellFormed(t.Prefix)):
		return invalid("prefix", "%.80q is not a prefix: 6 to 32 letters, digits, hyphens, underscores and slashes that begin with a letter", t.Prefix)
	case t.Project != "" && !projectName.MatchString(t.Project):
		return invalid("project", "%.80q is not the name of a project", t.Project)
	}
	return nil
}

// wellFormed reports whether a prefix is a path in which every part is a name: stores that are directories think of others.
func wellFormed(prefix string) bool {
	if prefix == "" {
		return true
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// validate checks the selectors of a trail of f: Invalid "eventselectors", "rw".
func (s *Selection) validate(f Flavor) error {
	switch s.RW {
	case "", All, ReadOnly, WriteOnly:
	default:
		return invalid("rw", "%.40q is none of Read, Write and All", string(s.RW))
	}
	if f == ActionTrail {
		return s.checkServices()
	}
	if len(s.Basic) > 0 && len(s.Advanced) > 0 {
		return selectors("name either event selectors or advanced event selectors, not both")
	}
	if err := checkBasic(s.Basic); err != nil {
		return err
	}
	return checkAdvanced(s.Advanced)
}

func (s *Selection) checkServices() error {
	if len(s.Services) > maxServices {
		return selectors("there are %d selectors of data events, and at most %d", len(s.Services), maxServices)
	}
	for _, service := range s.Services {
		if service.ServiceName == "" || len(service.ServiceName) > maxTagKey || len(service.EventNames) > maxEventNames {
			return selectors("a selector of data events names a service, and at most %d events of it", maxEventNames)
		}
	}
	return nil
}

func checkBasic(list []Basic) error {
	if len(list) > maxBasic {
		return selectors("there are %d event selectors, and at most %d", len(list), maxBasic)
	}
	values := 0
	for _, b := range list {
		switch b.ReadWriteType {
		case "", All, ReadOnly, WriteOnly:
		default:
			return selectors("ReadWriteType %.40q is none of All, ReadOnly and WriteOnly", string(b.ReadWriteType))
		}
		for _, source := range b.ExcludeManagementEventSources {
			if source == "" || len(source) > maxValue {
				return selectors("an excluded event source is empty or too long")
			}
		}
		if len(b.ExcludeManagementEventSources) > maxResources {
			return selectors("there are more than %d excluded event sources", maxResources)
		}
		for _, d := range b.DataResources {
			if err := checkType(d.Type); err != nil {
				return err
			}
			if values += len(d.Values); values > maxResources {
				return selectors("there are more than %d data resources", maxResources)
			}
			if err := checkValues(d.Values); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkType wants a type that there is on this server: a selector of others would be taken and never choose anything.
func checkType(kind string) error {
	if !strings.HasPrefix(kind, "ACS::") || len(kind) > maxTagKey {
		return selectors("this server has no resources of type %.80q: its data events are of types such as ACS::SLS::Logstore", kind)
	}
	return nil
}

func checkValues(values []string) error {
	for _, v := range values {
		if v == "" || len(v) > maxValue {
			return selectors("a value is empty or longer than %d bytes", maxValue)
		}
	}
	return nil
}

func checkAdvanced(list []Advanced) error {
	values := 0
	for _, a := range list {
		if len(a.Name) > maxName {
			return selectors("the name of a selector is longer than %d bytes", maxName)
		}
		category := false
		for i := range a.FieldSelectors {
			f := &a.FieldSelectors[i]
			n, err := f.check()
			if err != nil {
				return err
			}
			if values += n; values > maxAdvanced {
				return selectors("the advanced selectors have more than %d values", maxAdvanced)
			}
			category = category || f.Field == fieldCategory
		}
		if !category {
			return selectors("advanced selector %.80q has no field eventCategory", a.Name)
		}
	}
	return nil
}

// check returns how many values f has.
func (f *Field) check() (n int, err error) {
	others := [][]string{f.StartsWith, f.EndsWith, f.NotEquals, f.NotStartsWith, f.NotEndsWith}
	n = len(f.Equals)
	for _, values := range others {
		n += len(values)
		if err := checkValues(values); err != nil {
			return 0, err
		}
	}
	onlyEquals := n == len(f.Equals)
	switch f.Field {
	case fieldCategory:
		for _, v := range f.Equals {
			if v != "Management" && v != "Data" {
				return 0, selectors("this server has no events of category %.40q: there are Management and Data", v)
			}
		}
	case fieldReadOnly:
		for _, v := range f.Equals {
			if v != "true" && v != "false" {
				return 0, selectors("readOnly is true or false, not %.40q", v)
			}
		}
	case fieldType:
		for _, v := range f.Equals {
			if err := checkType(v); err != nil {
				return 0, err
			}
		}
	case fieldSource, fieldName, fieldARN:
		onlyEquals = true
	default:
		return 0, selectors("there is no field %.80q", f.Field)
	}
	switch {
	case !onlyEquals:
		return 0, selectors("field %s takes Equals alone", f.Field)
	case n == 0:
		return 0, selectors("field %s has no values", f.Field)
	}
	return n, checkValues(f.Equals)
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return sluice.Errorf(sluice.Throttled, "tags", "there are %d tags, and at most %d", len(tags), maxTags)
	}
	for key, value := range tags {
		if key == "" || len(key) > maxTagKey || len(value) > maxTagValue {
			return invalid("tags", "tag %.140q: a key has 1 to %d bytes, and a value at most %d", key, maxTagKey, maxTagValue)
		}
	}
	return nil
}

func invalid(noun, format string, args ...any) error {
	return sluice.Errorf(sluice.Invalid, noun, "%s", fmt.Sprintf(format, args...))
}

func selectors(format string, args ...any) error { return invalid("eventselectors", format, args...) }
