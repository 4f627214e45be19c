package abtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/abtest/stats"
)

func assigning(id int64, workspace string, shareB float64) Test {
	return Test{ID: id, Workspace: workspace, Spec: Spec{PromptName: "p", VersionA: "1.0.0", VersionB: "1.1.0", ShareB: shareB}}
}

// units is how many units the shares are measured with.
const units = 20_000

func TestEachVersionGetsItsShare(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.5, 0.1, 0.01, 0.99} {
		for id := range int64(5) {
			test := assigning(id+1, "default", share)
			var a, b int
			for i := range units {
				if test.assign(fmt.Sprint("user-", i)).Variant == stats.B {
					b++
				} else {
					a++
				}
			}
			p, _ := stats.SampleRatio(a, b, share)
			require.Greater(t, p, 1e-4, "test %d: %d of B for a share of %g", id+1, b, share)
		}
	}
}

// The bits of a unit in one test say nothing about those in another test, in
// another workspace, or of the unit that is counted next.
func TestTestsMixUnitsAnew(t *testing.T) {
	t.Parallel()
	one := assigning(1, "default", 0.5)
	for name, other := range map[string]func(i int) Assignment{
		"the next test":     func(i int) Assignment { return assigning(2, "default", 0.5).assign(fmt.Sprint(i)) },
		"another workspace": func(i int) Assignment { return assigning(1, "team-a", 0.5).assign(fmt.Sprint(i)) },
		"the next unit":     func(i int) Assignment { return one.assign(fmt.Sprint(i + 1)) },
	} {
		same := 0
		for i := range units {
			if one.assign(fmt.Sprint(i)) == other(i) {
				same++
			}
		}
		p, _ := stats.SampleRatio(units-same, same, 0.5)
		require.Greater(t, p, 1e-4, "%s: %d of %d agree", name, same, units)
	}
}

// A change of the hash would move users from one version to the other in the
// middle of a test.
func TestAssignmentsNeverChange(t *testing.T) {
	t.Parallel()
	test := assigning(7, "default", 0.5)
	got := ""
	for i := range 40 {
		got += string(test.assign(fmt.Sprint("user-", i)).Variant)
	}
	require.Equal(t, "AAAABAABABABAABAABBABBABAAAABBAAABAAAABB", got)
}

func TestPositionsAreBelowOne(t *testing.T) {
	t.Parallel()
	low, high := 1.0, 0.0
	for i := range units {
		at := position("w", 1, fmt.Sprint(i))
		low, high = min(low, at), max(high, at)
		require.Equal(t, at, position("w", 1, fmt.Sprint(i)))
	}
	require.GreaterOrEqual(t, low, 0.0)
	require.Less(t, high, 1.0)
	require.Less(t, low, 0.001)
	require.Greater(t, high, 0.999)
	require.NotEqual(t, position("a", 11, "1"), position("a", 1, "11"), "the parts are kept apart")
	require.False(t, math.IsNaN(position("", 0, "")))
}
