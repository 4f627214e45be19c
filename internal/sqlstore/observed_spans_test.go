package sqlstore_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func TestObserverOfOTLP(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		t.Run("hears traces, spans and calls once, however often they are sent", func(t *testing.T) {
			t.Parallel()
			n, heard := listened(t, e)
			s := n.telemetryOf(t, "a")
			trace := uuid.NewString()
			var open, whole sent
			open.span(trace, 1, 0)
			open.Spans[0].EndTime, open.Spans[0].Status = nil, telemetry.SpanUnset
			whole.span(trace, 1, 0)
			whole.call(trace, 2, 1)
			ingest(t, s, &open)
			for range 3 {
				ingest(t, s, &whole)
			}

			require.Len(t, heard.traces, 1)
			require.Equal(t, trace, heard.traces[0].ID)
			require.Len(t, heard.added, 2)
			require.False(t, heard.added[0].Ended())
			require.Len(t, heard.ended, 1)
			require.Equal(t, "0000000000000001", heard.ended[0].ID)
			require.Zero(t, heard.changed)
			for _, source := range heard.sources {
				require.Equal(t, telemetry.Source{Workspace: "a", Origin: telemetry.FromOTLP}, source)
			}
			logs := heard.heard("a")
			require.Len(t, logs, 1)
			require.Equal(t, telemetry.FromOTLP, logs[0].Origin)
			page, err := s.Logs(t.Context(), telemetry.LogFilter{}, firstPage)
			require.NoError(t, err)
			require.Equal(t, page.Items[0], logs[0].Log)
		})
	})
}
