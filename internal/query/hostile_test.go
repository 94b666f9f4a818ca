package query_test

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluicelog/sluice"
	"github.com/sluicelog/sluice/internal/catalog/catalogtest"
	"github.com/sluicelog/sluice/internal/query"
)

// hostileSQLConfig gives SQL the columns that the attacks of package statement name.
const hostileSQLConfig = `{"keys": {
	"n": {"type": "long", "doc_value": true}, "t": {"type": "text", "token": [" "], "doc_value": true},
	"method": {"type": "text", "token": [" "], "doc_value": true}, "status": {"type": "long", "doc_value": true},
	"latency": {"type": "double", "doc_value": true}, "tags": {"type": "text", "token": [" "], "doc_value": true},
	"ip": {"type": "text", "token": [" "], "doc_value": true}
}}`

// Every attack is refused, the ones of package statement and those that know where the files are, end to end: by an asker who may
// read users beside the search result. Nothing in the answers is anybody else's, and no file is other than before.
func TestHostileStatements(t *testing.T) {
	s := newShop(t, hostileSQLConfig)
	root := t.TempDir()
	file, out := filepath.Join(root, "secret.csv"), filepath.Join(root, "out")
	if err := errors.Join(os.WriteFile(file, []byte("name\nsilver\n"), 0o600), os.Mkdir(out, 0o700)); err != nil {
		t.Fatal(err)
	}
	places := strings.NewReplacer("{FILE}", file, "{OUT}", out, "{INDEX}", s.objects.FilesDir(), "{VAULT}", s.parquetOf(sluice.LogstoreRef{Project: "bank", Logstore: "vault"}), `\n`, "\n")
	before := files(t, root, s.objects.FilesDir())
	f := query.Filter{
		Ref: catalogtest.Ref, Search: "*", MayRead: mayReadUsers,
		Range: query.Range{From: 0, To: s.Clock.Now().Add(time.Hour).Unix() * 1e9},
	}
	attacks := 0
	for _, list := range []string{"testdata/hostile.txt", "statement/testdata/hostile.txt"} {
		raw, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			attacks++
			text := places.Replace(strings.TrimSuffix(line, "\n"))
			got, err := s.indexed.SQL(t.Context(), f, text)
			wantRefused(t, "SQL: "+text, got, err)
			got, err = s.indexed.ProjectSQL(t.Context(), catalogtest.Ref.Project, text, mayReadUsers)
			wantRefused(t, "ProjectSQL: "+text, got, err)
		}
	}
	if attacks < 500 {
		t.Errorf("only %d attacks", attacks)
	}
	if diff := cmp.Diff(before, files(t, root, s.objects.FilesDir())); diff != "" {
		t.Errorf("files are not what they were (-before +after):\n%s", diff)
	}
	got, err := s.indexed.SQL(t.Context(), f, "select count(*) from log, users")
	if err != nil || rowsText(got.Rows) != "[12]" {
		t.Errorf("the engine is of no use any more: %v, %v", got, err)
	}
}

func wantRefused(t *testing.T, what string, got *query.Result, err error) {
	t.Helper()
	switch sluice.KindOf(err) {
	case sluice.Invalid, sluice.Unsupported, sluice.Unauthorized:
	default:
		t.Errorf("%s\n%v, %v", what, got, err)
		return
	}
	for _, secret := range []string{"silver", "gold", "of secret"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s\nthe error tells %q: %v", what, secret, err)
		}
	}
}

// parquetOf is the path of a segment of a logstore.
func (s *segmented) parquetOf(ref sluice.LogstoreRef) string {
	s.t.Helper()
	snap, err := s.index.Snapshot(s.t.Context(), ref)
	if err != nil || len(snap.Segments) == 0 {
		s.t.Fatalf("%v has no segment: %v", ref, err)
	}
	path := filepath.Join(s.objects.FilesDir(), snap.Segments[0].Info().ParquetObject())
	if _, err := os.Stat(path); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// files maps the files below directories to the hashes of what they hold.
func files(t *testing.T, dirs ...string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			all[path] = sha256.Sum256(raw)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
