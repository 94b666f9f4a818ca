package assistant

import (
	"context"
	"encoding/base64"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/agentproto"
	"github.com/sluicelog/sluice/internal/meta"
)

// Types of the content of files.
const (
	plainText   = "PlainText"
	base64Text  = "Base64"
	defaultMode = "0644"
)

var fileMode = regexp.MustCompile(`^0?[0-7]{3}$`)

// SendFile writes a file on instances.
type SendFile struct {
	Targets
	FileSpec
	Caller        Caller
	Timeout       int64
	ResourceGroup string
	FileTags      []Tag
	Token         Token
}

// SendFile makes an invocation that writes a file, and returns its id.
func (fl *Fleet) SendFile(ctx context.Context, f SendFile) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	s := fl.s
	now := s.now()
	inv := &Invocation{
		ID: newID("f", now), Account: fl.account, Caller: f.Caller, File: &f.FileSpec, RepeatMode: agentproto.Once, ResourceGroup: f.ResourceGroup, Tags: f.FileTags,
		Created: now,
	}
	var err error
	if inv.Timeout, err = checkTimeout(f.Timeout, defaultTimeout); err != nil {
		return "", err
	}
	targets, err := fl.targets(f.Targets, maxFileTargets, inv)
	if err != nil {
		return "", err
	}
	return s.once(ctx, f.Token, func(tx meta.Tx) (string, func(), error) {
		after, err := fl.create(tx, inv, targets)
		return inv.ID, after, err
	})
}

func (f *SendFile) check() error {
	if f.ContentType == "" {
		f.ContentType = plainText
	}
	if f.Mode == "" {
		f.Mode = defaultMode
	}
	size := len(f.Content)
	switch f.ContentType {
	case plainText:
		size = encodedSize(size)
	case base64Text:
	default:
		return fail(sluice.Invalid, "FileContentType.Invalid", "content type %.40q is neither PlainText nor Base64", f.ContentType)
	}
	switch {
	case f.Name == "" || utf8.RuneCountInString(f.Name) > maxFileName:
		return fail(sluice.TooLarge, "FileName.ExceedLimit", "a file name has 1 to %d characters", maxFileName)
	case !plain(f.Name), strings.ContainsAny(f.Name, "/\\\n"), f.Name == ".", f.Name == "..":
		return fail(sluice.TooLarge, "FileName.ExceedLimit", "file name %.80q is a path, or does not print", f.Name)
	case f.TargetDir == "" || utf8.RuneCountInString(f.TargetDir) > maxFileDir || strings.ContainsAny(f.TargetDir, "\x00\r\n") || !utf8.ValidString(f.TargetDir):
		return fail(sluice.Invalid, "FileTargetDir.Invalid", "a target directory is one line of 1 to %d characters", maxFileDir)
	case utf8.RuneCountInString(f.Description) > maxDescription:
		return fail(sluice.TooLarge, "FileDesc.ExceedLimit", "a description has at most %d characters", maxDescription)
	case !fileMode.MatchString(f.Mode):
		return fail(sluice.Invalid, "FileMode.Invalid", "mode %.20q is not octal, such as 0644", f.Mode)
	case len(f.Owner) > maxFileOwner || !plain(f.Owner):
		return fail(sluice.Invalid, "InvalidParameter.FileOwner", "an owner has at most %d characters", maxFileOwner)
	case len(f.Group) > maxFileOwner || !plain(f.Group):
		return fail(sluice.Invalid, "InvalidParameter.FileGroup", "a group has at most %d characters", maxFileOwner)
	case size > maxFile:
		return fail(sluice.TooLarge, "FileSize.ExceedLimit", "the content has %d bytes in base64, at most %d are allowed", size, maxFile)
	}
	if _, err := f.bytes(); err != nil || !utf8.ValidString(f.Content) {
		return fail(sluice.Invalid, "FileContent.DecodeError", "the content is not what its type says")
	}
	return checkTags(f.FileTags)
}

// bytes are what goes into the file.
func (f *FileSpec) bytes() ([]byte, error) {
	if f.ContentType == base64Text {
		return base64.StdEncoding.DecodeString(f.Content)
	}
	return []byte(f.Content), nil
}
