package telemetrytest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

var logs = map[string]func(*testing.T, Env){
	"Log/KeepsEveryField":                       logKeepsEveryField,
	"Log/ZeroIsZeroAndAbsentIsNull":             logZeroAndNull,
	"Log/DerivesStatusAndErrorCode":             logDerives,
	"Log/PricesKnownModelsOnly":                 logPrices,
	"Log/NamesEveryFault":                       logFaults,
	"LogBatch/IsAllOrNothing":                   batchAllOrNothing,
	"LogBatch/GivesConsecutiveIDsInOrder":       batchIDs,
	"LogBatch/RefusesWrongSizes":                batchSizes,
	"Logs/ComeNewestFirstInPages":               logPages,
	"Logs/AreFiltered":                          logFilters,
	"ExportLogs/StreamsWhatLogsList":            logExport,
	"Log/ConcurrentCallersGetTheirOwnID":        logConcurrent,
	"Log/AuditHasOneEntryForEachCallAndNoOther": logAudit,
}

func simple(prompt string) telemetry.Log {
	return telemetry.Log{PromptName: prompt, VersionTag: "1.0.0"}
}

func last(t *testing.T, env Env) telemetry.Log {
	t.Helper()
	p, err := env.Home.Logs(t.Context(), telemetry.LogFilter{}, page.Request{Limit: 1})
	require.NoError(t, err)
	require.Len(t, p.Items, 1)
	return p.Items[0]
}

func logKeepsEveryField(t *testing.T, env Env) {
	given := telemetry.Log{
		PromptName: "welcome", VersionTag: "1.0.0", Provider: ptr("openai"), Model: ptr("gpt-4o"),
		TokensIn: ptr(int64(10)), TokensOut: ptr(int64(20)), LatencyMS: ptr(int64(500)), CostUSD: ptr(0.001),
		Status: telemetry.OK, ErrorCode: ptr("none"), HTTPStatus: ptr(200), RunID: ptr("run-1"), TraceID: ptr("trace-1"),
		OllamaOptions: json.RawMessage(`{"num_ctx":4096}`), OllamaKeepAlive: ptr("5m"), OllamaFormat: json.RawMessage(`"json"`),
		Metadata: telemetry.Metadata{"big": json.RawMessage(`9007199254740993`), "nested": json.RawMessage(`{"a":[1,null,"x"]}`)},
	}
	before := time.Now().Add(-2 * time.Second)
	id, err := env.Home.Log(t.Context(), given)
	require.NoError(t, err)
	require.EqualValues(t, 1, id)
	got := last(t, env)
	require.WithinRange(t, got.CreatedAt.Time, before, time.Now().Add(2*time.Second))
	want := given
	want.ID, want.CreatedAt, want.Workspace, want.CostSource = id, got.CreatedAt, got.Workspace, ptr(telemetry.CostFromClient)
	require.NotEmpty(t, got.Workspace)
	require.Equal(t, want, got)
}

func logZeroAndNull(t *testing.T, env Env) {
	_, err := env.Home.Log(t.Context(), telemetry.Log{
		PromptName: "p", VersionTag: "1", TokensIn: ptr(int64(0)), LatencyMS: ptr(int64(0)), CostUSD: ptr(0.0),
	})
	require.NoError(t, err)
	got := last(t, env)
	require.Equal(t, ptr(int64(0)), got.TokensIn)
	require.Equal(t, ptr(int64(0)), got.LatencyMS)
	require.Equal(t, ptr(0.0), got.CostUSD)
	require.Equal(t, ptr(telemetry.CostFromClient), got.CostSource)
	require.Nil(t, got.TokensOut)
	require.Nil(t, got.Provider)
	require.Nil(t, got.Metadata)
	require.Nil(t, got.HTTPStatus)
}

