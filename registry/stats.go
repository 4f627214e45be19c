package registry

import "github.com/promptmetrics-go/promptmetrics/census"

// CacheStats count the lookups of a registry's caches since it was made.
type CacheStats struct {
	// Answers tells which version a query means: a miss asks the database.
	Answers census.Lookups
	// Templates are parsed versions: a miss reads the prompt store. Who finds
	// an answer needs none.
	Templates census.Lookups
}

// CacheStats gives what was counted so far.
func (r *Registry) CacheStats() CacheStats {
	return CacheStats{Answers: r.resolver.answered.Snapshot(), Templates: r.resolver.parsed.Snapshot()}
}
