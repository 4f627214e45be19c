package redisnode

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/promptmetrics-go/promptmetrics/access"
)

//go:embed limits.lua
var limitsLua string

// counting is the script. It counts exactly while Max times the microseconds of
// the window stays below 2^53, the largest whole number of Lua; beyond that the
// share of the window before is off by one in 10^15.
var counting = redis.NewScript(limitsLua)

// Take implements [access.SharedWindows].
func (n *Node) Take(ctx context.Context, rule access.Rule, known access.Window) (taken access.Taken, err error) {
	err = n.do(ctx, func(ctx context.Context) error {
		taken, err = n.take(ctx, rule, known, 1)
		return err
	})
	return taken, err
}

func (n *Node) take(ctx context.Context, rule access.Rule, known access.Window, units int) (access.Taken, error) {
	answer, err := counting.Run(ctx, n.client, n.counter(rule, known), arguments(rule, known, units)...).Int64Slice()
	if err != nil {
		return access.Taken{}, err
	}
	if len(answer) != 6 {
		return access.Taken{}, fmt.Errorf("the script of the limits answered with %d numbers instead of 6", len(answer))
	}
	return access.Taken{
		Allowed: answer[0] == 1, At: time.UnixMicro(answer[1]),
		Window: access.Window{
			Subject: known.Subject, Start: time.UnixMicro(answer[2]), Newest: time.UnixMicro(answer[3]),
			Previous: answer[4], Current: answer[5],
		},
	}, nil
}

// counter names the key of a subject. Windows of another length are others: nodes
// that are configured differently do not disturb each other.
func (n *Node) counter(rule access.Rule, w access.Window) []string {
	return []string{n.o.Prefix + "rate:" + strconv.FormatInt(rule.Window.Microseconds(), 10) + ":" + w.Subject}
}

func arguments(rule access.Rule, w access.Window, units int) []any {
	if w.Previous+w.Current == 0 {
		return []any{rule.Window.Microseconds(), rule.Max, units, 0, 0, 0, 0}
	}
	newest := w.Newest
	if newest.IsZero() { // the latest that it can be
		newest = w.Start.Add(rule.Window)
	}
	return []any{
		rule.Window.Microseconds(), rule.Max, units,
		max(w.Start.UnixMicro(), 0), max(newest.UnixMicro(), 0), max(w.Previous, 0), max(w.Current, 0),
	}
}

// Raise implements [access.SharedWindows].
func (n *Node) Raise(ctx context.Context, rule access.Rule, known []access.Window) error {
	if len(known) == 0 {
		return nil
	}
	// Not bounded like a request: nobody waits for it.
	if err := counting.Load(ctx, n.client).Err(); err != nil {
		return err
	}
	_, err := n.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, w := range known {
			counting.EvalSha(ctx, p, n.counter(rule, w), arguments(rule, w, 0)...)
		}
		return nil
	})
	return err
}
