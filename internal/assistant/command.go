package assistant

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/meta"
)

// Command is a script that can be run.
type Command struct {
	ID              string    `json:"id"`
	Account         string    `json:"account,omitempty"` // whose it is, as meta.Project has it
	Name            string    `json:"name,omitempty"`
	Description     string    `json:"description,omitempty"`
	Type            string    `json:"type"`
	Content         string    `json:"content"` // plain; parameters as they are written
	WorkingDir      string    `json:"workingDir,omitempty"`
	Timeout         int64     `json:"timeout"` // seconds
	EnableParameter bool      `json:"enableParameter,omitempty"`
	Launcher        string    `json:"launcher,omitempty"`
	ResourceGroup   string    `json:"resourceGroup,omitempty"`
	Tags            []Tag     `json:"tags,omitempty"`
	InvokeTimes     int32     `json:"invokeTimes,omitempty"`
	Temporary       bool      `json:"temporary,omitempty"` // gone when its invocation is over
	Created         time.Time `json:"created"`
}

// check fills in defaults and checks what is the caller's.
func (c *Command) check(kept bool) error {
	switch c.Type {
	case typeShell, typeBat, typePowerShell:
	default:
		return fail(sluice.NotFound, "InvalidCmdType.NotFound", "type %.40q is none of %s, %s, %s", c.Type, typeShell, typeBat, typePowerShell)
	}
	if err := c.checkTexts(); err != nil {
		return err
	}
	limit := maxContentOnce
	if kept {
		limit = maxContentKept
	}
	if size := encodedSize(len(c.Content)); size > limit {
		return fail(sluice.TooLarge, "CmdContent.ExceedLimit", "the content has %d bytes in base64, at most %d are allowed", size, limit)
	}
	if c.Content == "" || !utf8.ValidString(c.Content) {
		return fail(sluice.Invalid, "CmdContent.DecodeError", "the content is empty, or not UTF-8")
	}
	var err error
	if c.Timeout, err = checkTimeout(c.Timeout, defaultTimeout); err != nil {
		return err
	}
	if c.EnableParameter {
		if err := checkTemplate(c.Content); err != nil {
			return err
		}
	}
	return checkTags(c.Tags)
}

// checkTexts checks what may also be modified.
func (c *Command) checkTexts() error {
	switch {
	case utf8.RuneCountInString(c.Name) > maxName:
		return fail(sluice.TooLarge, "CmdName.ExceedLimit", "a name has at most %d characters", maxName)
	case !plain(c.Name):
		return fail(sluice.OutOfRange, "InvalidParameterCharacter.CommandName", "the name has characters that do not print")
	case utf8.RuneCountInString(c.Description) > maxDescription:
		return fail(sluice.TooLarge, "CmdDesc.ExceedLimit", "a description has at most %d characters", maxDescription)
	case !plain(c.Description):
		return fail(sluice.OutOfRange, "InvalidParameterCharacter.CommandDescription", "the description has characters that do not print")
	}
	return errorsFirst(checkDirectory(c.WorkingDir), checkLauncher(c.Launcher))
}

func checkDirectory(dir string) error {
	if utf8.RuneCountInString(dir) > maxDirectory || strings.ContainsAny(dir, "\x00\r\n") || !utf8.ValidString(dir) {
		return fail(sluice.Invalid, "InvalidParameter.WorkingDir", "a working directory is one line of at most %d characters", maxDirectory)
	}
	return nil
}

func checkLauncher(launcher string) error {
	if len(launcher) > maxLauncher {
		return fail(sluice.TooLarge, "InvalidLauncher.LengthLimitExceeded", "a launcher has at most %d bytes", maxLauncher)
	}
	return nil
}

