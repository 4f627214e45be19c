package db

import (
	"math"
	"slices"
	"time"
)

// Partition is a slice of a table by time, in stored microseconds: from From
// until before To. The first one may reach back for ever.
type Partition struct {
	Name     string
	From, To int64
}

// The times of a slice that reaches back for ever, or never ends.
const (
	everBefore = math.MinInt64
	everAfter  = math.MaxInt64
)

// Width is how much time a slice spans, in UTC.
type Width int

// The widths.
const (
	Day Width = iota
	Week
	Month
)

// WidthFor is how wide slices should be of what is kept for a time; 0 is for
// ever. A slice goes when its last row is too old, so its width is how late its
// first row goes; and the more slices there are, the longer PostgreSQL plans a
// query that may need them all. Measured on PostgreSQL 15, two cores, the first page
// of a workspace's logs, planned on a connection that knows the table and on a
// new one:
//
//	 13 slices   0.3 ms    3 ms
//	 60 slices   1.4 ms   12 ms
//	100 slices   3.0 ms   72 ms
//	365 slices    21 ms   92 ms
//	any number   0.1 ms    1 to 3 ms, if the query says from when on
//
// So lists say from when on ([Tx.Reaches]); and what must look everywhere, such
// as the logs of one trace, finds about a hundred slices whatever is kept: rows
// go at most a day late in a quarter, a week late in two years, and a month late
// beyond.
func WidthFor(keep time.Duration) Width {
	const day = 24 * time.Hour
	switch {
	case keep <= 0 || keep > 731*day:
		return Month
	case keep > 92*day:
		return Week
	}
	return Day
}

// Span is about how long a slice is.
func (w Width) Span() time.Duration {
	return []time.Duration{Day: 24 * time.Hour, Week: 7 * 24 * time.Hour, Month: 31 * 24 * time.Hour}[w]
}

// around gives the slice of a regular calendar that holds a time.
func (w Width) around(at int64) (from, to int64) {
	t := Time(at)
	start := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	end := start.AddDate(0, 0, 1)
	switch w {
	case Day:
	case Week: // from Monday
		start = start.AddDate(0, 0, -(int(start.Weekday())+6)%7)
		end = start.AddDate(0, 0, 7)
	case Month:
		start = time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
		end = start.AddDate(0, 1, 0)
	}
	return Micros(start), Micros(end)
}

// missing gives the slices, without names, that it takes besides those that
// there are so that every time from one to the other has its slice. Where a
// regular slice would overlap one that is there it is shorter.
func missing(have []Partition, from, to int64, w Width) (need []Partition) {
	for at := from; at <= to; {
		if i := slices.IndexFunc(have, func(p Partition) bool { return p.From <= at && at < p.To }); i >= 0 {
			at = have[i].To
			continue
		}
		n := Partition{}
		n.From, n.To = w.around(at)
		for _, p := range have {
			if p.To <= at {
				n.From = max(n.From, p.To)
			} else if p.From > at {
				n.To = min(n.To, p.From)
			}
		}
		need = append(need, n)
		at = n.To
	}
	return need
}
