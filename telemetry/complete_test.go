package telemetry_test

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// keeper is a store that remembers the logs it is given.
type keeper struct {
	telemetry.Store
	logs []telemetry.Log
}

func (k *keeper) InsertLogs(_ context.Context, _ telemetry.Insertion, logs []telemetry.Log) (int64, error) {
	k.logs = append(k.logs, logs...)
	return int64(len(k.logs)), nil
}

// stored is a log as it reaches the store.
func stored(tb testing.TB, change func(*telemetry.Log)) telemetry.Log {
	tb.Helper()
	k := &keeper{}
	l := telemetry.Log{PromptName: "p", VersionTag: "1.0.0"}
	change(&l)
	_, err := telemetry.NewService(k, telemetry.DefaultPrices()).Log(tb.Context(), l)
	require.NoError(tb, err)
	return k.logs[0]
}

// refused gives the faults of a log that does not reach the store.
func refused(tb testing.TB, change func(*telemetry.Log)) []string {
	tb.Helper()
	k := &keeper{}
	l := telemetry.Log{PromptName: "p", VersionTag: "1.0.0"}
	change(&l)
	_, err := telemetry.NewService(k, telemetry.DefaultPrices()).Log(tb.Context(), l)
	require.ErrorIs(tb, err, pmerr.ErrValidation)
	require.Empty(tb, k.logs)
	return pmerr.From(err).Fields
}

// TestTruth derives the outcome of metadata.error the way that the clients'
// language does.
func TestTruth(t *testing.T) {
	t.Parallel()
	for value, failed := range map[string]bool{
		`true`: true, `1`: true, `-1`: true, `0.001`: true, `"false"`: true, `"0"`: true, `" "`: true, `{}`: true, `[]`: true, `{"code":null}`: true,
		`false`: false, `null`: false, `0`: false, `-0`: false, `0.0`: false, `0e5`: false, `""`: false, ` false `: false,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			got := stored(t, func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{"error": json.RawMessage(value)} })
			require.Equal(t, failed, got.Status == telemetry.Failed)
		})
	}
}

