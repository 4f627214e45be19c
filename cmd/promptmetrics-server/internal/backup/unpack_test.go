package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUnpack unpacks tars of anybody: nothing is written outside of the work
// folder, no more than came, and what is accepted has its checksums.
func FuzzUnpack(f *testing.F) {
	for _, format := range []int{1, 2} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		add := func(name, text string) {
			require.NoError(f, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(text)), Mode: 0o600}))
			_, err := w.Write([]byte(text))
			require.NoError(f, err)
		}
		m := Manifest{Format: format}
		about := fmt.Sprintf(`{"format":%d}`, format)
		add(aboutName, about)
		add(databaseName, "rows")
		for _, one := range [][2]string{{aboutName, about}, {databaseName, "rows"}} {
			m.Files = append(m.Files, File{one[0], int64(len(one[1])), fmt.Sprintf("%x", sha256.Sum256([]byte(one[1])))})
		}
		if format == 1 {
			add("prompts.git/HEAD", "ref: refs/heads/main\n")
			add("prompts.git/refs/heads/main", strings.Repeat("0", 40))
		} else {
			text, err := json.Marshal(m)
			require.NoError(f, err)
			add(manifestName, string(text))
		}
		require.NoError(f, w.Close())
		f.Add(out.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parent := t.TempDir()
		work := filepath.Join(parent, "work")
		require.NoError(t, os.Mkdir(work, 0o700))
		u := newUnpacker(t.Context(), bytes.NewReader(data), work, nil)
		if u.run() == nil {
			require.NotEmpty(t, u.came)
		}
		total := int64(0)
		require.NoError(t, filepath.WalkDir(parent, func(path string, e fs.DirEntry, err error) error {
			if err != nil || path == parent {
				return err
			}
			require.True(t, strings.HasPrefix(path, work), path)
			require.True(t, e.IsDir() || e.Type().IsRegular(), path)
			if !e.IsDir() && filepath.Base(path) != "config" && filepath.Base(path) != bundleName {
				total += sizeOf(path)
			}
			return nil
		}))
		require.LessOrEqual(t, total, int64(len(data)))
	})
}
