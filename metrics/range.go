package metrics

import (
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Range says which days are wanted. The zero value is the window "30d".
type Range struct {
	// Window is "7d", "30d" or "90d": that many days, today among them.
	Window string
	// From and To replace the window: every UTC day that lies, in whole or in
	// part, between From and before To. To defaults to now; at most MaxDays
	// days.
	From, To timestamp.Time
}

// MaxDays bounds a range.
const MaxDays = 1100

const (
	day    = 24 * time.Hour
	custom = "custom"
)

// span resolves a range at a moment.
func (r Range) span(now time.Time) (Span, error) {
	today := now.UTC().Truncate(day)
	if r.From.IsZero() && r.To.IsZero() {
		days := map[string]int{"": 30, "7d": 7, "30d": 30, "90d": 90}[r.Window]
		if days == 0 {
			return Span{}, pmerr.New(pmerr.BadRequest, "window must be 7d, 30d or 90d")
		}
		s := newSpan(r.Window, today.AddDate(0, 0, 1-days), today)
		if s.Window == "" {
			s.Window = "30d"
		}
		return s, nil
	}
	switch {
	case r.Window != "":
		return Span{}, pmerr.New(pmerr.BadRequest, "window and from/to exclude each other: send one of them")
	case r.From.IsZero():
		return Span{}, pmerr.New(pmerr.BadRequest, "from is required with to")
	}
	last := today
	if !r.To.IsZero() {
		last = r.To.UTC().Add(-time.Second).Truncate(day)
	}
	first := r.From.UTC().Truncate(day)
	switch {
	case last.Before(first), !r.To.IsZero() && !r.From.Before(r.To.Time):
		return Span{}, pmerr.New(pmerr.BadRequest, "from must be before to")
	case last.Sub(first) >= MaxDays*day:
		return Span{}, pmerr.New(pmerr.BadRequest, "from and to must be at most %d days apart", MaxDays)
	}
	return newSpan(custom, first, last), nil
}

func newSpan(window string, first, last time.Time) Span {
	return Span{Window: window, Start: timestamp.Of(first), End: timestamp.Of(last.Add(day))}
}