// errorsFirst is the first error that is one.
func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// CreateCommand keeps a command and returns its id.
func (fl *Fleet) CreateCommand(ctx context.Context, c Command, token Token) (string, error) {
	if c.Name == "" {
		return "", fail(sluice.Invalid, "MissingParam.Name", "a command needs a name")
	}
	if err := c.check(true); err != nil {
		return "", err
	}
	s := fl.s
	c.ID, c.Account, c.Created = newID("c", s.now()), fl.account, s.now()
	return s.once(ctx, token, func(tx meta.Tx) (string, func(), error) {
		n, err := fl.commands(tx)
		if err != nil {
			return "", nil, err
		}
		if n >= maxCommands {
			return "", nil, fail(sluice.Throttled, "CmdCount.ExceedQuota", "there are %d commands already, delete some", n)
		}
		return c.ID, nil, putCommand(tx, &c)
	})
}

// commands counts the commands of the account.
func (fl *Fleet) commands(tx meta.Tx) (n int, err error) {
	rows, err := tx.Items(kindCommand, meta.ItemRange{Group: fl.account})
	for _, row := range rows {
		if row.Group == fl.account {
			n++
		}
	}
	return n, err
}

// CommandChange says what of a command is modified; nil leaves it as it is.
type CommandChange struct {
	Name, Description, WorkingDir, Launcher *string
	Timeout                                 *int64
}

// ModifyCommand changes a command; invocations that are under way stay as they are.
func (fl *Fleet) ModifyCommand(ctx context.Context, id string, m CommandChange) error {
	return fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		c, err := fl.command(tx, id)
		if err != nil {
			return nil, err
		}
		set := func(to *string, from *string) {
			if from != nil {
				*to = *from
			}
		}
		set(&c.Name, m.Name)
		set(&c.Description, m.Description)
		set(&c.WorkingDir, m.WorkingDir)
		set(&c.Launcher, m.Launcher)
		if m.Timeout != nil {
			if c.Timeout, err = checkTimeout(*m.Timeout, c.Timeout); err != nil {
				return nil, err
			}
		}
		if err := c.checkTexts(); err != nil {
			return nil, err
		}
		return nil, putCommand(tx, c)
	})
}

// DeleteCommand removes a command of which no invocation is under way.
func (fl *Fleet) DeleteCommand(ctx context.Context, id string) error {
	return fl.s.commits.do(func(tx meta.Tx) (func(), error) {
		if _, err := fl.command(tx, id); err != nil {
			return nil, err
		}
		ids, err := liveInvocations(tx)
		if err != nil {
			return nil, err
		}
		for _, name := range ids {
			inv, err := getInvocation(tx, name)
			if err != nil {
				return nil, err
			}
			if inv != nil && inv.CommandID == id {
				return nil, fail(sluice.Conflict, "Operation.Forbidden", "invocation %s of the command is under way, stop it first", inv.ID)
			}
		}
		return nil, tx.DeleteItem(kindCommand, id)
	})
}

// CommandFilter chooses commands; empty fields choose all. Names and descriptions may have * for anything.
type CommandFilter struct {
	ID, Name, Description, Type, Provider, ResourceGroup string
	Tags                                                 []Tag
}

// Commands returns the commands that f chooses, the newest first, and how many there are. None is public: a filter for a provider finds none.
func (fl *Fleet) Commands(ctx context.Context, f CommandFilter, p Page) (Listed[*Command], error) {
	name, description := wildcard(f.Name), wildcard(f.Description)
	return pageOf(ctx, fl, kindCommand, p, func(tx meta.Tx, c *Command) (*Command, bool, error) {
		return c, (f.ID == "" || f.ID == c.ID) && name(c.Name) && description(c.Description) && (f.Type == "" || f.Type == c.Type) &&
			f.Provider == "" && (f.ResourceGroup == "" || f.ResourceGroup == c.ResourceGroup) && hasTags(c.Tags, f.Tags), nil
	})
}

// ParameterNames are the parameters of the content, if it has any.
func (c *Command) ParameterNames() []string {
	if !c.EnableParameter {
		return []string{}
	}
	return append([]string{}, parameterNames(c.Content)...)
}
