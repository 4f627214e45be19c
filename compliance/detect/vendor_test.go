package detect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// The aims for the vendors of labelled secrets.
const (
	aimVendors   = 0.85
	leastSecrets = 100
)

func TestVendorsOfSecretsAreNamed(t *testing.T) {
	t.Parallel()
	scanner := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
	labelled, right := 0, 0
	for _, s := range loadCorpus(t) {
		found := map[span]string{}
		for _, f := range scanner.Scan(s.Text).Findings {
			found[span{f.Entity, f.StartRune, f.EndRune}] = f.Vendor
		}
		for _, p := range s.Spans {
			if p.Vendor == "" {
				continue
			}
			labelled++
			if got := found[span{p.Entity, p.Start, p.End}]; got == p.Vendor {
				right++
			} else {
				t.Logf("%s: vendor %q, not %q", s.where, got, p.Vendor)
			}
		}
	}
	t.Logf("vendors: %d of %d", right, labelled)
	require.GreaterOrEqual(t, labelled, leastSecrets)
	require.GreaterOrEqual(t, float64(right)/float64(labelled), aimVendors)
}

// The corpus must hold no token in one piece, or a secret scanner that watches
// the repository would be right to complain.
func TestNoTokenStandsInTheCorpusItself(t *testing.T) {
	t.Parallel()
	scanner := detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
	for _, s := range loadCorpus(t) {
		for _, part := range s.Parts {
			for _, f := range scanner.Scan(part).Findings {
				switch f.Entity {
				case "API_KEY", "PRIVATE_KEY", "JWT", "CONNECTION_STRING", "AUTH_HEADER":
					require.Failf(t, "token in one part", "%s: %s", s.where, f.Entity)
				}
			}
		}
	}
}
