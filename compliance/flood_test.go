package compliance_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// mails is a text of so many addresses.
func mails(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d@b.co ", i)
	}
	return b.String()
}

func TestAFloodOfFindingsHidesNothing(t *testing.T) {
	t.Parallel()
	const flood = 8000
	driver := builtin.Driver(builtin.Options{})
	t.Run("from redaction", func(t *testing.T) {
		t.Parallel()
		out, err := open(driver, &shelf{}, nil).Redact(t.Context(), compliance.RedactRequest{Text: mails(flood)})
		require.NoError(t, err)
		require.Len(t, out.Findings, flood)
		require.NotContains(t, out.Text, "@")
	})
	t.Run("from the redacted text of a scan, whose list is cut", func(t *testing.T) {
		t.Parallel()
		store := &shelf{}
		r, err := open(driver, store, nil).Scan(t.Context(), compliance.ScanRequest{Text: mails(flood) + " SSN 219-09-9999"})
		require.NoError(t, err)
		require.True(t, r.Truncated)
		require.Len(t, r.Findings, 1000)
		require.Equal(t, detect.Critical, r.Findings[999].Severity, "the gravest are listed")
		require.NotContains(t, r.RedactedText, "@")
		require.NotContains(t, r.RedactedText, "219-09")
		require.Len(t, store.filed[0].Findings, 200)
		require.Equal(t, detect.Critical, store.filed[0].Findings[199].Severity)
		require.True(t, store.filed[0].Truncated)
	})
	t.Run("from a guard that takes no notice of the flood", func(t *testing.T) {
		t.Parallel()
		s := open(driver, &shelf{policy: compliance.Policy{OnPlayground: compliance.Block, Exclude: []detect.Entity{"EMAIL_ADDRESS"}}}, nil)
		require.NoError(t, s.Check(t.Context(), compliance.StagePlayground, []string{mails(flood)}))
		err := s.Check(t.Context(), compliance.StagePlayground, []string{mails(flood), "call +1 212 555 0142"})
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
		require.Equal(t, []detect.Entity{"PHONE_NUMBER"}, pmerr.From(err).Details["entities"])
	})
}

func TestWhatCouldNotBeLookedAtIsNotTrusted(t *testing.T) {
	t.Parallel()
	tired := scanner(func(context.Context, string) ([]detect.Finding, bool, error) { return nil, true, nil })
	store := &shelf{policy: compliance.Policy{OnPlayground: compliance.Block, OnLogIngest: compliance.Warn}}
	s := open(tired, store, nil)
	err := s.Check(t.Context(), compliance.StagePlayground, []string{"x"})
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	require.Equal(t, map[string]any{
		"code": compliance.Blocked, "stage": "playground", "entities": []detect.Entity{}, "truncated": true,
	}, pmerr.From(err).Details)
	require.NoError(t, s.Check(t.Context(), compliance.StageLog, []string{"x"}))
	require.Len(t, store.filed, 2)
	require.True(t, store.filed[1].Truncated)
	_, err = s.Redact(t.Context(), compliance.RedactRequest{Text: "x"})
	require.Equal(t, []string{"text has more findings than can be redacted: give it in parts"}, pmerr.From(err).Fields)
	r, err := s.Scan(t.Context(), compliance.ScanRequest{Text: "x"})
	require.NoError(t, err)
	require.True(t, r.Truncated)
	require.Empty(t, r.RedactedText)
}

func TestFindingsThatAllOverlapAreSettledInTime(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 100_000)
	var many []detect.Finding
	for i := range 50_000 {
		many = append(many, detect.Finding{
			Rule: "r", Entity: "E", Severity: detect.Low, Category: detect.PII, Start: 50_000 - i, End: 100_000 - i, Confidence: 1 / float64(i+1),
		})
	}
	s := open(scanner(func(context.Context, string) ([]detect.Finding, bool, error) { return many, false, nil }), &shelf{}, nil)
	began := time.Now()
	r, err := s.Scan(t.Context(), compliance.ScanRequest{Text: text})
	require.NoError(t, err)
	require.Len(t, r.Findings, 1)
	require.Less(t, time.Since(began), 5*time.Second, "it takes milliseconds where nothing else runs")
}
