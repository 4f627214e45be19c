package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

// showResult prints what a run found for people.
func (p *program) showResult(t abtest.Test, r abtest.Result) error {
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "%s\n\n", verdict(t, r))
	fmt.Fprintf(w, "\tA %s\tB %s\n", cell(t.VersionA), cell(t.VersionB))
	fmt.Fprintf(w, "scores\t%d\t%d\n", r.NA, r.NB)
	fmt.Fprintf(w, "mean\t%s\t%s\n", figure(r.MeanA), figure(r.MeanB))
	fmt.Fprintf(w, "deviation\t%s\t%s\n", maybe(r.SDA), maybe(r.SDB))
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	difference := figure(r.MeanB - r.MeanA)
	if r.RelativeLift != nil {
		difference += fmt.Sprintf(" (%+.1f %%)", 100**r.RelativeLift)
	}
	fmt.Fprintf(w, "difference B-A\t%s%s\n", difference, between(r.CILower, r.CIUpper))
	fmt.Fprintf(w, "p\t%s\t%s\n", maybe(r.PValue), r.Method)
	if q := r.Sequential; q != nil && q.P != nil {
		fmt.Fprintf(w, "sequential p\t%s%s\n", maybe(q.P), between(q.CILower, q.CIUpper))
	}
	if q := r.Paired; q != nil {
		fmt.Fprintf(w, "paired p\t%s\t%s of %d rows\n", maybe(q.PValue), q.Method, q.N)
	}
	if r.SampleRatioP != nil {
		fmt.Fprintf(w, "split of calls p\t%s\n", maybe(r.SampleRatioP))
	}
	showGuardrails(w, r.Guardrails)
	if err := w.Flush(); err != nil {
		return err
	}
	for _, warning := range r.Warnings {
		p.note("Warning: %s", oneLine(warning))
	}
	return nil
}

func showGuardrails(w io.Writer, guardrails []abtest.GuardrailResult) {
	for _, g := range guardrails {
		holds, why := "does not hold", "not measured"
		if g.Holds {
			holds = "holds"
		}
		if g.Method != "" {
			why = fmt.Sprintf("worse by %s, margin %s, p %s", figure(g.WorseBy), figure(g.Margin), maybe(g.AdjustedP))
		}
		fmt.Fprintf(w, "guardrail %s\t%s\t%s\n", g.Metric, holds, why)
	}
}

// verdict is the result in a sentence.
func verdict(t abtest.Test, r abtest.Result) string {
	by := "p " + maybe(r.PValue)
	if r.Mode == abtest.Sequential && r.Sequential != nil {
		by = "sequential p " + maybe(r.Sequential.P)
	}
	of := fmt.Sprintf("of %s, by %s from %s", cell(t.PromptName), strings.ReplaceAll(string(r.Metric), "_", " "), r.Source)
	switch r.Winner {
	case stats.A:
		return fmt.Sprintf("A wins: version %s %s (%s).", cell(t.VersionA), of, by)
	case stats.B:
		return fmt.Sprintf("B wins: version %s %s (%s).", cell(t.VersionB), of, by)
	case stats.Tie:
	}
	return fmt.Sprintf("No winner: versions %s and %s %s (%s).", cell(t.VersionA), cell(t.VersionB), of, by)
}

func between(lower, upper *float64) string {
	if lower == nil || upper == nil {
		return "\t"
	}
	return fmt.Sprintf("\t95 %% between %s and %s", figure(*lower), figure(*upper))
}

// figure rounds to what matters.
func figure(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// maybe is a figure, or "-" for what is undefined.
func maybe(v *float64) string {
	if v == nil {
		return "-"
	}
	return figure(*v)
}
