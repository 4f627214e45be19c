package access

// Verified counts the keys that a ring remembers.
func (k *Keyring) Verified() (n int) {
	for i := range k.verified.shards {
		if m := k.verified.shards[i].entries.Load(); m != nil {
			n += len(*m)
		}
	}
	return n
}

// Subjects counts the subjects that a limiter remembers.
func (l *Limiter) Subjects() (n int) {
	for i := range l.shards {
		l.shards[i].mu.Lock()
		n += len(l.shards[i].counters)
		l.shards[i].mu.Unlock()
	}
	return n
}

// The bounds that tests hold the code to.
const (
	MaxVerified  = verifiedShards * verifiedLimit
	MaxSubjects  = limiterShards * shardSubjects
	MaxStrangers = strangers
)