func logDerives(t *testing.T, env Env) {
	for name, c := range map[string]struct {
		metadata string
		http     *int
		status   telemetry.Status
		want     telemetry.Status
		code     *string
	}{
		"nothing":                {want: telemetry.OK},
		"http 499":               {http: ptr(499), want: telemetry.OK},
		"http 500":               {http: ptr(500), want: telemetry.Failed, code: ptr("500")},
		"error true":             {metadata: `true`, want: telemetry.Failed},
		"error false":            {metadata: `false`, want: telemetry.OK},
		"error zero":             {metadata: `0`, want: telemetry.OK},
		"error empty":            {metadata: `""`, want: telemetry.OK},
		"error null":             {metadata: `null`, want: telemetry.OK},
		"error text":             {metadata: `"boom"`, http: ptr(429), want: telemetry.Failed, code: ptr("429")},
		"error object with code": {metadata: `{"code":"rate_limit"}`, http: ptr(429), want: telemetry.Failed, code: ptr("rate_limit")},
		"error code number":      {metadata: `{"code":17}`, want: telemetry.Failed, code: ptr("17")},
		"status is believed":     {http: ptr(503), status: telemetry.OK, want: telemetry.OK},
	} {
		l := simple("p")
		l.HTTPStatus, l.Status = c.http, c.status
		if c.metadata != "" {
			l.Metadata = telemetry.Metadata{"error": json.RawMessage(c.metadata)}
		}
		_, err := env.Home.Log(t.Context(), l)
		require.NoError(t, err, name)
		got := last(t, env)
		require.Equal(t, c.want, got.Status, name)
		require.Equal(t, c.code, got.ErrorCode, name)
	}
}

func logPrices(t *testing.T, env Env) {
	l := simple("p")
	l.Provider, l.Model, l.TokensIn, l.TokensOut = ptr("openai"), ptr("gpt-4o"), ptr(int64(1_000_000)), ptr(int64(100_000))
	_, err := env.Home.Log(t.Context(), l)
	require.NoError(t, err)
	got := last(t, env)
	require.Equal(t, ptr(telemetry.CostFromTable), got.CostSource)
	require.InDelta(t, 2.5+1.0, *got.CostUSD, 1e-9) // $2.50 and $10 a million tokens

	l.Model = ptr("gpt-4o-imaginary")
	_, err = env.Home.Log(t.Context(), l)
	require.NoError(t, err)
	require.Nil(t, last(t, env).CostUSD)
	require.Nil(t, last(t, env).CostSource)
}

func logFaults(t *testing.T, env Env) {
	many := telemetry.Metadata{}
	for i := range 51 {
		many[fmt.Sprint(i)] = json.RawMessage(`1`)
	}
	for want, l := range map[string]telemetry.Log{
		"prompt_name is required and must be at most 128 characters": {VersionTag: "1"},
		"version_tag is required and must be at most 64 characters":  {PromptName: "p", VersionTag: strings.Repeat("x", 65)},
		"provider must be at most 64 characters":                     {PromptName: "p", VersionTag: "1", Provider: ptr(strings.Repeat("x", 65))},
		"tokens_in must be an integer of at least 0":                 {PromptName: "p", VersionTag: "1", TokensIn: ptr(int64(-1))},
		"status must be ok or error":                                 {PromptName: "p", VersionTag: "1", Status: "fine"},
		"ollama_options must be an object":                           {PromptName: "p", VersionTag: "1", OllamaOptions: json.RawMessage(`[1]`)},
		"ollama_format must be a string or an object":                {PromptName: "p", VersionTag: "1", OllamaFormat: json.RawMessage(`1`)},
		"metadata must have at most 50 keys":                         {PromptName: "p", VersionTag: "1", Metadata: many},
		"metadata.a must have texts of at most 1024 characters": {
			PromptName: "p", VersionTag: "1", Metadata: telemetry.Metadata{"a": json.RawMessage(`{"b":["` + strings.Repeat("é", 1025) + `"]}`)},
		},
	} {
		_, err := env.Home.Log(t.Context(), l)
		requireFaults(t, err, want)
	}
	_, err := env.Home.Log(t.Context(), telemetry.Log{TokensOut: ptr(int64(-1)), CostUSD: ptr(-1.0)})
	require.Len(t, pmerr.From(err).Fields, 4, "all faults come at once")
	p, err := env.Home.Logs(t.Context(), telemetry.LogFilter{}, all)
	require.NoError(t, err)
	require.Zero(t, p.Total)
	requireAudit(t, env, "log:create", 0)
}

func batchAllOrNothing(t *testing.T, env Env) {
	bad := []telemetry.Log{simple("a"), simple("b"), simple("c"), simple("d")}
	bad[3].TokensIn = ptr(int64(-1))
	bad[1].PromptName = ""
	_, err := env.Home.LogBatch(t.Context(), bad)
	requireFaults(t, err, "logs[1].prompt_name is required and must be at most 128 characters", "logs[3].tokens_in must be an integer of at least 0")
	p, err := env.Home.Logs(t.Context(), telemetry.LogFilter{}, all)
	require.NoError(t, err)
	require.Empty(t, p.Items)
}

