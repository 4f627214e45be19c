package access

import "github.com/promptmetrics-go/promptmetrics/census"

// Lookups counts how often a key was recognised without asking the store.
func (k *Keyring) Lookups() census.Lookups { return k.remembered.Snapshot() }

// Refused counts the units that were refused since the limiter was made.
func (l *Limiter) Refused() uint64 { return l.refused.Load() }
