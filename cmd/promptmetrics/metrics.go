package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/metrics"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// metricKinds are what can be asked for; the first is what is not asked for.
var metricKinds = []string{"time-series", "prompts", "evaluations", "activity"} //nolint:gochecknoglobals // a constant

func (p *program) metrics() *cobra.Command {
	var r metrics.Range
	var from, to string
	var evaluation int64
	cmd := &cobra.Command{
		Use:   "metrics [time-series | prompts | evaluations | activity]",
		Short: "Sum up requests, cost, latency and scores",
		Long: "Sums up what happened in a span of days (UTC):\n\n" +
			"  time-series   requests, tokens, cost, latency and errors by day (what is meant by default)\n" +
			"  prompts       requests, tokens, cost and latency by version of a prompt, by cost\n" +
			"  evaluations   scores by evaluation and day\n" +
			"  activity      how many runs, traces, logs and evaluations there were",
		Example: "  promptmetrics metrics prompts --window 7d\n" +
			"  promptmetrics metrics --from 2026-11-01 --to 2026-12-01",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: metricKinds,
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Window, "window", "", "7d, 30d or 90d: that many days, today among them (default 30d)")
	flags.StringVar(&from, "from", "", "instead of a window: the first day, such as 2026-11-01")
	flags.StringVar(&to, "to", "", "with --from: the day after the last (default: today is the last)")
	flags.Int64Var(&evaluation, "evaluation", 0, "of evaluations: only the one with this id")
	call := p.asking(func(ctx context.Context, c *client.Client, args []string) error {
		kind := metricKinds[0]
		if len(args) > 0 {
			kind = args[0]
		}
		switch kind {
		case "prompts":
			m, err := c.Metrics.Prompts(ctx, r)
			return p.sum(m, err, m.Span, func(w *table) { w.prompts(m) })
		case "evaluations":
			m, err := c.Metrics.Evaluations(ctx, r, evaluation)
			return p.sum(m, err, m.Span, func(w *table) { w.evaluations(m) })
		case "activity":
			m, err := c.Metrics.Activity(ctx, r, page.Request{Limit: 1})
			return p.sum(activity{m.Span, m.Summary}, err, m.Span, func(w *table) { w.activity(m.Summary) })
		}
		m, err := c.Metrics.TimeSeries(ctx, r)
		return p.sum(m, err, m.Span, func(w *table) { w.days(m) })
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if len(args) > 0 && !slices.Contains(metricKinds, args[0]) {
			return usage("%q is none of %s", oneLine(args[0]), strings.Join(metricKinds, ", "))
		}
		if evaluation != 0 && (len(args) == 0 || args[0] != "evaluations") {
			return usage("--evaluation is for: promptmetrics metrics evaluations")
		}
		if r.From, err = dayOf("from", from); err != nil {
			return err
		}
		if r.To, err = dayOf("to", to); err != nil {
			return err
		}
		return call(cmd, args)
	}
	return cmd
}

// activity is the answer without the runs, which list-runs shows.
type activity struct {
	metrics.Span
	Summary metrics.ActivitySummary `json:"summary"`
}

// dayOf reads a day (UTC) or a moment.
func dayOf(flag, text string) (timestamp.Time, error) {
	if text == "" {
		return timestamp.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return timestamp.Of(at), nil
		}
	}
	return timestamp.Time{}, usage("--%s must be a day such as 2026-11-01, or a time such as 2026-11-01T08:00:00Z", flag)
}

// sum prints sums as JSON, or under the days that they are of.
func (p *program) sum(answer any, err error, s metrics.Span, write func(*table)) error {
	if err != nil {
		return err
	}
	if p.json {
		return p.print(answer)
	}
	last := s.End.UTC().AddDate(0, 0, -1)
	fmt.Fprintf(p.out, "%s to %s (UTC)\n", s.Start.UTC().Format(time.DateOnly), last.Format(time.DateOnly))
	w := &table{p: p, w: tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)}
	write(w)
	return w.w.Flush()
}