func TestErrorCode(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"code":"rate_limit"}`:                       "rate_limit",
		`{"code":"\u0067rün"}`:                        "grün",
		` {"code" : 429 } `:                           "429",
		`{"code":-1.5}`:                               "-1.5",
		`{"code":"` + strings.Repeat("ü", 256) + `"}`: strings.Repeat("ü", 256),
		`{"code":"` + strings.Repeat("ü", 257) + `"}`: "503",
		`{"code":true}`:                               "503",
		`{"code":["x"]}`:                              "503",
		`{"message":"no code"}`:                       "503",
		`["x"]`:                                       "503",
		`"x"`:                                         "503",
		`{"code":""}`:                                 "503",
		`{"code":null}`:                               "503",
		`{"error":{"code":"deeper than the clients put it"}}`: "503",
	} {
		t.Run(value[:min(len(value), 40)], func(t *testing.T) {
			t.Parallel()
			got := stored(t, func(l *telemetry.Log) {
				l.Metadata, l.HTTPStatus = telemetry.Metadata{"error": json.RawMessage(value)}, new(503)
			})
			require.Equal(t, want, *got.ErrorCode)
		})
	}
	t.Run("a success has none", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, stored(t, func(l *telemetry.Log) { l.HTTPStatus = new(404) }).ErrorCode)
	})
	t.Run("what was given stays, also of a success", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "x", *stored(t, func(l *telemetry.Log) { l.ErrorCode = new("x") }).ErrorCode)
	})
}

func TestPriced(t *testing.T) {
	t.Parallel()
	own, err := telemetry.ParsePrices([]byte(`{"updated": "2026-02-01", "currency": "USD", "unit": "1M tokens",
		"providers": {"acme": {"models": {"m": {"input": 1, "output": 2}}}}}`))
	require.NoError(t, err)
	k := &keeper{}
	_, err = telemetry.NewService(k, own).Log(t.Context(), telemetry.Log{
		PromptName: "p", VersionTag: "1", Model: new("m"), TokensIn: new(int64(1e6)), TokensOut: new(int64(1e6)),
	})
	require.NoError(t, err)
	require.InDelta(t, 3, *k.logs[0].CostUSD, 1e-9)

	t.Run("no table prices nothing", func(t *testing.T) {
		t.Parallel()
		k := &keeper{}
		_, err := telemetry.NewService(k, nil).Log(t.Context(), telemetry.Log{
			PromptName: "p", VersionTag: "1", Model: new("gpt-4o"), TokensIn: new(int64(1)),
		})
		require.NoError(t, err)
		require.Nil(t, k.logs[0].CostUSD)
		require.Nil(t, k.logs[0].CostSource)
	})
}

// TestFaultsOfGoCallers are faults that JSON from outside cannot have.
func TestFaultsOfGoCallers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*telemetry.Log)
		field  string
	}{
		"a cost that is no number":      {func(l *telemetry.Log) { l.CostUSD = new(math.NaN()) }, "cost_usd"},
		"a cost without end":            {func(l *telemetry.Log) { l.CostUSD = new(math.Inf(1)) }, "cost_usd"},
		"a name that is no UTF-8":       {func(l *telemetry.Log) { l.PromptName = "\xff" }, "prompt_name"},
		"metadata that is no JSON":      {func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{"a": json.RawMessage(`{`)} }, "metadata.a"},
		"metadata of two values":        {func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{"a": json.RawMessage(`1 2`)} }, "metadata.a"},
		"metadata of nothing":           {func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{"a": nil} }, "metadata.a"},
		"metadata that closes too much": {func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{"a": json.RawMessage(`1]`)} }, "metadata.a"},
		"a key that is no UTF-8":        {func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{"\xff": json.RawMessage(`1`)} }, "metadata"},
		"options that are no JSON":      {func(l *telemetry.Log) { l.OllamaOptions = json.RawMessage(`{"a"`) }, "ollama_options"},
		"a format that is no JSON":      {func(l *telemetry.Log) { l.OllamaFormat = json.RawMessage(`"a`) }, "ollama_format"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := refused(t, test.change)
			require.Len(t, fields, 1)
			require.True(t, strings.HasPrefix(fields[0], test.field), "%q", fields[0])
		})
	}
	t.Run("the faults of a batch that is wrong throughout are bounded", func(t *testing.T) {
		t.Parallel()
		_, err := telemetry.NewService(&keeper{}, nil).LogBatch(t.Context(), make([]telemetry.Log, 1000))
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.LessOrEqual(t, len(pmerr.From(err).Fields), 110)
	})
	t.Run("null counts as absent", func(t *testing.T) {
		t.Parallel()
		got := stored(t, func(l *telemetry.Log) { l.OllamaOptions, l.OllamaFormat = nil, json.RawMessage(``) })
		require.Nil(t, got.OllamaOptions)
		require.Nil(t, got.OllamaFormat)
	})
}

// FuzzMetadata checks that whatever JSON is accepted can be stored as it is.
func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{`1`, `"x"`, `{"a":[1,null,true,"ü"]}`, `{"code":"x"}`, `[`, `1 2`, "\"\\u0000\"", `"\ud800"`, ``, `nul`, `[[[[]]]]`, `-`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		k := &keeper{}
		_, err := telemetry.NewService(k, nil).Log(t.Context(), telemetry.Log{
			PromptName: "p", VersionTag: "1", Metadata: telemetry.Metadata{"error": value},
		})
		if err != nil {
			require.ErrorIs(t, err, pmerr.ErrValidation)
			return
		}
		require.True(t, json.Valid(value))
		data, err := json.Marshal(k.logs[0].Metadata)
		require.NoError(t, err)
		require.NotContains(t, string(data), `\u0000`, "PostgreSQL cannot keep it")
		require.Contains(t, []telemetry.Status{telemetry.OK, telemetry.Failed}, k.logs[0].Status)
	})
}
