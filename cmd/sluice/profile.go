package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sluicelog/sluice/cmd/sluice/internal/profile"
	"github.com/sluicelog/sluice/cmd/sluice/internal/tty"
)

func (a *app) profileCommand() *cobra.Command {
	return parent("profile", "Profiles: servers and credentials by name",
		a.profileSet(), a.profileList(), a.profileUse(), a.profileShow(), a.profileDelete())
}

func (a *app) profileSet() *cobra.Command {
	var fromStdin, use bool
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Make a profile, or change one",
		Long: `Make a profile from --endpoint, --access-key-id and the other global flags, or change those of an existing one.

The secret comes from SLUICE_ACCESS_KEY_SECRET, from standard input with --secret-stdin, or is asked for. It is kept in a file
that only you can read, and never printed.`,
		Example: `  sluice profile set local --endpoint http://127.0.0.1:8080 --access-key-id ID
  pass show sluice | sluice profile set prod --endpoint https://sls.example --access-key-id ID --secret-stdin --use`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeProfile,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, file, err := a.profiles()
			if err != nil {
				return err
			}
			p, err := a.profileFromFlags(cmd, file.Profiles[args[0]], fromStdin)
			if err != nil {
				return err
			}
			if err := file.Set(args[0], p); err != nil {
				return misused(cmd, err)
			}
			if use {
				file.Current = args[0]
			}
			if err := file.Save(path); err != nil {
				return err
			}
			a.note("profile %s saved in %s%s", args[0], path, currentOr(file.Current == args[0], "; sluice profile use "+args[0]+" makes it the current one"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&fromStdin, "secret-stdin", false, "read the secret from the first line of standard input")
	cmd.Flags().BoolVar(&use, "use", false, "make it the current profile")
	return cmd
}

func currentOr(current bool, otherwise string) string {
	if current {
		return "; it is the current one"
	}
	return otherwise
}

// profileFromFlags is old with what the flags say, and with a secret.
func (a *app) profileFromFlags(cmd *cobra.Command, old profile.Profile, fromStdin bool) (profile.Profile, error) {
	p := profile.Profile{
		Endpoint:        cmp.Or(a.flags.endpoint, old.Endpoint),
		AccessKeyID:     cmp.Or(a.flags.accessKeyID, old.AccessKeyID),
		AccessKeySecret: a.flags.secret,
		SecurityToken:   a.flags.securityToken,
		Sign:            cmp.Or(a.flags.sign, old.Sign),
		Region:          cmp.Or(a.flags.region, old.Region),
	}
	if p.Endpoint == "" || p.AccessKeyID == "" {
		return p, misused(cmd, errors.New("a new profile needs --endpoint and --access-key-id"))
	}
	var err error
	switch {
	case p.AccessKeySecret != "":
	case fromStdin:
		if p.AccessKeySecret, err = a.line(cmd.Context()); err != nil {
			return p, fmt.Errorf("read the secret: %w", err)
		}
	case a.flags.accessKeyID == "": // the credentials stay
		p.AccessKeySecret = old.AccessKeySecret
		p.SecurityToken = cmp.Or(p.SecurityToken, old.SecurityToken)
	case a.getenv(envSecret) != "":
		p.AccessKeySecret = a.getenv(envSecret)
	default:
		p.AccessKeySecret, err = a.askSecret(cmd.Context(), "Secret of "+p.AccessKeyID+" (not shown): ")
	}
	if err == nil && p.AccessKeySecret == "" {
		err = misused(cmd, errors.New("the secret is missing: set "+envSecret+" or use --secret-stdin"))
	}
	if err != nil {
		return p, err
	}
	_, err = settings{endpoint: p.Endpoint, accessKeyID: p.AccessKeyID, secret: p.AccessKeySecret, sign: p.Sign}.client()
	return p, err
}

// shownProfile is a profile without what must not be shown.
type shownProfile struct {
	Name        string `json:"name"`
	Current     bool   `json:"current"`
	Endpoint    string `json:"endpoint"`
	AccessKeyID string `json:"accessKeyId"`
	Sign        string `json:"sign"`
	Region      string `json:"region,omitempty"`
}

func shown(f *profile.File, name string) shownProfile {
	p := f.Profiles[name]
	return shownProfile{
		Name: name, Current: name == f.Current, Endpoint: p.Endpoint, AccessKeyID: p.AccessKeyID,
		Sign: cmp.Or(p.Sign, "v1"), Region: p.Region,
	}
}

func (a *app) profileList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the profiles",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, file, err := a.profiles()
			if err != nil {
				return err
			}
			list := []shownProfile{}
			for _, name := range file.Names() {
				list = append(list, shown(file, name))
			}
			return a.show(cmd, list, func() error { return a.profileTable(list...) })
		},
	}
}

func (a *app) profileTable(list ...shownProfile) error {
	table := tty.NewTable("", "PROFILE", "ENDPOINT", "ACCESS KEY", "SIGN")
	for _, p := range list {
		mark := ""
		if p.Current {
			mark = "*"
		}
		table.Add(mark, p.Name, tty.Visible(p.Endpoint), tty.Visible(p.AccessKeyID), p.Sign)
	}
	return table.Write(a.out)
}

func (a *app) profileShow() *cobra.Command {
	return &cobra.Command{
		Use:               "show [NAME]",
		Short:             "Show a profile, without its secret",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeProfile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.name = args[0]
			}
			name, _, err := a.profile()
			if err != nil {
				return err
			}
			if name == "" {
				return &unsetError{settings{}.unset()}
			}
			_, file, err := a.profiles()
			if err != nil {
				return err
			}
			p := shown(file, name)
			return a.show(cmd, p, func() error { return a.profileTable(p) })
		},
	}
}

// profileChange is a command that changes the file.
func (a *app) profileChange(use, short, done string, change func(f *profile.File, name string) error) *cobra.Command {
	return &cobra.Command{
		Use:               use + " NAME",
		Short:             short,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeProfile,
		RunE: func(_ *cobra.Command, args []string) error {
			path, file, err := a.profiles()
			if err != nil {
				return err
			}
			if err := change(file, args[0]); err != nil {
				return &hinted{err, "List them: sluice profile list"}
			}
			if err := file.Save(path); err != nil {
				return err
			}
			a.note("profile %s %s", args[0], done)
			return nil
		},
	}
}

func (a *app) profileUse() *cobra.Command {
	return a.profileChange("use", "Make a profile the current one", "is the current one", (*profile.File).Use)
}

func (a *app) profileDelete() *cobra.Command {
	return a.profileChange("delete", "Delete a profile", "deleted", (*profile.File).Delete)
}
