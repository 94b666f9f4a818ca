package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluicelog/sluice/internal/objects"
	"github.com/sluicelog/sluice/internal/vfs"
)

// A server removes objects below its prefix that no segment of it has. So that two servers never share a prefix, the first one writes
// who it is there, and goes by that name, a file of its data directory, ever after.
const (
	ownerFile   = "server.id"
	ownerObject = "owner"
	maxOwner    = 64
)

// claim makes the place in the bucket this server's, or fails if it is another's.
func claim(ctx context.Context, bucket objects.Store, dataDir string) error {
	id, err := serverID(filepath.Join(dataDir, ownerFile))
	if err != nil {
		return err
	}
	err = bucket.PutNew(ctx, ownerObject, []byte(id))
	if !errors.Is(err, objects.ErrExists) {
		return err
	}
	size, err := bucket.Size(ctx, ownerObject)
	if err != nil {
		return err
	}
	owner := make([]byte, min(size, maxOwner))
	if err := bucket.Get(ctx, ownerObject, owner, 0); err != nil {
		return err
	}
	if string(owner) != id {
		return fmt.Errorf("index.prefix of index.bucket belongs to another server: its object %q says %.64q, and this server is %q; "+
			"give this one a prefix of its own, or delete that object if the other server is no more", ownerObject, owner, id)
	}
	return nil
}

// serverID reads the name of this server, or makes one.
func serverID(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil && len(raw) > 0 && len(raw) <= maxOwner {
		return string(raw), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	id := rand.Text()
	f, err := os.Create(path) // an empty one is what a crash left of the first start
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(id)
	return id, errors.Join(err, f.Sync(), f.Close(), vfs.OS{}.SyncDir(filepath.Dir(path)))
}
