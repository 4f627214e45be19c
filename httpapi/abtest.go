package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/abtest"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func (a *api) registerABTests() {
	missing := []int{http.StatusNotFound}
	posted(a, operation{
		id: "createABTest", method: http.MethodPost, path: "/v1/ab-tests", tag: "ab-tests",
		summary: "Make an A/B test of two versions of a prompt", status: http.StatusCreated, faults: missing,
	}, createABTest)
	scoped(a, operation{
		id: "listABTests", method: http.MethodGet, path: "/v1/ab-tests", tag: "ab-tests",
		summary: "List A/B tests, newest first",
	}, listABTests)
	scoped(a, operation{
		id: "getABTest", method: http.MethodGet, path: "/v1/ab-tests/{id}", tag: "ab-tests",
		summary: "Get an A/B test with its latest result", faults: missing,
	}, getABTest)
	scoped(a, operation{
		id: "deleteABTest", method: http.MethodDelete, path: "/v1/ab-tests/{id}", tag: "ab-tests",
		summary: "Delete an A/B test with its results", status: http.StatusNoContent, faults: missing,
	}, deleteABTest)
	posted(a, operation{
		id: "runABTest", method: http.MethodPost, path: "/v1/ab-tests/{id}/run", tag: "ab-tests",
		summary: "Compare the versions, on scores that are sent, an evaluation's or those of logs", faults: missing, bodyOptional: true,
	}, runABTest)
	scoped(a, operation{
		id: "listABTestResults", method: http.MethodGet, path: "/v1/ab-tests/{id}/results", tag: "ab-tests",
		summary: "List the results of an A/B test, newest first", faults: missing,
	}, listABTestResults)
	scoped(a, operation{
		id: "promoteABTest", method: http.MethodPost, path: "/v1/ab-tests/{id}/promote", tag: "ab-tests",
		summary: "Pin the winner and point the label production at it", faults: missing,
	}, promoteABTest)
	scoped(a, operation{
		id: "assignABTest", method: http.MethodGet, path: "/v1/ab-tests/{id}/assignment", tag: "ab-tests",
		summary: "Get the version that a unit, such as a user, always gets", faults: missing,
	}, assignABTest)
}

type abTestBody struct {
	PromptName   string             `json:"prompt_name" minLength:"1" maxLength:"128"`
	VersionA     string             `json:"version_a" minLength:"1" maxLength:"255"`
	VersionB     string             `json:"version_b" minLength:"1" maxLength:"255"`
	DatasetID    *int64             `json:"dataset_id,omitempty" minimum:"1"`
	EvaluationID *int64             `json:"evaluation_id,omitempty" minimum:"1" doc:"Compare the results of this evaluation."`
	Metric       abtest.Metric      `json:"metric,omitempty" enum:"latency,cost,win_rate,score" doc:"Default: latency. Lower wins for latency and cost."`
	Mode         abtest.Mode        `json:"mode,omitempty" enum:"fixed,sequential" doc:"Default: fixed. A sequential test may be looked at at any time."`
	PlannedN     *int               `json:"planned_n,omitempty" minimum:"2" doc:"Planned scores a version, for the sequential interval. Default: 500."`
	ShareB       *float64           `json:"share_b,omitempty" doc:"The part of the units that get version B. Default: 0.5."`
	Guardrails   []abtest.Guardrail `json:"guardrails,omitempty" maxItems:"10" doc:"What version B may not make worse by a margin."`
}

func createABTest(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b abTestBody) (abtest.Test, error) {
	s := abtest.Spec{
		PromptName: b.PromptName, VersionA: b.VersionA, VersionB: b.VersionB, DatasetID: b.DatasetID, EvaluationID: b.EvaluationID,
		Metric: b.Metric, Mode: b.Mode, Guardrails: b.Guardrails,
	}
	// Zero is not the default, which it would be in Go: it is a fault.
	if b.PlannedN != nil {
		s.PlannedN = cmp.Or(*b.PlannedN, -1)
	}
	if b.ShareB != nil {
		s.ShareB = cmp.Or(*b.ShareB, -1)
	}
	return ws.ABTests.Create(ctx, s)
}

type abTestListing struct{ query.Listing }

func listABTests(ctx context.Context, ws *promptmetrics.Workspace, in *abTestListing) (page.Of[abtest.Test], error) {
	return ws.ABTests.List(ctx, in.Request())
}

type abTestID struct {
	ID string `path:"id" doc:"Id of the A/B test."`
}

// number is the id, or 0 for what cannot be one.
func (in abTestID) number() int64 {
	id, err := numbered(in.ID, "A/B test")
	if err != nil {
		return 0
	}
	return id
}

// abTestDetail has the latest result as a member that is always there.
type abTestDetail struct {
	abtest.Test
	LatestResult *abtest.Result `json:"latest_result"`
}

func getABTest(ctx context.Context, ws *promptmetrics.Workspace, in *abTestID) (abTestDetail, error) {
	t, err := ws.ABTests.Get(ctx, in.number())
	return abTestDetail{t, t.LatestResult}, err
}

func deleteABTest(ctx context.Context, ws *promptmetrics.Workspace, in *abTestID) (nothing, error) {
	return nothing{}, ws.ABTests.Delete(ctx, in.number())
}

type scoresBody struct {
	A []*float64 `json:"scoresA,omitempty" doc:"A number for each trial of version A. Without scores those of the evaluation, or of logs, are compared."`
	B []*float64 `json:"scoresB,omitempty" doc:"A number for each trial of version B."`
}

// scores checks what encoding/json lets through: a null is no number.
func (b scoresBody) scores() (abtest.Scores, error) {
	var faults []string
	numbers := func(field string, list []*float64) []float64 {
		if list == nil {
			return nil
		}
		out := make([]float64, len(list))
		for i, number := range list {
			switch {
			case number != nil:
				out[i] = *number
			case len(faults) <= maxFaults:
				faults = append(faults, fmt.Sprintf("%s[%d] must be a number", field, i))
			}
		}
		return out
	}
	s := abtest.Scores{A: numbers("scoresA", b.A), B: numbers("scoresB", b.B)}
	if faults != nil {
		return abtest.Scores{}, pmerr.Invalid(faults...)
	}
	return s, nil
}

func runABTest(ctx context.Context, ws *promptmetrics.Workspace, in *abTestID, b scoresBody) (abtest.Result, error) {
	s, err := b.scores()
	if err != nil {
		return abtest.Result{}, err
	}
	return ws.ABTests.Run(ctx, in.number(), s)
}

type abTestResults struct {
	ID string `path:"id" doc:"Id of the A/B test."`
	query.Listing
}

func listABTestResults(ctx context.Context, ws *promptmetrics.Workspace, in *abTestResults) (page.Of[abtest.Result], error) {
	return ws.ABTests.Results(ctx, abTestID{in.ID}.number(), in.Request())
}

func promoteABTest(ctx context.Context, ws *promptmetrics.Workspace, in *abTestID) (abtest.Promotion, error) {
	return ws.ABTests.Promote(ctx, in.number())
}

type unitOf struct {
	ID   string `path:"id" doc:"Id of the A/B test."`
	Unit string `query:"unit" required:"true" maxLength:"256" doc:"What is assigned, such as the id of a user."`
}

func assignABTest(ctx context.Context, ws *promptmetrics.Workspace, in *unitOf) (abtest.Assignment, error) {
	return ws.ABTests.Assign(ctx, abTestID{in.ID}.number(), in.Unit)
}
