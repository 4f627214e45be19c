package client

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// ABTests keeps and runs the A/B tests of one workspace.
type ABTests struct {
	link  link
	cache *cache
}

var _ abtest.Tests = (*ABTests)(nil)

func abTestPath(id int64) string { return "/v1/ab-tests/" + strconv.FormatInt(id, 10) }

// Create implements [abtest.Tests].
func (t *ABTests) Create(ctx context.Context, s abtest.Spec) (abtest.Test, error) {
	q, err := post(http.MethodPost, "/v1/ab-tests", struct {
		PromptName   string             `json:"prompt_name"`
		VersionA     string             `json:"version_a"`
		VersionB     string             `json:"version_b"`
		DatasetID    *int64             `json:"dataset_id,omitempty"`
		EvaluationID *int64             `json:"evaluation_id,omitempty"`
		Metric       abtest.Metric      `json:"metric,omitempty"`
		Mode         abtest.Mode        `json:"mode,omitempty"`
		PlannedN     int                `json:"planned_n,omitempty"`
		ShareB       float64            `json:"share_b,omitempty"`
		Guardrails   []abtest.Guardrail `json:"guardrails,omitempty"`
	}(s))
	if err != nil {
		return abtest.Test{}, err
	}
	q.once = true
	return read[abtest.Test](ctx, t.link, q)
}

// List implements [abtest.Tests].
func (t *ABTests) List(ctx context.Context, r page.Request) (page.Of[abtest.Test], error) {
	return readPage[abtest.Test](ctx, t.link, "/v1/ab-tests", parameters{}, r)
}

// Get implements [abtest.Tests].
func (t *ABTests) Get(ctx context.Context, id int64) (abtest.Test, error) {
	return read[abtest.Test](ctx, t.link, request{method: http.MethodGet, path: abTestPath(id)})
}

// Delete implements [abtest.Tests].
func (t *ABTests) Delete(ctx context.Context, id int64) error {
	return t.link.remove(ctx, abTestPath(id), nil)
}

// Run implements [abtest.Tests].
func (t *ABTests) Run(ctx context.Context, id int64, s abtest.Scores) (abtest.Result, error) {
	if err := expressible(s); err != nil {
		return abtest.Result{}, err
	}
	// An empty list is not none: the server refuses it.
	body := map[string][]float64{}
	if s.A != nil {
		body["scoresA"] = s.A
	}
	if s.B != nil {
		body["scoresB"] = s.B
	}
	q, err := post(http.MethodPost, abTestPath(id)+"/run", body)
	if err != nil {
		return abtest.Result{}, err
	}
	q.once = true
	return read[abtest.Result](ctx, t.link, q)
}

// expressible refuses what JSON has no numbers for, in the server's words.
func expressible(s abtest.Scores) error {
	var faults []string
	for _, side := range []struct {
		field  string
		scores []float64
	}{{"scoresA", s.A}, {"scoresB", s.B}} {
		for i, score := range side.scores {
			if (math.IsNaN(score) || math.IsInf(score, 0)) && len(faults) < 20 {
				faults = append(faults, fmt.Sprintf("%s[%d] must be a number between -1e300 and 1e300", side.field, i))
			}
		}
	}
	if faults != nil {
		return pmerr.Invalid(faults...)
	}
	return nil
}

// Results implements [abtest.Tests].
func (t *ABTests) Results(ctx context.Context, id int64, r page.Request) (page.Of[abtest.Result], error) {
	return readPage[abtest.Result](ctx, t.link, abTestPath(id)+"/results", parameters{}, r)
}

// Promote implements [abtest.Tests]. To promote the same version again changes
// nothing, so it is repeated like any other call.
func (t *ABTests) Promote(ctx context.Context, id int64) (abtest.Promotion, error) {
	// Which prompt it was the answer does not say. A failed call may have
	// happened, too.
	defer t.cache.invalidateAll(t.link.workspace)
	return read[abtest.Promotion](ctx, t.link, request{method: http.MethodPost, path: abTestPath(id) + "/promote"})
}

// Assign implements [abtest.Tests].
func (t *ABTests) Assign(ctx context.Context, id int64, unit string) (abtest.Assignment, error) {
	q := parameters{}
	q.text("unit", unit)
	return read[abtest.Assignment](ctx, t.link, request{method: http.MethodGet, path: abTestPath(id) + "/assignment", query: url.Values(q)})
}
