package db_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
)

func micros(tb testing.TB, day string) int64 {
	tb.Helper()
	t, err := time.Parse(time.DateOnly, day)
	require.NoError(tb, err)
	return t.UnixMicro()
}

func TestMissingPartitions(t *testing.T) {
	t.Parallel()
	slice := func(from, to string) db.Partition { return db.Partition{From: micros(t, from), To: micros(t, to)} }
	first := func(to string) db.Partition { return db.Partition{From: math.MinInt64, To: micros(t, to)} }
	for name, c := range map[string]struct {
		have     []db.Partition
		from, to string
		width    db.Width
		want     []db.Partition
	}{
		"a day":                               {nil, "2026-11-23", "2026-11-23", db.Day, []db.Partition{slice("2026-11-23", "2026-11-24")}},
		"days":                                {nil, "2026-02-28", "2026-03-01", db.Day, []db.Partition{slice("2026-02-28", "2026-03-01"), slice("2026-03-01", "2026-03-02")}},
		"weeks begin on Monday":               {nil, "2026-11-22", "2026-11-23", db.Week, []db.Partition{slice("2026-11-16", "2026-11-23"), slice("2026-11-23", "2026-11-30")}},
		"months":                              {nil, "2026-12-31", "2027-01-02", db.Month, []db.Partition{slice("2026-12-01", "2027-01-01"), slice("2027-01-01", "2027-02-01")}},
		"nothing where all is there":          {[]db.Partition{first("2026-11-30")}, "1970-01-01", "2026-11-29", db.Day, nil},
		"what follows the first":              {[]db.Partition{first("2026-11-25")}, "2026-11-01", "2026-11-25", db.Week, []db.Partition{slice("2026-11-25", "2026-11-30")}},
		"a gap between two":                   {[]db.Partition{first("2026-11-10"), slice("2026-11-20", "2026-11-21")}, "2026-11-12", "2026-11-12", db.Month, []db.Partition{slice("2026-11-10", "2026-11-20")}},
		"a gap that is narrower than a slice": {[]db.Partition{slice("2026-11-01", "2026-11-10"), slice("2026-11-12", "2026-12-01")}, "2026-11-10", "2026-11-11", db.Week, []db.Partition{slice("2026-11-10", "2026-11-12")}},
		"before all":                          {[]db.Partition{slice("2026-11-20", "2026-11-21")}, "2026-11-19", "2026-11-20", db.Week, []db.Partition{slice("2026-11-16", "2026-11-20")}},
		"behind a slice that never ends":      {[]db.Partition{{From: micros(t, "2026-11-20"), To: math.MaxInt64}}, "2026-11-20", "2026-12-20", db.Day, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, db.Missing(c.have, micros(t, c.from), micros(t, c.to), c.width))
		})
	}
}

// FuzzMissingPartitions checks that every time gets exactly one slice.
func FuzzMissingPartitions(f *testing.F) {
	f.Add(int64(20_000), int64(20_040), uint8(0), int64(20_010), int64(20_012))
	f.Add(int64(20_000), int64(20_400), uint8(2), int64(19_000), int64(20_100))
	f.Add(int64(-500), int64(3), uint8(1), int64(-2), int64(-1))
	const day = 86_400_000_000
	f.Fuzz(func(t *testing.T, from, to int64, width uint8, first, last int64) {
		const years = 200_000 // days around 1970
		from, first, last = from%years, first%years, last%years
		to = from + (to-from)%2000
		var have []db.Partition
		if first < last {
			have = []db.Partition{{From: first * day, To: last * day}}
		}
		all := append(have, db.Missing(have, from*day, to*day, db.Width(width%3))...)
		for i, p := range all {
			require.Less(t, p.From, p.To)
			for _, q := range all[i+1:] {
				require.True(t, p.To <= q.From || q.To <= p.From, "%v and %v overlap", p, q)
			}
		}
		for at := from; at <= to; at++ {
			found := 0
			for _, p := range all {
				if p.From <= at*day && at*day < p.To {
					found++
				}
			}
			require.Equal(t, 1, found, "day %d", at)
		}
	})
}

func TestWidthFor(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for keep, want := range map[time.Duration]db.Width{
		0: db.Month, time.Hour: db.Day, 30 * day: db.Day, 92 * day: db.Day, 93 * day: db.Week, 365 * day: db.Week, 731 * day: db.Week, 3650 * day: db.Month,
	} {
		require.Equal(t, want, db.WidthFor(keep), "%s", keep)
		if keep > 0 {
			require.LessOrEqual(t, int64(keep/want.Span()), int64(120), "slices of %s", keep)
		}
	}
}
