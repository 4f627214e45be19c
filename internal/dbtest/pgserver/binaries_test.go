package pgserver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pretend makes folders that hold what looks like a server's programs.
func pretend(tb testing.TB, folders ...string) {
	tb.Helper()
	for _, folder := range folders {
		require.NoError(tb, os.MkdirAll(folder, 0o700))
		for _, name := range []string{"initdb", "postgres"} {
			require.NoError(tb, os.WriteFile(filepath.Join(folder, program(name)), nil, 0o700))
		}
	}
}

func TestNewestBin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		installed []string
		wants     string
	}{
		{"takes ten for more than nine", []string{"9.6", "10", "9"}, "10"},
		{"takes the higher minor version", []string{"9.6", "9.10", "9.2"}, "9.10"},
		{"passes over a folder without programs", []string{"16"}, "16"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, version := range test.installed {
				pretend(t, filepath.Join(root, version, "bin"))
			}
			require.NoError(t, os.MkdirAll(filepath.Join(root, "99", "bin"), 0o700))
			got, err := newestBin([]string{filepath.Join(root, "nowhere", "*"), filepath.Join(root, "*", "bin")})
			require.NoError(t, err)
			require.Equal(t, filepath.Join(root, test.wants, "bin"), got)
		})
	}
	t.Run("says what to install when there is none", func(t *testing.T) {
		t.Parallel()
		_, err := newestBin([]string{filepath.Join(t.TempDir(), "*")})
		require.ErrorIs(t, err, ErrNotInstalled)
		require.ErrorContains(t, err, "apt-get install postgresql")
	})
}

func TestFindBinFollowsThePath(t *testing.T) {
	root := t.TempDir()
	real, links, half := filepath.Join(root, "real"), filepath.Join(root, "links"), filepath.Join(root, "half")
	pretend(t, real)
	require.NoError(t, os.MkdirAll(links, 0o700))
	require.NoError(t, os.Symlink(filepath.Join(real, program("initdb")), filepath.Join(links, program("initdb"))))
	pretend(t, half)
	require.NoError(t, os.Remove(filepath.Join(half, program("postgres"))))

	t.Setenv("PATH", links)
	got, err := findBin()
	require.NoError(t, err)
	require.Equal(t, real, got)

	// Half an installation on the PATH does not hide a whole one elsewhere.
	t.Setenv("PATH", half)
	got, err = findBin()
	if err != nil {
		require.ErrorIs(t, err, ErrNotInstalled)
		return
	}
	require.NotEqual(t, half, got)
	require.True(t, holdsServer(got))
}

func TestStartSaysThatTheGivenFolderHasNoServer(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	_, err := Start(t.Context(), Options{Bin: empty})
	require.ErrorIs(t, err, ErrNotInstalled)
	require.ErrorContains(t, err, empty)
}
