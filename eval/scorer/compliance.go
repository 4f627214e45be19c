package scorer

import (
	"context"
	"slices"
	"strings"
)

// Scanner finds sensitive data in a text.
type Scanner interface {
	// Scan names the entity of each finding, such as "EMAIL_ADDRESS"; nothing
	// if the text is clean.
	Scan(ctx context.Context, text string) (entities []string, err error)
}

// maxEntities is how many entities a rule may name.
const maxEntities = 200

// buildCompliance: the scanner finds none of the named entities, or nothing at
// all if none is named.
func buildCompliance(c *Compiler, r *rule) judge {
	var config struct {
		Entities []string `json:"entities"`
	}
	if !r.decode(&config) {
		return nil
	}
	if c.scanner == nil {
		r.faults = append(r.faults, r.at+".type compliance needs a scanner, and none is configured")
	}
	if len(config.Entities) > maxEntities {
		r.fault("entities", " must be at most %d", maxEntities)
	}
	for i, entity := range config.Entities {
		if strings.TrimSpace(entity) == "" {
			r.fault("entities"+index(i), " must not be empty")
		}
	}
	return func(ctx context.Context, k *subject) (outcome, error) {
		entities, err := c.scanner.Scan(ctx, k.Output)
		if err != nil {
			return outcome{}, err
		}
		var found []string
		for _, entity := range entities {
			named := len(config.Entities) == 0 || slices.ContainsFunc(config.Entities, func(name string) bool {
				return strings.EqualFold(strings.TrimSpace(name), entity)
			})
			if named && !slices.Contains(found, entity) {
				found = append(found, entity)
			}
		}
		if len(found) == 0 {
			return binary(true, "nothing found"), nil
		}
		slices.Sort(found)
		return binary(false, "found %s", strings.Join(found, ", ")), nil
	}
}
