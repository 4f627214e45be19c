package builtin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/pii"
)

func TestDetectorsFindPersonalData(t *testing.T) {
	t.Parallel()
	s := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
	r := s.Scan("write to ann@example.com")
	require.Len(t, r.Findings, 1)
	score, level := detect.Score(r.Findings)
	require.Equal(t, 85, score)
	require.Equal(t, detect.RiskMedium, level)
}

func TestOptionsReachTheDetectors(t *testing.T) {
	t.Parallel()
	o := builtin.Options{PII: pii.Options{Without: []detect.Entity{"EMAIL_ADDRESS"}}}
	s := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(o)})
	require.Empty(t, s.Scan("write to ann@example.com").Findings)
}
