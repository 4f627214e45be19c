package telemetrytest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

func logID(l telemetry.Log) string { return strconv.FormatInt(l.ID, 10) }

// filtered are logs and the filters that find them; ids start at 1.
func filtered() []telemetry.Log {
	log := func(prompt, version, provider, model, trace, metadata string, status telemetry.Status) telemetry.Log {
		l := telemetry.Log{PromptName: prompt, VersionTag: version, Status: status}
		for text, into := range map[*string]**string{&provider: &l.Provider, &model: &l.Model, &trace: &l.TraceID} {
			if *text != "" {
				*into = text
			}
		}
		if metadata != "" {
			l.Metadata = meta(metadata)
		}
		return l
	}
	return []telemetry.Log{
		log("a", "1.0.0", "openai", "gpt-4o", "t1", `{"user":"ada","n":1,"on":true,"x":{"y":"z"}}`, telemetry.OK),
		log("a", "1.0.0", "openai", "gpt-4o", "t1", `{"user":"ada","n":2,"on":false}`, telemetry.Failed),
		log("a", "2.0.0", "openai", "gpt-4o-mini", "", `{"user":"eve","n":1.5}`, telemetry.OK),
		log("b", "1.0.0", "anthropic", "claude", "t2", ``, telemetry.Failed),
		log("b", "1.0.0", "", "", "", `{"user":"","odd\".key = ":"&?"}`, telemetry.OK),
		log("A", "1.0.0", "openai", "gpt-4o", "", `{"user":"Ada","none":null}`, telemetry.OK),
	}
}

func logListCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"logs page newest first": func(t *testing.T, e Env) {
			var want []string
			for range 3 {
				ids, err := e.Mine.LogBatch(t.Context(), calls(3))
				require.NoError(t, err)
				for _, id := range ids {
					want = append(want, strconv.FormatInt(id, 10))
				}
			}
			slices.Reverse(want)
			pagetest.Check(t, logsOf(e.Mine, telemetry.LogFilter{}), logID, want)
		},

		"a filtered list pages like any other": func(t *testing.T, e Env) {
			logs := calls(12)
			var want []string
			for i := range logs {
				logs[i].PromptName = []string{"a", "b", "c"}[i%3]
				logs[i].Metadata = meta(`{"user":"` + logs[i].PromptName + `"}`)
				if i%3 == 1 {
					want = append(want, strconv.Itoa(i+1))
				}
			}
			_, err := e.Mine.LogBatch(t.Context(), logs)
			require.NoError(t, err)
			slices.Reverse(want)
			for _, f := range []telemetry.LogFilter{
				{PromptName: "b"}, {Metadata: map[string]string{"user": "b"}}, {PromptName: "b", From: hours(-1), To: hours(1)},
			} {
				pagetest.Check(t, logsOf(e.Mine, f), logID, want)
			}
		},

		"filters": func(t *testing.T, e Env) {
			_, err := e.Mine.LogBatch(t.Context(), filtered())
			require.NoError(t, err)
			by := func(pairs ...string) map[string]string {
				m := map[string]string{}
				for i := 0; i < len(pairs); i += 2 {
					m[pairs[i]] = pairs[i+1]
				}
				return m
			}
			for name, test := range map[string]struct {
				filter telemetry.LogFilter
				want   string
			}{
				"none":                          {telemetry.LogFilter{}, "6 5 4 3 2 1"},
				"the prompt, in its case":       {telemetry.LogFilter{PromptName: "a"}, "3 2 1"},
				"the version":                   {telemetry.LogFilter{VersionTag: "2.0.0"}, "3"},
				"prompt and version":            {telemetry.LogFilter{PromptName: "a", VersionTag: "1.0.0"}, "2 1"},
				"the provider":                  {telemetry.LogFilter{Provider: "openai"}, "6 3 2 1"},
				"the model":                     {telemetry.LogFilter{Model: "gpt-4o"}, "6 2 1"},
				"no such model":                 {telemetry.LogFilter{Model: "gpt"}, ""},
				"what failed":                   {telemetry.LogFilter{Status: telemetry.Failed}, "4 2"},
				"what went well":                {telemetry.LogFilter{Status: telemetry.OK}, "6 5 3 1"},
				"what failed of a prompt":       {telemetry.LogFilter{Status: telemetry.Failed, PromptName: "a"}, "2"},
				"the trace":                     {telemetry.LogFilter{TraceID: "t1"}, "2 1"},
				"the trace and what failed":     {telemetry.LogFilter{TraceID: "t1", Status: telemetry.Failed}, "2"},
				"since an hour":                 {telemetry.LogFilter{From: hours(-1)}, "6 5 4 3 2 1"},
				"in an hour":                    {telemetry.LogFilter{From: hours(1)}, ""},
				"until an hour ago":             {telemetry.LogFilter{To: hours(-1)}, ""},
				"until in an hour":              {telemetry.LogFilter{To: hours(1), Model: "gpt-4o"}, "6 2 1"},
				"an interval that is none":      {telemetry.LogFilter{From: hours(1), To: hours(-1)}, ""},
				"a text in metadata":            {telemetry.LogFilter{Metadata: by("user", "ada")}, "2 1"},
				"an empty text in metadata":     {telemetry.LogFilter{Metadata: by("user", "")}, "5"},
				"a number in metadata":          {telemetry.LogFilter{Metadata: by("n", "1")}, "1"},
				"a fraction in metadata":        {telemetry.LogFilter{Metadata: by("n", "1.5")}, "3"},
				"true in metadata":              {telemetry.LogFilter{Metadata: by("on", "true")}, "1"},
				"false in metadata":             {telemetry.LogFilter{Metadata: by("on", "false")}, "2"},
				"null in metadata":              {telemetry.LogFilter{Metadata: by("none", "null")}, ""},
				"an odd key in metadata":        {telemetry.LogFilter{Metadata: by(`odd".key = `, "&?")}, "5"},
				"two members of metadata":       {telemetry.LogFilter{Metadata: by("user", "ada", "n", "2")}, "2"},
				"two members that never meet":   {telemetry.LogFilter{Metadata: by("user", "eve", "n", "2")}, ""},
				"a member and a prompt":         {telemetry.LogFilter{PromptName: "A", Metadata: by("user", "Ada")}, "6"},
				"a quote":                       {telemetry.LogFilter{PromptName: "' OR '1'='1"}, ""},
				"a quote in metadata":           {telemetry.LogFilter{Metadata: by("user", "' OR '1'='1")}, ""},
				"a quote in a key":              {telemetry.LogFilter{Metadata: by("' OR '1'='1", "ada")}, ""},
				"provider, version and outcome": {telemetry.LogFilter{Provider: "openai", VersionTag: "1.0.0", Status: telemetry.OK}, "6 1"},
			} {
				got, err := e.Mine.Logs(t.Context(), test.filter, page.Request{})
				require.NoError(t, err, name)
				var ids []string
				for _, l := range got.Items {
					ids = append(ids, logID(l))
				}
				require.Equal(t, test.want, strings.Join(ids, " "), name)
				require.EqualValues(t, len(ids), got.Total, "%s: the total", name)
			}
		},

		"half a character in metadata spoils no filter": func(t *testing.T, e Env) {
			for _, text := range []string{`{"user":"\ud800"}`, `{"user":["\udc00\ud800x",{"\udead":1.50}],"other":"ada"}`, `{"user":"ada"}`} {
				l := call("p")
				l.Metadata = meta(text)
				record(t, e.Mine, l)
			}
			for value, want := range map[string]int{"ada": 1, "eve": 0, "\uFFFD": 1} {
				f := telemetry.LogFilter{Metadata: map[string]string{"user": value}}
				require.Len(t, pagetest.Keys(t, logsOf(e.Mine, f), logID), want, "%q", value)
			}
			require.Equal(t, []string{"2"}, pagetest.Keys(t, logsOf(e.Mine, telemetry.LogFilter{Metadata: map[string]string{"other": "ada"}}), logID))
		},

		"filters that cannot be are faults": func(t *testing.T, e Env) {
			many := map[string]string{}
			for i := range 11 {
				many[strconv.Itoa(i)] = "x"
			}
			for name, f := range map[string]telemetry.LogFilter{
				"an unknown outcome":  {Status: "great"},
				"NUL in a prompt":     {PromptName: "a\x00"},
				"NUL in a model":      {Model: "a\x00"},
				"NUL in metadata":     {Metadata: map[string]string{"a": "x\x00"}},
				"NUL in a key":        {Metadata: map[string]string{"a\x00": "x"}},
				"too many of a thing": {Metadata: many},
			} {
				_, err := e.Mine.Logs(t.Context(), f, page.Request{})
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				require.NotEmpty(t, pmerr.From(err).Fields, name)
			}
		},

		"a cursor of one list is refused by the others": func(t *testing.T, e Env) {
			_, err := e.Mine.LogBatch(t.Context(), calls(3))
			require.NoError(t, err)
			for range 2 {
				_, err := e.Mine.CreateTrace(t.Context(), telemetry.Trace{})
				require.NoError(t, err)
				_, err = e.Mine.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w"})
				require.NoError(t, err)
			}
			logs, traces, runs := logsOf(e.Mine, telemetry.LogFilter{}), tracesOf(e.Mine, telemetry.TraceFilter{}), runsOf(e.Mine, telemetry.RunFilter{})
			byMetadata := logsOf(e.Mine, telemetry.LogFilter{Metadata: map[string]string{"a": "b"}})
			pagetest.RefusesCursorOf(t, logs, traces)
			pagetest.RefusesCursorOf(t, logs, runs)
			pagetest.RefusesCursorOf(t, byMetadata, traces)
			pagetest.RefusesCursorOf(t, traces, logs)
			pagetest.RefusesCursorOf(t, runs, traces)
		},
	}
}

func exportCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"everything, newest first, beyond any page": func(t *testing.T, e Env) {
			for range 3 {
				_, err := e.Mine.LogBatch(t.Context(), calls(700))
				require.NoError(t, err)
			}
			next := int64(2100)
			for l, err := range e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{}) {
				require.NoError(t, err)
				require.Equal(t, next, l.ID)
				next--
			}
			require.Zero(t, next)
		},

		"the same logs as the list gives": func(t *testing.T, e Env) {
			record(t, e.Mine, everyField())
			_, err := e.Mine.LogBatch(t.Context(), filtered())
			require.NoError(t, err)
			for _, f := range []telemetry.LogFilter{
				{}, {PromptName: "a"}, {Status: telemetry.Failed}, {Metadata: map[string]string{"user": "ada"}}, {TraceID: "none"}, {From: hours(1)},
			} {
				p, err := e.Mine.Logs(t.Context(), f, page.Request{})
				require.NoError(t, err)
				exported := []telemetry.Log{}
				for l, err := range e.Mine.ExportLogs(t.Context(), f) {
					require.NoError(t, err)
					exported = append(exported, l)
				}
				require.JSONEq(t, asJSON(t, p.Items), asJSON(t, exported), "%+v", f)
			}
		},

		"nothing ends at once": func(t *testing.T, e Env) {
			for _, err := range e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{}) {
				require.NoError(t, err)
				t.Fatal("there is no log")
			}
		},

		"a reader may leave early, and read again": func(t *testing.T, e Env) {
			_, err := e.Mine.LogBatch(t.Context(), calls(1000))
			require.NoError(t, err)
			export := e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{})
			for range 2 {
				n := 0
				for _, err := range export {
					require.NoError(t, err)
					if n++; n == 10 {
						break
					}
				}
				require.Equal(t, 10, n)
			}
			record(t, e.Mine, call("after")) // nothing is left locked
		},

		"faults and a context that ends come as the only error": func(t *testing.T, e Env) {
			_, err := e.Mine.LogBatch(t.Context(), calls(3))
			require.NoError(t, err)
			var errs []error
			for _, err := range e.Mine.ExportLogs(t.Context(), telemetry.LogFilter{Status: "great"}) {
				errs = append(errs, err)
			}
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], pmerr.ErrValidation)

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			errs = nil
			for _, err := range e.Mine.ExportLogs(ctx, telemetry.LogFilter{}) {
				errs = append(errs, err)
			}
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], context.Canceled)
		},
	}
}