func batchIDs(t *testing.T, env Env) {
	_, err := env.Home.Log(t.Context(), simple("first"))
	require.NoError(t, err)
	ids, err := env.Home.LogBatch(t.Context(), []telemetry.Log{simple("a"), simple("b"), simple("c")})
	require.NoError(t, err)
	require.Equal(t, []int64{2, 3, 4}, ids)
	p, err := env.Home.Logs(t.Context(), telemetry.LogFilter{}, all)
	require.NoError(t, err)
	names := []string{}
	for _, l := range p.Items {
		names = append(names, l.PromptName)
	}
	require.Equal(t, []string{"c", "b", "a", "first"}, names)
}

func batchSizes(t *testing.T, env Env) {
	_, err := env.Home.LogBatch(t.Context(), nil)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	many := make([]telemetry.Log, telemetry.MaxBatch+1)
	for i := range many {
		many[i] = simple("p")
	}
	_, err = env.Home.LogBatch(t.Context(), many)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	ids, err := env.Home.LogBatch(t.Context(), many[:telemetry.MaxBatch])
	require.NoError(t, err)
	require.Len(t, ids, telemetry.MaxBatch)
}

func logPages(t *testing.T, env Env) {
	for range 5 {
		_, err := env.Home.Log(t.Context(), simple("p"))
		require.NoError(t, err)
	}
	list := func(r page.Request) (page.Of[telemetry.Log], error) {
		return env.Home.Logs(t.Context(), telemetry.LogFilter{}, r)
	}
	p, err := list(page.Request{Page: 2, Limit: 2})
	require.NoError(t, err)
	require.EqualValues(t, 5, p.Total)
	require.EqualValues(t, 3, p.TotalPages)
	require.Equal(t, []int64{3, 2}, []int64{p.Items[0].ID, p.Items[1].ID})
	beyond, err := list(page.Request{Page: 9, Limit: 2})
	require.NoError(t, err)
	require.Empty(t, beyond.Items)
	ids := []int64{}
	for _, l := range walk(t, list) {
		ids = append(ids, l.ID)
	}
	require.Equal(t, []int64{5, 4, 3, 2, 1}, ids)
	badPages(t, list)
}

func logFilters(t *testing.T, env Env) {
	given := []telemetry.Log{
		{PromptName: "a", VersionTag: "1", Provider: ptr("openai"), Model: ptr("gpt-4o"), TraceID: ptr("t1"), Metadata: telemetry.Metadata{"user": json.RawMessage(`"u1"`), "n": json.RawMessage(`5`)}},
		{PromptName: "a", VersionTag: "2", Provider: ptr("openai"), Status: telemetry.Failed, Metadata: telemetry.Metadata{"user": json.RawMessage(`"u2"`), "ok": json.RawMessage(`true`)}},
		{PromptName: "b", VersionTag: "1", Model: ptr("gpt-4o"), TraceID: ptr("t1"), Metadata: telemetry.Metadata{"user": json.RawMessage(`"u1"`), `odd".key`: json.RawMessage(`"x"`)}},
	}
	_, err := env.Home.LogBatch(t.Context(), given)
	require.NoError(t, err)
	now := time.Now()
	for name, c := range map[string]struct {
		filter telemetry.LogFilter
		want   []int64
	}{
		"prompt":            {telemetry.LogFilter{PromptName: "a"}, []int64{2, 1}},
		"prompt, version":   {telemetry.LogFilter{PromptName: "a", VersionTag: "2"}, []int64{2}},
		"provider":          {telemetry.LogFilter{Provider: "openai"}, []int64{2, 1}},
		"model":             {telemetry.LogFilter{Model: "gpt-4o"}, []int64{3, 1}},
		"status error":      {telemetry.LogFilter{Status: telemetry.Failed}, []int64{2}},
		"status ok":         {telemetry.LogFilter{Status: telemetry.OK}, []int64{3, 1}},
		"trace":             {telemetry.LogFilter{TraceID: "t1"}, []int64{3, 1}},
		"metadata":          {telemetry.LogFilter{Metadata: map[string]string{"user": "u1"}}, []int64{3, 1}},
		"metadata number":   {telemetry.LogFilter{Metadata: map[string]string{"n": "5"}}, []int64{1}},
		"metadata boolean":  {telemetry.LogFilter{Metadata: map[string]string{"ok": "true"}}, []int64{2}},
		"metadata odd key":  {telemetry.LogFilter{Metadata: map[string]string{`odd".key`: "x"}}, []int64{3}},
		"metadata twice":    {telemetry.LogFilter{PromptName: "a", Metadata: map[string]string{"user": "u1", "n": "5"}}, []int64{1}},
		"metadata none":     {telemetry.LogFilter{Metadata: map[string]string{"user": "u9"}}, []int64{}},
		"nothing of that":   {telemetry.LogFilter{PromptName: "' OR 1=1 --"}, []int64{}},
		"from the past":     {telemetry.LogFilter{From: timestamp.Of(now.Add(-time.Hour))}, []int64{3, 2, 1}},
		"from the future":   {telemetry.LogFilter{From: timestamp.Of(now.Add(time.Hour))}, []int64{}},
		"to the past":       {telemetry.LogFilter{To: timestamp.Of(now.Add(-time.Hour))}, []int64{}},
		"between, and more": {telemetry.LogFilter{From: timestamp.Of(now.Add(-time.Hour)), To: timestamp.Of(now.Add(time.Hour)), Model: "gpt-4o"}, []int64{3, 1}},
	} {
		p, err := env.Home.Logs(t.Context(), c.filter, all)
		require.NoError(t, err, name)
		ids := []int64{}
		for _, l := range p.Items {
			ids = append(ids, l.ID)
		}
		require.Equal(t, c.want, ids, name)
		require.EqualValues(t, len(c.want), p.Total, name)
	}
	_, err = env.Home.Logs(t.Context(), telemetry.LogFilter{Status: "fine"}, all)
	require.ErrorIs(t, err, pmerr.ErrValidation)
	walked := walk(t, func(r page.Request) (page.Of[telemetry.Log], error) {
		r.Limit = 1
		return env.Home.Logs(t.Context(), telemetry.LogFilter{Metadata: map[string]string{"user": "u1"}}, r)
	})
	require.Len(t, walked, 2)
}

