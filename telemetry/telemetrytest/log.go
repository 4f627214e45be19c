package telemetrytest

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func logCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"every field comes back": func(t *testing.T, e Env) {
			in := everyField()
			got := recorded(t, e.Mine, in)
			recent(t, got.CreatedAt)
			require.NotEmpty(t, got.Workspace)
			require.Equal(t, telemetry.CostFromClient, *got.CostSource)
			in.ID, in.Workspace, in.CreatedAt, in.CostSource = got.ID, got.Workspace, got.CreatedAt, got.CostSource
			require.JSONEq(t, asJSON(t, in), asJSON(t, got))
			require.Contains(t, asJSON(t, got), `12345678901234567890`, "numbers keep their digits")
		},

		"what was not given is null": func(t *testing.T, e Env) {
			got := recorded(t, e.Mine, call("p"))
			want := telemetry.Log{
				ID: got.ID, Workspace: got.Workspace, CreatedAt: got.CreatedAt, PromptName: "p", VersionTag: "1.0.0", Status: telemetry.OK,
			}
			require.Equal(t, want, got)
		},

		"zero is zero": func(t *testing.T, e Env) {
			in := call("p")
			in.TokensIn, in.TokensOut, in.LatencyMS, in.CostUSD, in.HTTPStatus = ptr(int64(0)), ptr(int64(0)), ptr(int64(0)), ptr(0.0), ptr(0)
			in.Provider, in.Model, in.RunID = ptr(""), ptr(""), ptr("")
			in.Metadata = telemetry.Metadata{}
			got := recorded(t, e.Mine, in)
			require.Equal(t, in.TokensIn, got.TokensIn)
			require.Equal(t, in.TokensOut, got.TokensOut)
			require.Equal(t, in.LatencyMS, got.LatencyMS)
			require.Equal(t, in.CostUSD, got.CostUSD)
			require.Equal(t, telemetry.CostFromClient, *got.CostSource)
			require.Equal(t, in.HTTPStatus, got.HTTPStatus)
			require.Equal(t, in.Provider, got.Provider)
			require.Equal(t, telemetry.OK, got.Status)
			require.NotNil(t, got.Metadata)
		},

		"large numbers are kept": func(t *testing.T, e Env) {
			in := call("p")
			in.TokensIn, in.LatencyMS, in.CostUSD = ptr(int64(1<<62)), ptr(int64(1<<53+1)), ptr(0.1+0.2)
			got := recorded(t, e.Mine, in)
			require.Equal(t, in.TokensIn, got.TokensIn)
			require.Equal(t, in.LatencyMS, got.LatencyMS)
			require.Equal(t, in.CostUSD, got.CostUSD)
		},

		"ids grow from one": func(t *testing.T, e Env) {
			for want := range int64(5) {
				require.Equal(t, want+1, record(t, e.Mine, call("p")))
			}
		},

		"many record at once and each gets its own id": func(t *testing.T, e Env) {
			const many = 64
			ids := make([]int64, many)
			var calls sync.WaitGroup
			for i := range many {
				calls.Go(func() {
					var err error
					if ids[i], err = e.Mine.Log(t.Context(), call(fmt.Sprint("p", i))); err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			names := map[int64]string{}
			for l, err := range e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{}) {
				require.NoError(t, err)
				names[l.ID] = l.PromptName
			}
			require.Len(t, names, many)
			for i, id := range ids {
				require.Equal(t, fmt.Sprint("p", i), names[id])
			}
		},

		"the outcome is derived when it is not given": func(t *testing.T, e Env) {
			for name, test := range map[string]struct {
				status telemetry.Status
				http   *int
				meta   string
				want   telemetry.Status
			}{
				"nothing":               {want: telemetry.OK},
				"a success":             {http: ptr(200), want: telemetry.OK},
				"a refusal":             {http: ptr(499), want: telemetry.OK},
				"a failure":             {http: ptr(500), want: telemetry.Failed},
				"an error":              {meta: `{"error":"boom"}`, want: telemetry.Failed},
				"an error object":       {meta: `{"error":{}}`, want: telemetry.Failed},
				"an error of true":      {meta: `{"error":true}`, want: telemetry.Failed},
				"an error of false":     {meta: `{"error":false}`, want: telemetry.OK},
				"an error of null":      {meta: `{"error":null}`, want: telemetry.OK},
				"an empty error":        {meta: `{"error":""}`, want: telemetry.OK},
				"an error of zero":      {meta: `{"error":0}`, want: telemetry.OK},
				"ok although it failed": {status: telemetry.OK, http: ptr(500), meta: `{"error":"boom"}`, want: telemetry.OK},
				"error although it ran": {status: telemetry.Failed, http: ptr(200), want: telemetry.Failed},
			} {
				in := call("p")
				in.Status, in.HTTPStatus = test.status, test.http
				if test.meta != "" {
					in.Metadata = meta(test.meta)
				}
				require.Equal(t, test.want, recorded(t, e.Mine, in).Status, name)
			}
		},

		"the error code is derived when it is not given": func(t *testing.T, e Env) {
			for name, test := range map[string]struct {
				code *string
				http *int
				meta string
				want *string
			}{
				"nothing":                    {},
				"no failure":                 {http: ptr(404)},
				"the status":                 {http: ptr(503), want: ptr("503")},
				"the code of the error":      {http: ptr(503), meta: `{"error":{"code":"overloaded"}}`, want: ptr("overloaded")},
				"a code that is a number":    {meta: `{"error":{"code":429}}`, want: ptr("429")},
				"an error without a code":    {http: ptr(503), meta: `{"error":{"message":"x"}}`, want: ptr("503")},
				"an error that is a text":    {http: ptr(503), meta: `{"error":"overloaded"}`, want: ptr("503")},
				"a code that is an object":   {http: ptr(500), meta: `{"error":{"code":{}}}`, want: ptr("500")},
				"a code that is empty":       {http: ptr(500), meta: `{"error":{"code":""}}`, want: ptr("500")},
				"nothing that could be used": {meta: `{"error":"boom"}`},
				"what was given":             {code: ptr("mine"), http: ptr(503), meta: `{"error":{"code":"theirs"}}`, want: ptr("mine")},
			} {
				in := call("p")
				in.ErrorCode, in.HTTPStatus = test.code, test.http
				if test.meta != "" {
					in.Metadata = meta(test.meta)
				}
				require.Equal(t, test.want, recorded(t, e.Mine, in).ErrorCode, name)
			}
		},

		"the cost comes from the client, the table or nowhere": func(t *testing.T, e Env) {
			const model = "gpt-4o"
			price, ok := telemetry.DefaultPrices().Cost("openai", model, 1000, 500)
			require.True(t, ok, "the table prices %s", model)
			client, table := ptr(telemetry.CostFromClient), ptr(telemetry.CostFromTable)
			onlyIn, _ := telemetry.DefaultPrices().Cost("openai", model, 1000, 0)
			for name, test := range map[string]struct {
				provider, model *string
				in, out         *int64
				cost            *float64
				want            *float64
				source          *telemetry.CostSource
			}{
				"the client":                       {ptr("openai"), ptr(model), ptr(int64(1000)), ptr(int64(500)), ptr(0.5), ptr(0.5), client},
				"a client that pays nothing":       {ptr("openai"), ptr(model), ptr(int64(1000)), ptr(int64(500)), ptr(0.0), ptr(0.0), client},
				"the table":                        {ptr("openai"), ptr(model), ptr(int64(1000)), ptr(int64(500)), nil, &price, table},
				"the table, without a provider":    {nil, ptr(model), ptr(int64(1000)), ptr(int64(500)), nil, &price, table},
				"the table, with tokens in only":   {ptr("openai"), ptr(model), ptr(int64(1000)), nil, nil, &onlyIn, table},
				"the table, with no tokens at all": {ptr("openai"), ptr(model), ptr(int64(0)), ptr(int64(0)), nil, ptr(0.0), table},
				"tokens that nobody counted":       {ptr("openai"), ptr(model), nil, nil, nil, nil, nil},
				"an unknown model":                 {ptr("openai"), ptr("gpt-unheard-of"), ptr(int64(1000)), ptr(int64(500)), nil, nil, nil},
				"another seller":                   {ptr("ollama"), ptr(model), ptr(int64(1000)), ptr(int64(500)), nil, nil, nil},
				"no model":                         {nil, nil, ptr(int64(1000)), ptr(int64(500)), nil, nil, nil},
			} {
				in := call("p")
				in.Provider, in.Model, in.TokensIn, in.TokensOut, in.CostUSD = test.provider, test.model, test.in, test.out, test.cost
				got := recorded(t, e.Mine, in)
				require.Equal(t, test.want, got.CostUSD, name)
				require.Equal(t, test.source, got.CostSource, name)
			}
		},

		"what only the store sets is ignored": func(t *testing.T, e Env) {
			in := call("p")
			in.ID, in.Workspace, in.CostSource, in.CreatedAt = 999, "other", ptr(telemetry.CostFromTable), hours(-1000)
			got := recorded(t, e.Mine, in)
			require.EqualValues(t, 1, got.ID)
			require.NotEqual(t, "other", got.Workspace)
			require.Nil(t, got.CostSource)
			recent(t, got.CreatedAt)
		},

		"faults are named and nothing is recorded": func(t *testing.T, e Env) {
			for field, change := range logFaults() {
				in := call("p")
				change(&in)
				_, err := e.Mine.Log(t.Context(), in)
				require.ErrorIs(t, err, pmerr.ErrValidation, field)
				require.Len(t, pmerr.From(err).Fields, 1, "%s: %v", field, err)
				require.True(t, strings.HasPrefix(pmerr.From(err).Fields[0], strings.Fields(field)[0]), "%s: %v", field, err)
			}
			_, err := e.Mine.Log(t.Context(), telemetry.Log{TokensIn: ptr(int64(-1)), Status: "great"})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, pmerr.From(err).Fields, 4, "all at once: %v", err)
			p, err := e.Mine.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.Zero(t, p.Total)
		},

		"the bounds are inside": func(t *testing.T, e Env) {
			in := telemetry.Log{
				PromptName: strings.Repeat("ü", 128), VersionTag: strings.Repeat("ü", 64), Provider: ptr(strings.Repeat("ü", 64)),
				Model: ptr(strings.Repeat("ü", 128)), OllamaKeepAlive: ptr(strings.Repeat("5", 16)), RunID: ptr(strings.Repeat("r", 128)),
				Metadata: telemetry.Metadata{strings.Repeat("k", 128): raw(`"` + strings.Repeat("ü", 1024) + `"`)},
			}
			for i := range 49 {
				in.Metadata[fmt.Sprint("key", i)] = raw(`[{"a":[1,null,true,"x"]}]`)
			}
			got := recorded(t, e.Mine, in)
			require.Equal(t, in.PromptName, got.PromptName)
			require.Len(t, got.Metadata, 50)
			require.JSONEq(t, asJSON(t, in.Metadata), asJSON(t, got.Metadata))
		},

		"what was given can be changed afterwards": func(t *testing.T, e Env) {
			in := call("p")
			in.TokensIn, in.Metadata = ptr(int64(1)), meta(`{"a":"before"}`)
			record(t, e.Mine, in)
			*in.TokensIn, in.Metadata["a"] = 2, raw(`"after"`)
			p, err := e.Mine.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
			require.NoError(t, err)
			require.EqualValues(t, 1, *p.Items[0].TokensIn)
			require.JSONEq(t, `{"a":"before"}`, asJSON(t, p.Items[0].Metadata))
			require.Empty(t, in.Status, "nor is it changed by recording")
			require.Nil(t, in.CostSource)
		},
	}
}

