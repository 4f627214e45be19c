package timestamp_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func TestOf(t *testing.T) {
	t.Parallel()
	at := timestamp.Of(time.Date(2026, 1, 2, 3, 4, 5, 999_999_999, time.FixedZone("east", 7200)))
	require.Equal(t, time.Date(2026, 1, 2, 1, 4, 5, 0, time.UTC), at.Time, "cut, not rounded; in UTC")
	require.Equal(t, int64(-1), timestamp.Of(time.UnixMilli(-500)).Unix(), "also before 1970")
}

func TestJSON(t *testing.T) {
	t.Parallel()
	t.Run("is Unix seconds", func(t *testing.T) {
		t.Parallel()
		for want, at := range map[string]time.Time{"1700000000": time.Unix(1_700_000_000, 0), "0": time.Unix(0, 0), "-5": time.Unix(-5, 0)} {
			data, err := json.Marshal(map[string]timestamp.Time{"at": timestamp.Of(at)})
			require.NoError(t, err)
			require.Equal(t, `{"at":`+want+`}`, string(data))
			var back map[string]timestamp.Time
			require.NoError(t, json.Unmarshal(data, &back))
			require.Equal(t, timestamp.Of(at), back["at"])
		}
	})
	t.Run("null leaves an optional time out", func(t *testing.T) {
		t.Parallel()
		var v struct{ At *timestamp.Time }
		require.NoError(t, json.Unmarshal([]byte(`{"At":null}`), &v))
		require.Nil(t, v.At)
	})
	for _, text := range []string{`"1700000000"`, `1.5`, `1e9`, `true`, `"2026-01-01T00:00:00Z"`, `99999999999999999999`, `[]`} {
		t.Run(text+" is refused", func(t *testing.T) {
			t.Parallel()
			var at timestamp.Time
			require.Error(t, json.Unmarshal([]byte(text), &at))
		})
	}
}
