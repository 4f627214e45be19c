package eval

// RunnerStats say what a runner has done since it was made.
type RunnerStats struct {
	// Active is how many runs are executed right now.
	Active int
	// Done are rows with an output and a score, Failed those without.
	Done, Failed uint64
}

// Stats gives what was counted so far.
func (r *Runner) Stats() RunnerStats {
	r.mu.Lock()
	active := len(r.active)
	r.mu.Unlock()
	return RunnerStats{Active: active, Done: r.done.Load(), Failed: r.failed.Load()}
}

// count counts a row whose result was stored.
func (r *Runner) count(result RowResult) {
	if result.Error == "" {
		r.done.Add(1)
	} else {
		r.failed.Add(1)
	}
}
