package transfer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDisksThatFoldCase plays one with a link: both names lead to one folder.
func TestDisksThatFoldCase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "prompts", "Welcome"), 0o700))
	require.NoError(t, os.Symlink("Welcome", filepath.Join(dir, "prompts", "welcome")))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	w := newWriter(root)
	require.NoError(t, w.write("prompts/Welcome/1.0.0.json", []byte("{}")))
	require.NoError(t, w.write("prompts/Welcome/1.1.0.json", []byte("{}")))
	require.EqualError(t, w.write("prompts/welcome/2.0.0.json", []byte("{}")),
		"prompts/Welcome and prompts/welcome cannot lie side by side: this disk does not tell upper from lower case")
	require.NoError(t, w.write("prompts/HELLO/1.0.0.json", []byte("{}")))
	require.NoError(t, w.write("prompts/hello/1.0.0.json", []byte("{}")), "this disk does")
}

func TestWritesAreWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "taken"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "taken", "x"), nil, 0o600))
	require.Error(t, newWriter(root).write("taken", []byte("{}")), "a folder of that name")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file stays")
}
