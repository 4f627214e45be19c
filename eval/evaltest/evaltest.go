// Package evaltest evaluates Go programs, such as agents, in go test:
//
//	func TestAgent(t *testing.T) {
//		evaltest.Run(t, evaltest.Evaluation{
//			Criteria: eval.Criteria{MinScore: ptr(0.8), Rules: []eval.Rule{{Type: "exact"}}},
//			Rows:     evaltest.ReadRows(t, "testdata/questions.jsonl"),
//			Task: func(ctx context.Context, row eval.Row) (eval.Output, error) {
//				text, err := agent.Answer(ctx, row.Input)
//				return eval.Output{Text: text}, err
//			},
//		})
//	}
//
// No server and no database take part.
package evaltest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/eval/scorer"
)

// Evaluation is what Run measures.
type Evaluation struct {
	// Criteria are the rules. The test fails below their MinScore; without it,
	// unless every row passes.
	Criteria eval.Criteria
	// Rows are the cases; those that have an Output are scored as they are.
	Rows []eval.Row
	// Task answers the other rows.
	Task eval.Task
	// Scorers are what rules need from outside, such as the model of a judge
	// and Go functions.
	Scorers scorer.Options
	// Concurrency is how many rows are answered at once; default 4, at most 64.
	Concurrency int
	// Show is how many failed rows are shown; default 20.
	Show int
}

// Run answers and judges all rows, and fails the test with a table of the rows
// that failed if the score is too low. It ends with the test's context.
func Run(tb testing.TB, e Evaluation) eval.Report {
	tb.Helper()
	if len(e.Criteria.Rules) == 0 {
		tb.Fatal("evaltest: the evaluation has no criteria.rules to score by")
	}
	rubric, err := scorer.New(e.Scorers).Compile(e.Criteria)
	if err != nil {
		tb.Fatalf("evaltest: the criteria cannot be compiled: %v", err)
	}
	m := eval.Measurement{Rubric: rubric, Task: e.Task, Concurrency: e.Concurrency, Now: time.Now}
	report, err := m.Measure(tb.Context(), e.Rows)
	if err != nil {
		tb.Fatalf("evaltest: the evaluation was not finished: %v", err)
	}
	if report.Status == eval.RunCompleted && report.Passed != nil && *report.Passed {
		tb.Logf("evaltest: %s", headline(report, e.Criteria.MinScore))
		return report
	}
	if e.Show <= 0 {
		e.Show = 20
	}
	tb.Errorf("evaltest: %s\n%s", headline(report, e.Criteria.MinScore), table(report.Rows, e.Show))
	return report
}

func headline(r eval.Report, minScore *float64) string {
	if r.Score == nil {
		return r.Results.Reason
	}
	aim := "every row must pass"
	if minScore != nil {
		aim = fmt.Sprintf("the aim is %g", *minScore)
	}
	return fmt.Sprintf("score %.4g of 1, %s; %d of %d rows passed, %d with an error",
		*r.Score, aim, r.Results.Passed, r.Results.Rows, r.Results.Errors)
}

// table shows the rows that failed.
func table(rows []eval.RowResult, most int) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	line := func(cells ...string) {
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			panic(err) // a strings.Builder takes everything
		}
	}
	line("ROW", "SCORE", "OUTPUT", "WHY")
	shown, failed := 0, 0
	for _, row := range rows {
		if row.Passed {
			continue
		}
		if failed++; shown < most {
			shown++
			line(fmt.Sprint(row.RowID), fmt.Sprintf("%.3g", row.Score), cell(row.Output, 40), cell(why(row), 100))
		}
	}
	if err := w.Flush(); err != nil {
		panic(err) // as above
	}
	if failed > shown {
		fmt.Fprintf(&b, "and %d more\n", failed-shown)
	}
	return b.String()
}

// why joins what the rules that failed say.
func why(r eval.RowResult) string {
	if r.Error != "" {
		return r.Error
	}
	var reasons []string
	for _, v := range r.Rules {
		if !v.Passed {
			reasons = append(reasons, v.Rule+": "+v.Reason)
		}
	}
	return strings.Join(reasons, "; ")
}

// cell makes a text fit for a table: one line, not too long, never empty.
func cell(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "-"
	}
	if characters := []rune(text); len(characters) > most {
		return string(characters[:most-1]) + "…"
	}
	return text
}

// ReadRows reads a dataset file whose name ends in .jsonl or .csv; see
// [eval.Format].
func ReadRows(tb testing.TB, path string) []eval.Row {
	tb.Helper()
	rows, err := readRows(path)
	if err != nil {
		tb.Fatalf("evaltest: %s cannot be read: %v", path, err)
	}
	return rows
}

func readRows(path string) (rows []eval.Row, err error) {
	file, err := os.Open(path) //nolint:gosec // the test names the file.
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	format := eval.Format(strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."))
	for row, err := range eval.ReadRows(file, format) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}
