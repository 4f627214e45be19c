package scorer

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Options are what scorers need from outside. All may be left out; rules that
// need what is missing are then refused when they are compiled.
type Options struct {
	// Model answers judges and embeds texts; the playground.
	Model eval.Model
	// Scanner finds sensitive data for compliance rules.
	Scanner Scanner
	// Functions are the Go functions that rules of type function may name.
	Functions map[string]Func

	// HTTPClient calls webhooks. Redirects are never followed. Its transport
	// is replaced by a guarded copy if it is an [http.Transport] or nil; a
	// RoundTripper of another kind must itself see to what it connects to.
	// Webhooks are refused unless it or WebhookHosts is set.
	HTTPClient *http.Client
	// WebhookHosts are the hosts that webhooks may name, each with or without
	// a port; empty lets every public host through if HTTPClient is set.
	WebhookHosts []string
	// WebhookPrivate allows loopback, private and link-local addresses too.
	WebhookPrivate bool
}

// Compiler makes rubrics. It is safe for concurrent use.
type Compiler struct {
	model     eval.Model
	scanner   Scanner
	functions map[string]Func
	webhooks  *webhooks
}

var _ eval.Compiler = (*Compiler)(nil)

// New makes a compiler.
func New(o Options) *Compiler {
	return &Compiler{
		model:     o.Model,
		scanner:   o.Scanner,
		functions: maps.Clone(o.Functions),
		webhooks:  newWebhooks(o),
	}
}

// build checks the configuration of a rule and makes its judge. Faults are
// added to the rule; the judge is then not used.
type build func(c *Compiler, r *rule) judge

// judge scores one case. An error means that it could not.
type judge func(ctx context.Context, c *subject) (outcome, error)

// builders are the rule types by name.
func builders() map[string]build {
	return map[string]build{
		"exact":          buildExact,
		"contains":       buildContains,
		"keyword":        buildKeyword,
		"starts_with":    buildStartsWith,
		"regex":          buildRegex,
		"length":         buildLength,
		"json_schema":    buildJSONSchema,
		"json_diff":      buildJSONDiff,
		"numeric":        buildNumeric,
		"levenshtein":    buildLevenshtein,
		"bleu":           buildBLEU,
		"rouge":          buildROUGE,
		"token_f1":       buildTokenF1,
		"cosine":         buildCosine,
		"latency":        buildLatency,
		"cost":           buildCost,
		"tokens":         buildTokens,
		"compliance":     buildCompliance,
		"llm_judge":      buildLLMJudge,
		"pairwise_judge": buildPairwiseJudge,
		"webhook":        buildWebhook,
		"function":       buildFunction,
	}
}

// Types are the names of all rule types, sorted.
func Types() []string { return slices.Sorted(maps.Keys(builders())) }

// Compile makes a rubric of criteria. Every fault of every rule is reported at
// once, as ErrValidation; those of a rule start with "criteria.rules[i]".
func (c *Compiler) Compile(criteria eval.Criteria) (*eval.Rubric, error) {
	faults := criteria.Faults()
	if len(criteria.Rules) > eval.MaxRules {
		return nil, pmerr.Invalid(faults...)
	}
	known := builders()
	names := criteria.Names()
	rubric := &eval.Rubric{MinScore: criteria.MinScore, Rules: make([]eval.CompiledRule, 0, len(criteria.Rules))}
	for i, r := range criteria.Rules {
		at := fmt.Sprintf("criteria.rules[%d]", i)
		builder, ok := known[r.Type]
		if !ok {
			if r.Type != "" {
				faults = append(faults, fmt.Sprintf("%s.type %s is not known: use one of %s", at, quote(r.Type), strings.Join(Types(), ", ")))
			}
			continue
		}
		building := &rule{at: at, config: r.Config}
		judge := builder(c, building)
		faults = append(faults, building.faults...)
		weight := 1.0
		if r.Weight != nil {
			weight = *r.Weight
		}
		rubric.Rules = append(rubric.Rules, eval.CompiledRule{
			Name: names[i], Type: r.Type, Weight: weight, Provider: building.provider,
			Scorer: scorer{name: names[i], kind: r.Type, judge: judge},
		})
	}
	if len(faults) > 0 {
		return nil, pmerr.Invalid(faults...)
	}
	return rubric, nil
}