func logExport(t *testing.T, env Env) {
	many := make([]telemetry.Log, 1000)
	for i := range many {
		many[i] = simple([]string{"a", "b"}[i%2])
		many[i].TokensIn = ptr(int64(i))
	}
	for range 3 {
		_, err := env.Home.LogBatch(t.Context(), many)
		require.NoError(t, err)
	}
	n, before := 0, int64(1<<62)
	for l, err := range env.Home.ExportLogs(t.Context(), telemetry.LogFilter{PromptName: "a"}) {
		require.NoError(t, err)
		require.Equal(t, "a", l.PromptName)
		require.Less(t, l.ID, before)
		before = l.ID
		n++
	}
	require.Equal(t, 1500, n)
	for _, err := range env.Home.ExportLogs(t.Context(), telemetry.LogFilter{}) {
		require.NoError(t, err)
		break // leaving early is no fault
	}
	for _, err := range env.Home.ExportLogs(t.Context(), telemetry.LogFilter{Status: "fine"}) {
		require.ErrorIs(t, err, pmerr.ErrValidation)
	}
}

func logConcurrent(t *testing.T, env Env) {
	const callers, each = 16, 10
	ids := make([][]int64, callers)
	faults := make([]error, callers)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for range each {
				var id int64
				if id, faults[c] = env.Home.Log(t.Context(), simple(fmt.Sprintf("p%d", c))); faults[c] != nil {
					return
				}
				ids[c] = append(ids[c], id)
			}
		})
	}
	all.Wait()
	owner := map[int64]string{}
	for c := range callers {
		require.NoError(t, faults[c])
		for _, id := range ids[c] {
			require.NotContains(t, owner, id)
			owner[id] = fmt.Sprintf("p%d", c)
		}
	}
	for l, err := range env.Home.ExportLogs(t.Context(), telemetry.LogFilter{}) {
		require.NoError(t, err)
		require.Equal(t, owner[l.ID], l.PromptName)
		delete(owner, l.ID)
	}
	require.Empty(t, owner, "acknowledged logs are missing")
}

func logAudit(t *testing.T, env Env) {
	for range 3 {
		_, err := env.Home.Log(t.Context(), simple("p"))
		require.NoError(t, err)
	}
	_, err := env.Home.LogBatch(t.Context(), []telemetry.Log{simple("p"), simple("p")})
	require.NoError(t, err)
	_, err = env.Home.Log(t.Context(), telemetry.Log{})
	require.Error(t, err)
	requireAudit(t, env, "log:create", 3)
	requireAudit(t, env, "create_log", 1)
}
