package requestid_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/requestid"
)

func TestLinesNameTheirRequest(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	bare := slog.New(slog.NewTextHandler(&said, nil))
	log := requestid.Logger(requestid.Logger(bare))
	ctx := requestid.With(t.Context(), "abc")

	log.InfoContext(ctx, "within a request")
	log.With("part", 1).InfoContext(ctx, "with attributes")
	log.Info("without a request")
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	require.Len(t, lines, 3)
	require.Equal(t, 1, strings.Count(lines[0], "request_id=abc"), "once, however often it was applied")
	require.Contains(t, lines[1], "part=1 request_id=abc")
	require.NotContains(t, lines[2], "request_id")
	require.Empty(t, requestid.Of(t.Context()))
}
