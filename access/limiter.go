package access

import (
	"context"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The limiter remembers at most 64 × 1024 subjects.
const (
	limiterShards = 64
	shardSubjects = 1024
	// maxSubject bounds a subject's length in bytes.
	maxSubject = 128
	// evictionSample is how many subjects are looked at to find one to drop.
	evictionSample = 8
	maxWindow      = 366 * 24 * time.Hour
	maxLimit       = 1 << 53
)

// LimiterOptions sets up a [Limiter].
type LimiterOptions struct {
	// Window is the length of the sliding window; 0 takes the default of 60 s.
	// At most 366 days.
	Window time.Duration
	// Max is how many units a subject has in a window, at most 2^53. 0 and
	// below switch the limiter off.
	Max int64
	// Now is the clock. Required.
	Now func() time.Time
	// Store keeps the counters over a restart; nil keeps them in memory only.
	Store WindowStore
	// Shared counts for all nodes of a service; nil counts for this one alone.
	Shared SharedWindows
	// Nodes tells how many nodes of the service are alive, this one included.
	// While Shared is out of reach, each takes that share of what is left of a
	// limit. nil: one.
	Nodes func() int
	// SnapshotEvery is how often changed counters go to the store, and idle
	// ones are forgotten; 0 takes the default of 1 s.
	SnapshotEvery time.Duration
	// Logger for what goes wrong in the background; nil discards it.
	Logger *slog.Logger
}

func (o LimiterOptions) withDefaults() LimiterOptions {
	if o.Window == 0 {
		o.Window = time.Minute
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Nodes == nil {
		o.Nodes = func() int { return 1 }
	}
	return o
}

func (o LimiterOptions) validate() error {
	var faults []string
	if o.Now == nil {
		faults = append(faults, "Now must be set to a clock such as time.Now")
	}
	if o.Window < 0 || o.Window > maxWindow {
		faults = append(faults, "Window must be above 0 and at most 366 days")
	}
	if o.Max > maxLimit {
		faults = append(faults, "Max must be at most 2^53")
	}
	if o.Shared != nil && o.Window%time.Microsecond != 0 {
		faults = append(faults, "Window must be whole microseconds where it is shared")
	}
	if o.SnapshotEvery < 0 {
		faults = append(faults, "SnapshotEvery must be above 0")
	}
	if faults != nil {
		return pmerr.Invalid(faults...)
	}
	return nil
}

// Decision says whether a unit was admitted, and how the subject stands.
type Decision struct {
	Allowed bool
	// Limit is the most units in a window; 0 means that there is no limit, and
	// then the rest says nothing.
	Limit int64
	// Remaining is how many more units would be admitted right now.
	Remaining int64
	// Reset is when the whole Limit is there again, if nothing more is
	// admitted: one window after the newest admitted unit, rounded up to a
	// Unix second. It is never further away than that.
	Reset time.Time
	// RetryAfter is how long until one unit is admitted again, exactly, if
	// nothing else is; 0 when Allowed.
	RetryAfter time.Duration
}

// Limiter limits how many units each subject, such as an API key, may take in a
// sliding window of time. Refused units are not counted.
//
// It works in memory, so that a limit holds for one process; with
// LimiterOptions.Shared it holds for all that share the windows. While those are
// out of reach, each node goes on from what it last heard and counts every unit
// that it admits once for each node alive: as if the others did the same. So
// together they stay within the limit, and what each of them knows is enough to
// set the shared windows right again, whoever else died meanwhile. Where not all
// nodes are asked evenly, less than the limit is admitted until then.
//
// It keeps two counts a subject and estimates the window from them, after
// https://blog.cloudflare.com/counting-things-a-lot-of-different-things/. In a
// window aligned to 1970 there are never more than Max units; in any other span
// of that length there may be more after a burst, up to the share of the burst
// that the estimate has let go, and always less than twice Max.
//
// Subjects without a unit in the window are forgotten. Should there be more
// than 65,536 others, ones that used little give way, so that a flood of
// subjects neither fills the memory nor frees whoever has used up a limit.
type Limiter struct {
	// window in nanoseconds.
	window, limit int64
	now           func() time.Time
	store         WindowStore
	shared        SharedWindows
	nodes         func() int
	every         time.Duration
	log           *slog.Logger

	seed   maphash.Seed
	shards [limiterShards]limiterShard
	// born is the zero of the limiter's clock, and epoch the same in
	// nanoseconds since 1970, see Limiter.clock.
	born  time.Time
	epoch int64
	// ahead is how far the clock of the shared windows is ahead of that one, in
	// nanoseconds, as of the last answer.
	ahead atomic.Int64

	// turn lets one snapshot run at a time; it guards resend and failing.
	turn sync.Mutex
	// resend tells that a snapshot failed, so the next takes every counter.
	resend, failing  bool
	snapshots, seeds background
	refused          atomic.Uint64
}

type limiterShard struct {
	mu       sync.Mutex
	counters map[string]*counter
	_        [48]byte // a cache line each, so that shards do not slow each other.
}

// NewLimiter makes a limiter and starts its background work; Close ends it.
// Options that cannot work are an ErrValidation.
func NewLimiter(o LimiterOptions) (*Limiter, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	l := &Limiter{
		window: int64(o.Window), limit: o.Max, now: o.Now,
		store: o.Store, shared: o.Shared, nodes: o.Nodes, every: o.SnapshotEvery, log: o.Logger,
		seed: maphash.MakeSeed(), born: o.Now(),
	}
	l.epoch = l.born.UnixNano()
	for i := range l.shards {
		l.shards[i].counters = map[string]*counter{}
	}
	l.snapshots = inBackground(l.run)
	l.seeds = inBackground(func(ctx context.Context) {
		if l.shared != nil && l.limit > 0 {
			l.shared.Lost(ctx, func() { l.remind(ctx) })
		}
	})
	return l, nil
}

// Take admits one unit of a subject, or refuses it. Subjects are told apart by
// their first 128 bytes. It never fails: shared windows that do not answer are
// waited for no longer than they promise.
func (l *Limiter) Take(ctx context.Context, subject string) Decision {
	if l.limit <= 0 {
		return Decision{Allowed: true}
	}
	if len(subject) > maxSubject {
		subject = subject[:maxSubject]
	}
	d := l.take(ctx, subject)
	if !d.Allowed {
		l.refused.Add(1)
	}
	return d
}

func (l *Limiter) take(ctx context.Context, subject string) Decision {
	if l.shared == nil {
		return l.takeHere(subject, 1)
	}
	d, err := l.takeShared(ctx, subject)
	if err != nil {
		return l.takeHere(subject, int64(max(l.nodes(), 1)))
	}
	return d
}

// takeHere decides by what this node knows. Each unit that it admits counts
// weight times, see [Limiter].
func (l *Limiter) takeHere(subject string, weight int64) Decision {
	s := l.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	// Read under the lock, so that time does not run backwards for a subject
	// just because two callers raced for it.
	now, t := l.clock()
	c := s.counters[subject]
	t = l.sharedTime(c, t)
	if c == nil {
		c = s.add(subject, t, l.window)
	}
	c.advance(t, l.window)
	// A unit is admitted where there is room for its weight, and where there is
	// nothing else: a limit below the number of nodes must not be none.
	limit := max(l.limit-weight+1, 1)
	d := Decision{Limit: l.limit, Remaining: ceil(limit-c.used(t, l.window), weight)}
	if d.Allowed = d.Remaining > 0; d.Allowed {
		c.admit(t, max(min(weight, l.limit-c.current), 1))
		d.Remaining--
	} else {
		d.Remaining = 0 // the estimate may be above a limit that was lowered.
		d.RetryAfter = time.Duration(c.free(l.window, limit) - t)
	}
	d.Reset = secondUp(now.Add(time.Duration(c.full(l.window) - t)))
	return d
}

// ceil divides and rounds up.
func ceil(n, by int64) int64 {
	if n <= 0 {
		return 0
	}
	return (n-1)/by + 1
}

// clock gives the time, and the same as nanoseconds since 1970 that only the
// monotonic reading moves where there is one: a jump of the wall clock then
// goes unnoticed.
func (l *Limiter) clock() (now time.Time, t int64) {
	now = l.now()
	return now, l.epoch + int64(now.Sub(l.born))
}

func (l *Limiter) shard(subject string) *limiterShard {
	return &l.shards[maphash.String(l.seed, subject)%limiterShards]
}

// add starts to count a subject, in place of another when there is no room.
// Call it with mu held.
func (s *limiterShard) add(subject string, t, window int64) *counter {
	if len(s.counters) >= shardSubjects {
		s.evict(t, window)
	}
	c := &counter{start: align(t, window), last: t}
	s.counters[strings.Clone(subject)] = c // not what a longer text holds on to.
	return c
}

// evict drops the least used of a few subjects; a map begins to range at
// random. A flood consists of little used subjects, so it displaces itself.
func (s *limiterShard) evict(t, window int64) {
	victim, least, seen := "", int64(0), 0
	for subject, c := range s.counters {
		c.advance(t, window)
		if used := c.used(t, window); seen == 0 || used < least {
			victim, least = subject, used
		}
		if seen++; seen == evictionSample {
			break
		}
	}
	delete(s.counters, victim)
}

func secondUp(t time.Time) time.Time {
	if t.Nanosecond() > 0 {
		return time.Unix(t.Unix()+1, 0).UTC()
	}
	return time.Unix(t.Unix(), 0).UTC()
}
