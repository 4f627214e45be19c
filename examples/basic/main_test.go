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
	require.Equal(t, "welcome 1.0.0: Hello Alice!\nanswer: Hello! How can I help you?\nlogged: 1 call, $0.0060\n", out.String())
}
