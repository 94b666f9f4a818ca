package backup

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/archive"
	"github.com/sluicelog/sluice/internal/shard"
)

// claims are the files that a client says it has, by name. A claim is true of a file here that has the same name, size and bytes. Names
// and sizes prove nothing: a server that was restored, or a machine that was set back to a snapshot, gives the name of one file to another.
type claims map[string]archive.File

func newClaims(list []archive.File) (claims, error) {
	if len(list) > archive.MaxClaims {
		return nil, sluice.Errorf(sluice.Invalid, "parameter", "have lists %d files; list the largest %d, the others are sent", len(list), archive.MaxClaims)
	}
	c := make(claims, len(list))
	for _, f := range list {
		if !archive.Lasting(f.Name) {
			return nil, sluice.Errorf(sluice.Invalid, "parameter", "have lists %.200q, which is always sent: list files of journal/, shards/ and index/", f.Name)
		}
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size || f.Size < 0 {
			return nil, sluice.Errorf(sluice.Invalid, "parameter", "have lists %s without its size or its SHA-256 in hexadecimal", f.Name)
		}
		if _, again := c[f.Name]; again {
			return nil, sluice.Errorf(sluice.Invalid, "parameter", "have lists %s twice", f.Name)
		}
		c[f.Name] = f
	}
	return c, nil
}

// possible returns the claim of a file that may be true.
func (c claims) possible(name string, file shard.HeldFile) (archive.File, bool) {
	f, ok := c[name]
	return f, ok && f.Size == file.Size
}
