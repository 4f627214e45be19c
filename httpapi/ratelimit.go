package httpapi

import (
	"strconv"
	"time"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// tellRate says how the caller stands with the rate limit, if there is one.
func (x *exchange) tellRate(d access.Decision) {
	if d.Limit == 0 {
		return
	}
	x.set("Ratelimit-Limit", strconv.FormatInt(d.Limit, 10))
	x.set("Ratelimit-Remaining", strconv.FormatInt(d.Remaining, 10))
	x.set("Ratelimit-Reset", strconv.FormatInt(d.Reset.Unix(), 10))
}

func errRate(d access.Decision) error {
	e := pmerr.New(pmerr.RateLimited, "Rate limit exceeded")
	e.RetryAfter = d.RetryAfter
	return e
}

// wholeSeconds rounds up, since trying a moment too early is in vain; 1 is the
// least, because a client that hears 0 tries at once.
func wholeSeconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
