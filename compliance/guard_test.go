package compliance_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// scanner is a foreign scanner that a test plays.
type scanner func(ctx context.Context, text string) ([]detect.Finding, bool, error)

func (scanner) Name() string { return "played" }

func (s scanner) Scan(ctx context.Context, text string) ([]detect.Finding, bool, error) {
	return s(ctx, text)
}

// shelf is a store with a policy, which remembers what was filed.
type shelf struct {
	compliance.Store
	policy compliance.Policy
	filed  []compliance.Score
	loads  int
}

func (s *shelf) Workspace(workspace.ID, workspace.Actor) compliance.Store { return s }

func (s *shelf) Settings(context.Context) (compliance.Settings, error) {
	s.loads++
	return compliance.Settings{Policy: s.policy}, nil
}

func (s *shelf) InsertScore(_ context.Context, item compliance.Score) (compliance.Score, error) {
	s.filed = append(s.filed, item)
	return item, nil
}

func open(d compliance.Driver, store *shelf, log *slog.Logger) *compliance.Service {
	return compliance.New(compliance.Config{Driver: d, Store: store, Now: time.Now, Key: []byte("key"), Logger: log}).
		Workspace(workspace.Default(), workspace.Actor{Admin: true}, nil)
}

func TestGuardsOfAForeignScannerThatFails(t *testing.T) {
	t.Parallel()
	down := pmerr.New(pmerr.Timeout, "LLM Guard did not answer within 10s")
	broken := scanner(func(ctx context.Context, _ string) ([]detect.Finding, bool, error) {
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		return nil, false, down
	})
	t.Run("refuse what they should block", func(t *testing.T) {
		t.Parallel()
		s := open(broken, &shelf{policy: compliance.Policy{OnPlayground: compliance.Block}}, nil)
		require.ErrorIs(t, s.Check(t.Context(), compliance.StagePlayground, []string{"x"}), pmerr.ErrTimeout)
	})
	t.Run("let through what they should warn about, and say so", func(t *testing.T) {
		t.Parallel()
		var said strings.Builder
		s := open(broken, &shelf{policy: compliance.Policy{OnPlayground: compliance.Warn}}, slog.New(slog.NewTextHandler(&said, nil)))
		require.NoError(t, s.Check(t.Context(), compliance.StagePlayground, []string{"the very text"}))
		require.Contains(t, said.String(), "unscanned")
		require.NotContains(t, said.String(), "the very text")
	})
	t.Run("do not look where they are off", func(t *testing.T) {
		t.Parallel()
		store := &shelf{}
		s := open(broken, store, nil)
		for range 3 {
			require.NoError(t, s.Check(t.Context(), compliance.StagePlayground, []string{"x"}))
			mode, err := s.Mode(t.Context(), compliance.StageLog)
			require.NoError(t, err)
			require.Equal(t, compliance.Off, mode)
		}
		require.Equal(t, 1, store.loads, "the settings are read once")
	})
	t.Run("end with their caller", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := open(broken, &shelf{policy: compliance.Policy{OnPlayground: compliance.Warn}}, nil)
		require.ErrorIs(t, s.Check(ctx, compliance.StagePlayground, []string{"x"}), context.Canceled)
	})
	t.Run("a scan has its error", func(t *testing.T) {
		t.Parallel()
		store := &shelf{}
		_, err := open(broken, store, nil).Scan(t.Context(), compliance.ScanRequest{Text: "x"})
		require.True(t, errors.Is(err, pmerr.ErrTimeout))
		require.Empty(t, store.filed)
	})
}

func TestForeignFindings(t *testing.T) {
	t.Parallel()
	const text = "Grüße ann@example.com"
	mail := detect.Finding{Rule: "Email Detection", Entity: "EMAIL_ADDRESS", Severity: detect.High, Category: detect.PII, Start: 8, End: 23, Confidence: 0.9}
	whole := detect.Finding{Rule: "Toxicity Detection", Entity: "TOXICITY", Severity: detect.Medium, Category: detect.Custom, Confidence: 0.5}
	shorter, outside, empty := mail, mail, mail
	shorter.Start, shorter.Confidence = 12, 0.8
	outside.End = 24
	empty.Start, empty.End = 9, 9
	store := &shelf{policy: compliance.Policy{OnPlayground: compliance.Block, MinSeverity: detect.High}}
	s := open(scanner(func(context.Context, string) ([]detect.Finding, bool, error) {
		return []detect.Finding{shorter, whole, outside, mail, empty}, true, nil
	}), store, nil)
	r, err := s.Scan(t.Context(), compliance.ScanRequest{Text: text})
	require.NoError(t, err)
	require.Equal(t, "played", r.Provider)
	require.True(t, r.Truncated)
	require.Equal(t, []compliance.Finding{
		{Rule: "Toxicity Detection", Entity: "TOXICITY", Severity: detect.Medium, Category: detect.Custom, Confidence: 0.5},
		{Rule: "Email Detection", Entity: "EMAIL_ADDRESS", Severity: detect.High, Category: detect.PII, MatchedText: "ann@example.com", Start: 6, End: 21, Confidence: 0.9},
	}, r.Findings, "overlaps are settled, places outside of the text are dropped")
	require.Equal(t, 75, r.Score)
	require.Empty(t, r.RedactedText, "it would hold what was not found")

	err = s.Check(t.Context(), compliance.StagePlayground, []string{text})
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
	require.Equal(t, []detect.Entity{"EMAIL_ADDRESS"}, pmerr.From(err).Details["entities"])
	require.Equal(t, true, pmerr.From(err).Details["truncated"])
	require.Len(t, store.filed, 2)
	require.True(t, store.filed[1].Blocked)
}
