package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestItRuns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, t.TempDir()))
	require.Equal(t, `users needed: 742 for each version
happy users: A 60.7 % of 978, B 66.5 % of 1022
difference: +5.8 points, 95 % between +1.6 and +10.0, p = 0.0070
guardrail latency holds: true
winner: B
production: 1.1.0
`, out.String())
}
