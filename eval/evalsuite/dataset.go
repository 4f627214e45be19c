package evalsuite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// oddRows have everything in them that a format could trip over.
func oddRows() []eval.Row {
	return []eval.Row{
		row(`{"question":"Grüße, \"you\"\n\tand 'them'","n":9007199254740993,"deep":{"a":[1.50,null,true]}}`, `{"answer":"=1+1"}`, "recorded"),
		row(`{}`, `{}`, ""),
		row(`{"question":"","formula":"=cmd|' /C calc'!A0","minus":"-5"}`, "", ""),
		row(`{"question":"a\r\nb\rc","formula":"'=x","minus":"''+","b":false}`, `{"text":"@x","n":-3}`, "  spaces  "),
		row(`{"question":"\u2028 \ud83d\ude00 \\ud800","":"empty name"," ":"blank","x:json":"text","output":"o","expected":"e","input":"i"}`, `{"a.b":"dots"}`, "-1"),
		{Input: raw(`{"question":null}`), Output: ptr("")},
		row(`{"question":"\ufeff","formula":"+","minus":"@"}`, `{"output":"x"}`, "last,line\n"),
	}
}

func datasetCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"rows come back as they were, in their order": func(t *testing.T, e Env) {
			rows := oddRows()
			made, err := e.Mine.CreateDataset(t.Context(), "odd <ü>", rows)
			require.NoError(t, err)
			require.Positive(t, made.ID)
			require.Equal(t, "odd <ü>", made.Name)
			require.Equal(t, len(rows), made.RowCount)
			recent(t, made.CreatedAt)
			got := rowsOf(t, e.Mine, made.ID)
			sameRows(t, rows, got)
			require.True(t, slices.IsSortedFunc(got, func(a, b eval.Row) int { return int(a.ID - b.ID) }))
			require.Contains(t, string(got[0].Input), "9007199254740993", "numbers keep their digits")
			require.Nil(t, got[2].ExpectedOutput)
			require.Nil(t, got[2].Output)
			require.NotNil(t, got[5].Output, "an empty output is one")
		},

		"a dataset shows what its rows look like": func(t *testing.T, e Env) {
			rows := oddRows()
			d, err := e.Mine.Dataset(t.Context(), createDataset(t, e.Mine, rows...).ID)
			require.NoError(t, err)
			require.JSONEq(t, `{
				"input": {"question":["null","string"],"n":["number"],"deep":["object"],"formula":["string"],"minus":["string"],"b":["boolean"],
					"":["string"]," ":["string"],"x:json":["string"],"output":["string"],"expected":["string"],"input":["string"]},
				"expectedOutput": {"answer":["string"],"text":["string"],"n":["number"],"a.b":["string"],"output":["string"]}}`, string(d.Schema))
			sameRows(t, rows[:5], d.Preview)
			require.Equal(t, len(rows), d.RowCount)
		},

		"a dataset may be empty": func(t *testing.T, e Env) {
			for _, rows := range [][]eval.Row{nil, {}} {
				d, err := e.Mine.CreateDataset(t.Context(), "d", rows)
				require.NoError(t, err)
				detail, err := e.Mine.Dataset(t.Context(), d.ID)
				require.NoError(t, err)
				require.Zero(t, detail.RowCount)
				require.NotNil(t, detail.Preview)
				require.Empty(t, rowsOf(t, e.Mine, d.ID))
			}
		},

		"null is absent, and ids are not the caller's": func(t *testing.T, e Env) {
			d := createDataset(t, e.Mine, eval.Row{ID: 777, Input: raw(` {"a": 1} `), ExpectedOutput: raw(` null `)})
			got := rowsOf(t, e.Mine, d.ID)
			require.Len(t, got, 1)
			require.NotEqualValues(t, 777, got[0].ID)
			require.Nil(t, got[0].ExpectedOutput)
		},

		"all rows or none, every fault named": func(t *testing.T, e Env) {
			good := row(`{"a":1}`, "", "")
			deep := strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101)
			_, err := e.Mine.CreateDataset(t.Context(), strings.Repeat("x", 129), []eval.Row{
				good,
				{},
				row(`[]`, "", ""), row(`{"a":1}`, `"x"`, ""), row(`{"a":"\u0000"}`, "", ""), row(deep, "", ""), row(`null`, "", ""), good,
				row(`{"a":1}`, `5`, "NUL \x00"),
			})
			require.ErrorIs(t, err, pmerr.ErrValidation)
			want := []string{
				"name", "rows[1].input", "rows[2].input", "rows[3].expectedOutput", "rows[4].input", "rows[5].input", "rows[6].input",
				"rows[8].expectedOutput", "rows[8].output",
			}
			fields := slices.Sorted(slices.Values(pmerr.From(err).Fields))
			require.Len(t, fields, len(want), "%v", err)
			for i, field := range want {
				require.True(t, strings.HasPrefix(fields[i], field+" "), "%s: %s", field, fields[i])
			}
			_, err = e.Mine.CreateDataset(t.Context(), "", []eval.Row{good})
			fault(t, err, "name")
			require.Empty(t, pagetest.Keys(t, datasetsOf(e.Mine), datasetKey), "nothing was created")
		},

		"the faults of a dataset that is wrong throughout are bounded": func(t *testing.T, e Env) {
			_, err := e.Mine.CreateDataset(t.Context(), "d", make([]eval.Row, 5000))
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.LessOrEqual(t, len(pmerr.From(err).Fields), 101)
		},

		"datasets page newest first, rows in their order": func(t *testing.T, e Env) {
			var want []string
			for range 5 {
				want = append(want, datasetKey(createDataset(t, e.Mine, row(`{}`, "", ""))))
			}
			slices.Reverse(want)
			pagetest.Check(t, datasetsOf(e.Mine), datasetKey, want)

			var rows []eval.Row
			for i := range 9 {
				rows = append(rows, row(fmt.Sprintf(`{"i":%d}`, i), "", ""))
			}
			id := createDataset(t, e.Mine, rows...).ID
			got := rowsOf(t, e.Mine, id)
			var keys []string
			for i, r := range got {
				require.JSONEq(t, fmt.Sprintf(`{"i":%d}`, i), string(r.Input))
				keys = append(keys, rowKey(r))
			}
			pagetest.Check(t, datasetRowsOf(e.Mine, id), rowKey, keys)
			pagetest.RefusesCursorOf(t, datasetRowsOf(e.Mine, id), datasetsOf(e.Mine))
		},

		"a deleted dataset is gone with its rows": func(t *testing.T, e Env) {
			gone, stays := createDataset(t, e.Mine, oddRows()...), createDataset(t, e.Mine, oddRows()...)
			require.NoError(t, e.Mine.DeleteDataset(t.Context(), gone.ID))
			_, err := e.Mine.Dataset(t.Context(), gone.ID)
			missing(t, err, "Dataset")
			_, err = e.Mine.DatasetRows(t.Context(), gone.ID, first)
			missing(t, err, "Dataset")
			missing(t, e.Mine.DeleteDataset(t.Context(), gone.ID), "Dataset")
			sameRows(t, oddRows(), rowsOf(t, e.Mine, stays.ID))
			require.Equal(t, []string{datasetKey(stays)}, pagetest.Keys(t, datasetsOf(e.Mine), datasetKey))
		},

		"an unknown dataset is not found": func(t *testing.T, e Env) {
			for _, id := range noIDs() {
				_, err := e.Mine.Dataset(t.Context(), id)
				missing(t, err, "Dataset")
				_, err = e.Mine.DatasetRows(t.Context(), id, first)
				missing(t, err, "Dataset")
				missing(t, e.Mine.DeleteDataset(t.Context(), id), "Dataset")
				_, err = e.Mine.AddRowsFromRuns(t.Context(), id, eval.RunSelection{WorkflowName: "w"})
				missing(t, err, "Dataset")
				for _, f := range []eval.Format{eval.JSONL, eval.CSV} {
					missing(t, e.Mine.ExportDataset(t.Context(), id, f, &strings.Builder{}), "Dataset")
				}
			}
		},
	}
}

func limitCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"ten thousand rows are a dataset, one more is not": func(t *testing.T, e Env) {
			rows := slices.Repeat([]eval.Row{row(`{"a":1}`, "", "")}, eval.MaxRows)
			d := createDataset(t, e.Mine, rows...)
			require.Equal(t, eval.MaxRows, d.RowCount)
			last, err := e.Mine.DatasetRows(t.Context(), d.ID, page.Request{Page: 100, Limit: 100})
			require.NoError(t, err)
			require.Len(t, last.Items, 100)
			require.EqualValues(t, eval.MaxRows, last.Total)

			_, err = e.Mine.CreateDataset(t.Context(), "d", append(rows, row(`{}`, "", "")))
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.NotErrorIs(t, err, pmerr.ErrValidation)
			_, err = e.Mine.CreateDataset(t.Context(), "d", make([]eval.Row, 150_000))
			require.ErrorIs(t, err, pmerr.ErrBadRequest, "also where the rows are wrong")
			for f, text := range map[eval.Format]string{
				eval.JSONL: strings.Repeat("{\"input\":{}}\n", eval.MaxRows+1), eval.CSV: "a,b\n" + strings.Repeat("1,2\n", eval.MaxRows+1),
			} {
				_, err = e.Mine.ImportDataset(t.Context(), "d", f, strings.NewReader(text))
				require.ErrorIs(t, err, pmerr.ErrBadRequest, f)
			}
			openRun(t, e.Recorder, `{"a":1}`, "", "")
			_, err = e.Mine.AddRowsFromRuns(t.Context(), d.ID, eval.RunSelection{WorkflowName: "w"})
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Equal(t, []string{datasetKey(d)}, pagetest.Keys(t, datasetsOf(e.Mine), datasetKey))
			again, err := e.Mine.Dataset(t.Context(), d.ID)
			require.NoError(t, err)
			require.Equal(t, eval.MaxRows, again.RowCount, "nothing was added")
		},

		"a file that grows beyond ten megabytes when it is read is refused": func(t *testing.T, e Env) {
			text := strings.Repeat("k", 2000) + ",b\n" + strings.Repeat("1,2\n", 9000)
			_, err := e.Mine.ImportDataset(t.Context(), "d", eval.CSV, strings.NewReader(text))
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Empty(t, pagetest.Keys(t, datasetsOf(e.Mine), datasetKey))
		},
	}
}