// table is a table of sums.
type table struct {
	p *program
	w *tabwriter.Writer
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = cell(c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// bar is the last cell of a row, and not there if there is no bar.
func (t *table) rowWithBar(value, greatest float64, cells ...string) {
	for i, c := range cells {
		cells[i] = cell(c)
	}
	if b := t.p.tableBar(value, greatest); b != "" {
		cells = append(cells, b)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) days(m metrics.TimeSeries) {
	if len(m.Daily) == 0 {
		t.p.note("Nothing was logged.")
		return
	}
	most := 0.0
	for _, d := range m.Daily {
		most = max(most, float64(d.RequestCount))
	}
	t.row("DAY", "REQUESTS", "TOKENS", "COST", "P50 MS", "P95 MS", "P99 MS", "ERRORS", "FAILED RUNS")
	for _, d := range m.Daily {
		t.rowWithBar(float64(d.RequestCount), most, totals(d.Date, d.Totals)...)
	}
	if len(m.Daily) > 1 {
		t.row(totals("total", m.Total)...)
	}
}

func totals(name string, t metrics.Totals) []string {
	return []string{
		name, strconv.FormatInt(t.RequestCount, 10), strconv.FormatInt(t.TotalTokens, 10), money(t.TotalCostUSD),
		milliseconds(t.P50LatencyMS), milliseconds(t.P95LatencyMS), milliseconds(t.P99LatencyMS),
		percent(t.LogErrorRate), percent(t.ErrorRate),
	}
}

func (t *table) prompts(m metrics.Prompts) {
	if len(m.Prompts) == 0 {
		t.p.note("Nothing was logged.")
		return
	}
	most := 0.0
	for _, v := range m.Prompts {
		most = max(most, v.TotalCostUSD)
	}
	t.row("PROMPT", "VERSION", "REQUESTS", "TOKENS IN", "TOKENS OUT", "MEAN MS", "ERRORS", "COST")
	for _, v := range m.Prompts {
		t.rowWithBar(v.TotalCostUSD, most, v.PromptName, v.VersionTag, strconv.FormatInt(v.RequestCount, 10),
			strconv.FormatInt(v.TotalTokensIn, 10), strconv.FormatInt(v.TotalTokensOut, 10),
			milliseconds(v.AvgLatencyMS), percent(v.ErrorRate), money(v.TotalCostUSD))
	}
}

func (t *table) evaluations(m metrics.Evaluations) {
	days := 0
	for _, e := range m.Evaluations {
		days += len(e.Trend)
	}
	if days == 0 {
		t.p.note("Nothing was scored.")
		return
	}
	t.row("ID", "EVALUATION", "PROMPT", "DAY", "RESULTS", "LEAST", "MOST", "MEAN")
	for _, e := range m.Evaluations {
		most := 1.0 // scores of runs are 0 to 1, those of people may be anything
		for _, d := range e.Trend {
			most = max(most, d.MaxScore)
		}
		for _, d := range e.Trend {
			t.rowWithBar(d.AvgScore, most, strconv.FormatInt(e.EvaluationID, 10), e.Name, e.PromptName, d.Date,
				strconv.FormatInt(d.ResultCount, 10), score(d.MinScore), score(d.MaxScore), score(d.AvgScore))
		}
	}
}

func (t *table) activity(s metrics.ActivitySummary) {
	for _, line := range []struct {
		name  string
		count int64
	}{
		{"logs", s.TotalLogs},
		{"prompts in use", s.ActivePrompts},
		{"traces", s.TotalTraces},
		{"runs", s.TotalRuns},
		{"failed runs", s.FailedRuns},
		{"evaluations", s.TotalEvaluations},
	} {
		t.row(line.name, strconv.FormatInt(line.count, 10))
	}
}

// milliseconds rounds to what a histogram can tell.
func milliseconds(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', 0, 64)
}

func percent(share float64) string {
	switch {
	case share == 0:
		return "0 %"
	case share < 0.001:
		return "<0.1 %"
	}
	return strconv.FormatFloat(100*share, 'f', 1, 64) + " %"
}

func score(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
