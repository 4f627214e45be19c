package client

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheClientIsLight keeps databases, git and HTTP frameworks out of the
// programs that import the client.
func TestTheClientIsLight(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, heavy := range []string{"sqlite", "go-git", "huma", "uptrace/bun", "pgx", "database/sql\n", "minio"} {
		for line := range strings.SplitSeq(string(out), "\n") {
			require.NotContains(t, line+"\n", heavy)
		}
	}
}
