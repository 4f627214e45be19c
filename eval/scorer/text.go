package scorer

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// buildExact: the output is the expected text. Where that is a whole object,
// JSON of the same value will do.
func buildExact(_ *Compiler, r *rule) judge {
	var config struct {
		Expected   *string `json:"expected"`
		IgnoreCase bool    `json:"ignore_case"`
		Trim       bool    `json:"trim"`
	}
	if !r.decode(&config) {
		return nil
	}
	expected := r.expectation("expected", config.Expected)
	return func(_ context.Context, c *subject) (outcome, error) {
		want, whole, err := expected.text(c)
		if err != nil {
			return outcome{}, err
		}
		got := c.Output
		if config.Trim {
			got, want = strings.TrimSpace(got), strings.TrimSpace(want)
		}
		if config.IgnoreCase {
			got, want = strings.ToLower(got), strings.ToLower(want)
		}
		if got == want || (whole && sameJSON(got, want)) {
			return binary(true, "the output is the expected text"), nil
		}
		return binary(false, "expected %s, got %s", quote(want), quote(got)), nil
	}
}

func sameJSON(a, b string) bool {
	left, err := parseJSON([]byte(a))
	if err != nil {
		return false
	}
	right, err := parseJSON([]byte(b))
	return err == nil && diffJSON(left, right, true).equal()
}

// buildStartsWith: the output begins with a prefix.
func buildStartsWith(_ *Compiler, r *rule) judge {
	var config struct {
		Prefix     *string `json:"prefix"`
		IgnoreCase bool    `json:"ignore_case"`
	}
	if !r.decode(&config) {
		return nil
	}
	expected := r.expectation("prefix", config.Prefix)
	if config.Prefix != nil && *config.Prefix == "" {
		r.fault("prefix", " must not be empty")
	}
	return func(_ context.Context, c *subject) (outcome, error) {
		prefix, _, err := expected.text(c)
		if err != nil {
			return outcome{}, err
		}
		output, start := c.Output, prefix
		if config.IgnoreCase {
			output, start = strings.ToLower(output), strings.ToLower(start)
		}
		if strings.HasPrefix(output, start) {
			return binary(true, "the output starts with %s", quote(prefix)), nil
		}
		return binary(false, "the output does not start with %s", quote(prefix)), nil
	}
}

// Bounds of a keyword list.
const (
	maxKeywords = 200
	maxKeyword  = 1024 // bytes
)

// buildContains is buildKeyword with the expected text as the keyword where
// none is configured.
func buildContains(c *Compiler, r *rule) judge { return buildWords(c, r, false) }

// buildKeyword: the output holds all, any or none of the keywords.
func buildKeyword(c *Compiler, r *rule) judge { return buildWords(c, r, true) }

func buildWords(_ *Compiler, r *rule, required bool) judge {
	var config struct {
		Keywords   []string `json:"keywords"`
		Mode       string   `json:"mode"`
		IgnoreCase bool     `json:"ignore_case"`
	}
	if !r.decode(&config) {
		return nil
	}
	mode := r.oneOf("mode", config.Mode, "all", "any", "none")
	if (required || config.Keywords != nil) && len(config.Keywords) == 0 {
		r.fault("keywords", " is required: a list of at least one text")
	}
	if len(config.Keywords) > maxKeywords {
		r.fault("keywords", " must be at most %d", maxKeywords)
		return nil
	}
	words := make([]expectation, 0, len(config.Keywords)+1)
	for i, word := range config.Keywords {
		member := "keywords" + index(i)
		r.required(member, word, maxKeyword)
		words = append(words, r.expectation(member, &word))
	}
	if len(words) == 0 {
		words = append(words, expectation{})
	}
	return func(_ context.Context, c *subject) (outcome, error) {
		output := c.Output
		if config.IgnoreCase {
			output = strings.ToLower(output)
		}
		var found, missing []string
		for _, w := range words {
			word, _, err := w.text(c)
			if err != nil {
				return outcome{}, err
			}
			look := word
			if config.IgnoreCase {
				look = strings.ToLower(word)
			}
			if strings.Contains(output, look) {
				found = append(found, word)
			} else {
				missing = append(missing, word)
			}
		}
		switch {
		case mode == "all" && len(missing) > 0:
			return binary(false, "missing %s", listing(missing)), nil
		case mode == "all":
			return binary(true, "found %s", listing(found)), nil
		case mode == "any" && len(found) == 0:
			return binary(false, "found none of %s", listing(missing)), nil
		case mode == "any":
			return binary(true, "found %s", listing(found)), nil
		case len(found) > 0:
			return binary(false, "found %s", listing(found)), nil
		}
		return binary(true, "found none of %s", listing(missing)), nil
	}
}

// listing shows the first few texts.
func listing(words []string) string {
	var b strings.Builder
	for i, word := range words {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == 5 {
			b.WriteString("…")
			break
		}
		b.WriteString(quote(word))
	}
	return b.String()
}

// buildLength: the output has from min to max code points.
func buildLength(_ *Compiler, r *rule) judge {
	var config struct {
		Min *int64 `json:"min"`
		Max *int64 `json:"max"`
	}
	if !r.decode(&config) {
		return nil
	}
	if config.Min == nil && config.Max == nil {
		r.fault("min", " or max is required: a number of characters")
	}
	if config.Min != nil && *config.Min < 0 {
		r.fault("min", " must be an integer of at least 0")
	}
	if config.Max != nil && *config.Max < 0 {
		r.fault("max", " must be an integer of at least 0")
	}
	if config.Min != nil && config.Max != nil && *config.Min > *config.Max {
		r.fault("min", " must not be more than max")
	}
	return func(_ context.Context, c *subject) (outcome, error) {
		n := int64(utf8.RuneCountInString(c.Output))
		switch {
		case config.Min != nil && n < *config.Min:
			return binary(false, "%d characters, at least %d expected", n, *config.Min), nil
		case config.Max != nil && n > *config.Max:
			return binary(false, "%d characters, at most %d expected", n, *config.Max), nil
		}
		return binary(true, "%d characters", n), nil
	}
}

// isNull tells a JSON null, or nothing.
func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || strings.TrimSpace(string(raw)) == "null"
}
