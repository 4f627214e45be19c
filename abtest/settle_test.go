package abtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

func look(mode Mode, p float64, winner stats.Winner) Result {
	r := Result{Mode: mode, Result: stats.Result{Winner: stats.Tie, Warnings: []string{"w"}, Sequential: &stats.Sequential{Winner: winner}}}
	if p >= 0 {
		r.Sequential.P = &p
	}
	return r
}

func TestSettleContinuesTheSequentialTest(t *testing.T) {
	t.Parallel()
	const none = -1
	for name, c := range map[string]struct {
		now, before Result
		p           float64
		winner      stats.Winner
		warnings    int
	}{
		"a lower p counts":          {look(Sequential, 0.2, stats.Tie), look(Sequential, 0.4, stats.Tie), 0.2, stats.Tie, 1},
		"a higher one does not":     {look(Sequential, 0.4, stats.Tie), look(Sequential, 0.2, stats.Tie), 0.2, stats.Tie, 1},
		"nothing after something":   {look(Sequential, none, stats.Tie), look(Sequential, 0.2, stats.Tie), 0.2, stats.Tie, 1},
		"something after nothing":   {look(Sequential, 0.2, stats.Tie), look(Sequential, none, stats.Tie), 0.2, stats.Tie, 1},
		"nothing after nothing":     {look(Sequential, none, stats.Tie), look(Sequential, none, stats.Tie), none, stats.Tie, 1},
		"a winner is found":         {look(Sequential, 0.01, stats.B), look(Sequential, 0.2, stats.Tie), 0.01, stats.B, 1},
		"a winner stays":            {look(Sequential, 0.9, stats.Tie), look(Sequential, 0.01, stats.B), 0.01, stats.B, 1},
		"also against another one":  {look(Sequential, 0.001, stats.A), look(Sequential, 0.01, stats.B), 0.001, stats.B, 2},
		"and is no winner if fixed": {look(Fixed, 0.9, stats.Tie), look(Fixed, 0.01, stats.B), 0.01, stats.Tie, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := settle(c.now, &c.before)
			require.Equal(t, c.winner, got.Winner)
			if c.p < 0 {
				require.Nil(t, got.Sequential.P)
			} else {
				require.InDelta(t, c.p, *got.Sequential.P, 0)
			}
			require.Len(t, got.Warnings, c.warnings)
			require.Len(t, c.now.Warnings, 1, "what is given stays")
			require.NotSame(t, c.now.Sequential, got.Sequential)
		})
	}
	first := look(Sequential, 0.01, stats.A)
	require.Equal(t, stats.A, settle(first, nil).Winner)
	bare := Result{Mode: Sequential, Result: stats.Result{Winner: stats.B}}
	require.Equal(t, stats.Tie, settle(bare, &first).Winner)
}