// everyField is a log that uses every field.
func everyField() telemetry.Log {
	return telemetry.Log{
		PromptName: "welcome", VersionTag: "1.2.0-rc.1+b", Provider: ptr("openai"), Model: ptr("gpt-4o"),
		TokensIn: ptr(int64(12)), TokensOut: ptr(int64(34)), LatencyMS: ptr(int64(567)), CostUSD: ptr(0.00123), Status: telemetry.Failed,
		ErrorCode: ptr("rate_limit"), HTTPStatus: ptr(429), RunID: ptr("run-1"), TraceID: ptr("trace-1"),
		OllamaOptions: raw(`{"num_ctx":4096}`), OllamaKeepAlive: ptr("5m"), OllamaFormat: raw(`{"type":"object"}`),
		Metadata: meta(`{"user":"Grüße <b> & 🌱","big":12345678901234567890,"deep":{"list":[1,{"x":null}],"on":true},"empty":""}`),
	}
}

// logFaults are faults by the field that they are in, with a note behind it.
func logFaults() map[string]func(*telemetry.Log) {
	return map[string]func(*telemetry.Log){
		"prompt_name none":       func(l *telemetry.Log) { l.PromptName = "" },
		"prompt_name long":       func(l *telemetry.Log) { l.PromptName = strings.Repeat("x", 129) },
		"prompt_name with NUL":   func(l *telemetry.Log) { l.PromptName = "a\x00b" },
		"version_tag none":       func(l *telemetry.Log) { l.VersionTag = "" },
		"version_tag long":       func(l *telemetry.Log) { l.VersionTag = strings.Repeat("x", 65) },
		"provider long":          func(l *telemetry.Log) { l.Provider = ptr(strings.Repeat("x", 65)) },
		"model long":             func(l *telemetry.Log) { l.Model = ptr(strings.Repeat("x", 129)) },
		"model with NUL":         func(l *telemetry.Log) { l.Model = ptr("\x00") },
		"tokens_in":              func(l *telemetry.Log) { l.TokensIn = ptr(int64(-1)) },
		"tokens_out":             func(l *telemetry.Log) { l.TokensOut = ptr(int64(-1)) },
		"latency_ms":             func(l *telemetry.Log) { l.LatencyMS = ptr(int64(-1)) },
		"cost_usd":               func(l *telemetry.Log) { l.CostUSD = ptr(-0.01) },
		"cost_usd huge":          func(l *telemetry.Log) { l.CostUSD = ptr(1e300) },
		"status":                 func(l *telemetry.Log) { l.Status = "great" },
		"error_code long":        func(l *telemetry.Log) { l.ErrorCode = ptr(strings.Repeat("x", 257)) },
		"http_status":            func(l *telemetry.Log) { l.HTTPStatus = ptr(1000) },
		"run_id long":            func(l *telemetry.Log) { l.RunID = ptr(strings.Repeat("x", 129)) },
		"trace_id long":          func(l *telemetry.Log) { l.TraceID = ptr(strings.Repeat("x", 129)) },
		"ollama_options list":    func(l *telemetry.Log) { l.OllamaOptions = raw(`[]`) },
		"ollama_options with \\": func(l *telemetry.Log) { l.OllamaOptions = raw(`{"a":"\u0000"}`) },
		"ollama_keep_alive long": func(l *telemetry.Log) { l.OllamaKeepAlive = ptr(strings.Repeat("1", 17)) },
		"ollama_format number":   func(l *telemetry.Log) { l.OllamaFormat = raw(`5`) },
		"metadata of many": func(l *telemetry.Log) {
			l.Metadata = telemetry.Metadata{}
			for i := range 51 {
				l.Metadata[fmt.Sprint(i)] = raw(`1`)
			}
		},
		"metadata with a long key": func(l *telemetry.Log) { l.Metadata = telemetry.Metadata{strings.Repeat("k", 129): raw(`1`)} },
		"metadata.a long":          func(l *telemetry.Log) { l.Metadata = meta(`{"a":"` + strings.Repeat("x", 1025) + `"}`) },
		"metadata.a long inside":   func(l *telemetry.Log) { l.Metadata = meta(`{"a":[{"b":"` + strings.Repeat("x", 1025) + `"}]}`) },
		"metadata.a with NUL":      func(l *telemetry.Log) { l.Metadata = meta(`{"a":{"b":"x\u0000"}}`) },
		"metadata.a too deep": func(l *telemetry.Log) {
			l.Metadata = telemetry.Metadata{"a": raw(strings.Repeat("[", 101) + strings.Repeat("]", 101))}
		},
	}
}
