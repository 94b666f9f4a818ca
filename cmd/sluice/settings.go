package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/sluicelog/sluice/client"
	"github.com/sluicelog/sluice/cmd/sluice/internal/profile"
	"github.com/sluicelog/sluice/internal/version"
)

// The environment.
const (
	envEndpoint      = "SLUICE_ENDPOINT"
	envAccessKeyID   = "SLUICE_ACCESS_KEY_ID"
	envSecret        = "SLUICE_ACCESS_KEY_SECRET"
	envSecurityToken = "SLUICE_SECURITY_TOKEN"
	envProfile       = "SLUICE_PROFILE"
)

// settings say where the server is and who is asking.
type settings struct {
	endpoint, accessKeyID, secret, securityToken, sign, region string

	profile string // that some of them came from, "" if none did
}

// unsetError is what is not configured.
type unsetError struct{ names []string }

func (e *unsetError) Error() string {
	if len(e.names) == settingsNeeded {
		return "no server is configured"
	}
	return "no " + strings.Join(e.names, " and no ") + " is configured"
}

const settingsNeeded = 3

// unset names what s has to have and has not.
func (s settings) unset() (names []string) {
	for _, need := range [settingsNeeded][2]string{{"endpoint", s.endpoint}, {"access key id", s.accessKeyID}, {"access key secret", s.secret}} {
		if need[1] == "" {
			names = append(names, need[0])
		}
	}
	return names
}

// settings are the flags, where they are silent the environment, and where that is silent too the profile. A security token
// belongs to an access key: it is taken from where the key id came from.
func (a *app) settings() (settings, error) {
	env := settings{
		endpoint: a.getenv(envEndpoint), accessKeyID: a.getenv(envAccessKeyID), secret: a.getenv(envSecret),
		securityToken: a.getenv(envSecurityToken),
	}
	s := a.flags.or(env)
	if a.name == "" && s.endpoint != "" && s.accessKeyID != "" && s.secret != "" {
		return s, nil
	}
	name, p, err := a.profile()
	if err != nil {
		return s, err
	}
	from := settings{
		endpoint: p.Endpoint, accessKeyID: p.AccessKeyID, secret: p.AccessKeySecret, securityToken: p.SecurityToken,
		sign: p.Sign, region: p.Region,
	}
	s = s.or(from)
	if a.name != "" { // asked for by name: it wins over the environment
		s = a.flags.or(from).or(env)
	}
	s.profile = name
	if names := s.unset(); len(names) > 0 {
		return s, &unsetError{names}
	}
	return s, nil
}

func (s settings) or(t settings) settings {
	if s.accessKeyID == "" {
		s.securityToken = cmp.Or(s.securityToken, t.securityToken)
	}
	s.endpoint = cmp.Or(s.endpoint, t.endpoint)
	s.accessKeyID = cmp.Or(s.accessKeyID, t.accessKeyID)
	s.secret = cmp.Or(s.secret, t.secret)
	s.sign = cmp.Or(s.sign, t.sign)
	s.region = cmp.Or(s.region, t.region)
	return s
}

// profile returns the profile that is asked for or the current one; no name and an empty profile if there is none.
func (a *app) profile() (string, profile.Profile, error) {
	path, file, err := a.profiles()
	if errors.Is(err, profile.ErrNowhere) && cmp.Or(a.name, a.getenv(envProfile)) == "" {
		return "", profile.Profile{}, nil
	}
	if err != nil {
		return "", profile.Profile{}, err
	}
	name := cmp.Or(a.name, a.getenv(envProfile), file.Current)
	if name == "" {
		return "", profile.Profile{}, nil
	}
	p, err := file.Get(name)
	if err != nil {
		return "", p, &hinted{err, fmt.Sprintf("Profiles are in %s. List them: sluice profile list", path)}
	}
	if profile.Exposed(path) {
		a.note("%s %s can be read by other users: chmod 600 %s", a.err.Yellow("warning:"), path, path)
	}
	return name, p, nil
}

func (a *app) profiles() (string, *profile.File, error) {
	path, err := profile.Path(a.getenv)
	if err != nil {
		return "", nil, err
	}
	file, err := profile.Load(path)
	return path, file, err
}

// client makes the client that the settings ask for.
func (a *app) client() (*client.Client, error) {
	s, err := a.settings()
	if err != nil {
		return nil, err
	}
	return s.client()
}

func (s settings) client() (*client.Client, error) {
	if s.sign != "" && s.sign != "v1" && s.sign != "v4" {
		return nil, fmt.Errorf("signature version %q is not v1 or v4", s.sign)
	}
	return client.New(client.Options{
		Endpoint: s.endpoint, AccessKeyID: s.accessKeyID, Secret: s.secret, SecurityToken: s.securityToken,
		SignV4: s.sign == "v4", Region: s.region, UserAgent: "sluice-cli/" + version.Current().Version,
	})
}
