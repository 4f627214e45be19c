package playground

import (
	"maps"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/census"
)

// CallStats are the calls of one provider since the playground was made, those
// of evaluations included. What was refused before it reached the provider, by
// a guard or a budget, is no call.
type CallStats struct {
	// Took are all calls that have ended, in seconds.
	Took census.Distribution
	// Failed are those of them that failed, by the code of the error;
	// CANCELLED is a caller that went away.
	Failed map[string]uint64
}

// calls counts the calls of one provider.
type calls struct {
	took *census.Histogram

	mu     sync.Mutex
	failed map[string]uint64
}

func newCalls() *calls { return &calls{took: census.Durations(), failed: map[string]uint64{}} }

// count counts a call that has ended; an empty code is a success.
func (o *ongoing) count(code string) {
	c := o.service.playground.calls[o.provider.Name()]
	c.took.Took(o.service.playground.now().Sub(o.began))
	if code == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed[code]++
}

// Stats gives what was counted so far, by provider.
func (p *Playground) Stats() map[string]CallStats {
	all := make(map[string]CallStats, len(p.calls))
	for name, c := range p.calls {
		c.mu.Lock()
		all[name] = CallStats{Took: c.took.Snapshot(), Failed: maps.Clone(c.failed)}
		c.mu.Unlock()
	}
	return all
}
