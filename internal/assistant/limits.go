package assistant

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
)

// Limits of the API (reference cloud-assistant 1.3, 1.5).
const (
	maxContentOnce = 24 << 10 // of content in base64, of commands that are not kept
	maxContentKept = 18 << 10
	maxFile        = 32 << 10 // of a file in base64
	maxName        = 128
	maxFileName    = 255
	maxDescription = 512
	maxDirectory   = 200
	maxFileDir     = 255
	maxUsername    = 255
	maxFileOwner   = 64
	maxLauncher    = 1 << 10
	maxInstances   = 100
	maxFileTargets = 50
	maxTags        = 20
	maxTagKey      = 64
	maxTagValue    = 128
	maxCommands    = 50_000
	maxTimeout     = 86400 // of a run, in seconds

	minTimeout     = 10
	defaultTimeout = 60
)

// Types of commands.
const (
	typeShell      = "RunShellScript"
	typeBat        = "RunBatScript"
	typePowerShell = "RunPowerShellScript"
)

// encodedSize is how long n bytes are in base64.
func encodedSize(n int) int { return base64.StdEncoding.EncodedLen(n) }

// Tag is a key and a value on a thing.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value,omitempty"`
}

// checkTags checks the tags of something new.
func checkTags(tags []Tag) error {
	if len(tags) > maxTags {
		return fail(sluice.Invalid, "NumberExceed.Tags", "at most %d tags are allowed", maxTags)
	}
	seen := map[string]bool{}
	for _, t := range tags {
		low := strings.ToLower(t.Key)
		switch {
		case t.Key == "":
			return fail(sluice.Invalid, "MissingParameter.TagKey", "a tag needs a key")
		case seen[t.Key]:
			return fail(sluice.Invalid, "Duplicate.TagKey", "the tag key %.64q is there twice", t.Key)
		case utf8.RuneCountInString(t.Key) > maxTagKey, strings.HasPrefix(low, "aliyun"), strings.HasPrefix(low, "acs:"), hasURL(low):
			return fail(sluice.Invalid, "InvalidTagKey.Malformed", "the tag key %.64q has more than %d characters, or begins with aliyun or acs:, or holds a URL", t.Key, maxTagKey)
		case utf8.RuneCountInString(t.Value) > maxTagValue, hasURL(t.Value):
			return fail(sluice.Invalid, "InvalidTagValue.Malformed", "the value of tag %.64q has more than %d characters, or holds a URL", t.Key, maxTagValue)
		}
		seen[t.Key] = true
	}
	return nil
}

func hasURL(text string) bool {
	return strings.Contains(text, "http://") || strings.Contains(text, "https://")
}

// hasTags reports whether tags has all that are wanted; one without a value fits any.
func hasTags(tags, want []Tag) bool {
	for _, w := range want {
		found := false
		for _, t := range tags {
			found = found || t.Key == w.Key && (w.Value == "" || t.Value == w.Value)
		}
		if !found {
			return false
		}
	}
	return true
}

// plain reports whether text may be a name or a description: printable characters.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f })
}

// wildcard makes a matcher of a name in which * stands for anything; "" matches all.
func wildcard(pattern string) func(string) bool {
	if pattern == "" {
		return func(string) bool { return true }
	}
	if !utf8.ValidString(pattern) { // which names are
		return func(string) bool { return false }
	}
	parts := strings.Split(pattern, "*")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("(?s)^" + strings.Join(parts, ".*") + "$").MatchString
}

// checkTimeout checks a timeout in seconds; 0 stands for def.
func checkTimeout(seconds, def int64) (int64, error) {
	if seconds == 0 {
		return def, nil
	}
	if seconds < minTimeout || seconds > maxTimeout {
		return 0, fail(sluice.OutOfRange, "InvalidTimeout.ExceedLimit", "a timeout is from %d to %d seconds", minTimeout, maxTimeout)
	}
	return seconds, nil
}
