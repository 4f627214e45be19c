package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGauge(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{
		0: "░░░░", 0.01: "░░░░", 0.05: "▎░░░", 0.25: "█░░░", 0.5: "██░░", 0.97: "███▉", 1: "████", 7: "████",
		-1: "░░░░", math.NaN(): "░░░░", math.Inf(1): "████", math.Inf(-1): "░░░░",
	} {
		require.Equal(t, want, gauge(share, 4), share)
	}
	p := &program{draws: true}
	require.Equal(t, "▏", p.tableBar(1, 1e9), "little is not nothing")
	require.Empty(t, p.tableBar(0, 1))
	require.Empty(t, p.tableBar(1, 0))
	require.Empty(t, (&program{}).tableBar(1, 1))
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for usd, want := range map[float64]string{
		0: "$0", 1e-7: "$0.00000010", 0.0000067: "$0.0000067", 0.00045: "$0.00045", 0.01: "$0.0100", 0.6641: "$0.6641",
		1: "$1.00", 12.345: "$12.35", 99.999: "$100.00", 1e12: "$1000000000000.00",
	} {
		require.Equal(t, want, money(usd))
	}
}
