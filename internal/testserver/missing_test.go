package testserver

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// witness is a test that records how it ended.
type witness struct {
	testing.TB

	name            string
	failed, skipped string
}

func (w *witness) Helper()      {}
func (w *witness) Name() string { return w.name }
func (w *witness) Fatalf(format string, args ...any) {
	w.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (w *witness) Skipf(format string, args ...any) {
	w.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// end calls missing as a test of that name would, and waits for its end.
func end(name, what string, env map[string]string) *witness {
	w := &witness{name: name}
	var ending sync.WaitGroup
	ending.Go(func() { missing(w, what, func(key string) string { return env[key] }) })
	ending.Wait()
	return w
}

func TestMissing(t *testing.T) {
	t.Parallel()
	t.Run("fails in CI and notes nothing", func(t *testing.T) {
		t.Parallel()
		list := filepath.Join(t.TempDir(), "omitted")
		w := end("TestA", "PostgreSQL", map[string]string{"CI": "true", OmittedVariable: list})
		require.Contains(t, w.failed, "PostgreSQL")
		require.Empty(t, w.skipped)
		require.NoFileExists(t, list)
	})
	t.Run("skips elsewhere, and notes every omission", func(t *testing.T) {
		t.Parallel()
		list := filepath.Join(t.TempDir(), "omitted")
		for _, test := range []string{"TestA", "TestB/c"} {
			w := end(test, "PostgreSQL", map[string]string{OmittedVariable: list})
			require.Contains(t, w.skipped, "PostgreSQL")
			require.Empty(t, w.failed)
		}
		noted, err := os.ReadFile(list)
		require.NoError(t, err)
		require.Equal(t, "PostgreSQL\tTestA\nPostgreSQL\tTestB/c\n", string(noted))
	})
	t.Run("skips without a list", func(t *testing.T) {
		t.Parallel()
		require.NotEmpty(t, end("TestA", "PostgreSQL", nil).skipped)
	})
	t.Run("fails when the omission cannot be noted", func(t *testing.T) {
		t.Parallel()
		list := filepath.Join(t.TempDir(), "no", "folder")
		w := end("TestA", "PostgreSQL", map[string]string{OmittedVariable: list})
		require.Contains(t, w.failed, "note that PostgreSQL is missing")
		require.Empty(t, w.skipped)
	})
}
