package client

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestNewIDIsARandomUUID(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	for range 1000 {
		id := newID()
		require.Regexp(t, uuid, id)
		require.False(t, met[id])
		met[id] = true
	}
}

// The server carries the first attempt out, the answer is lost, and the second
// attempt meets what the first has made.
func TestARepeatedMutationIsOneMutation(t *testing.T) {
	t.Parallel()
	prompt := registry.Prompt{Name: "welcome", Version: "1.0.0", Messages: []registry.Message{{Role: registry.User, Content: "Hi"}}}
	const stored = `{"content":{"version":"1.0.0","name":"welcome","messages":[{"content":"Hi","role":"user"}]},"version":{"name":"welcome","version_tag":"1.0.0","created_at":9,"commit_sha":"c"}}`
	const other = `{"content":{"version":"1.0.0","name":"welcome","messages":[{"content":"Bye","role":"user"}]},"version":{"name":"welcome","version_tag":"1.0.0","created_at":9}}`
	lost := reply{cut: true}
	exists := envelopeOf(400, "BAD_REQUEST", "Prompt already exists")
	conflict := envelopeOf(409, "CONFLICT", "exists")
	forbidden := envelopeOf(403, "FORBIDDEN", "no read")
	gone := envelopeOf(404, "NOT_FOUND", "x not found")
	create := func(ctx context.Context, c *Client) error {
		v, err := c.Registry.Create(ctx, prompt, registry.Signature{})
		if err == nil && v.CreatedAt.Unix() != 9 {
			t.Errorf("got %+v", v)
		}
		return err
	}
	trace := func(tr telemetry.Trace) func(ctx context.Context, c *Client) error {
		return func(ctx context.Context, c *Client) error {
			got, err := c.Telemetry.CreateTrace(ctx, tr)
			if err == nil && (got.ID == "" || got.CreatedAt.IsZero() || got.PromptName == nil) {
				t.Errorf("got %+v", got)
			}
			return err
		}
	}
	run := func(r telemetry.Run) func(ctx context.Context, c *Client) error {
		return func(ctx context.Context, c *Client) error {
			got, err := c.Telemetry.CreateRun(ctx, r)
			if err == nil && (got.ID == "" || got.CreatedAt.IsZero() || got.WorkflowName == "") {
				t.Errorf("got %+v", got)
			}
			return err
		}
	}
	spans := func(s ...telemetry.Span) func(ctx context.Context, c *Client) error {
		return func(ctx context.Context, c *Client) error {
			got, err := c.Telemetry.AddSpans(ctx, "t", s)
			if err == nil && (len(got) != len(s) || got[0].CreatedAt.IsZero() || got[0].TraceID != "t") {
				t.Errorf("got %+v", got)
			}
			return err
		}
	}
	own, given := telemetry.Trace{PromptName: new("p")}, telemetry.Trace{ID: "t", PromptName: new("p")}
	ownRun, givenRun := telemetry.Run{WorkflowName: "w"}, telemetry.Run{ID: "r", WorkflowName: "w", Input: json.RawMessage(`{"a": 1}`)}
	ownSpan, givenSpan := telemetry.Span{Name: "s"}, telemetry.Span{ID: "s1", Name: "s"}

	for name, tc := range map[string]struct {
		replies []reply // the last may be "", filled by the id that was sent
		fill    string  // the last reply, with %ID% for the id that was sent
		call    func(context.Context, *Client) error
		code    pmerr.Code
	}{
		"a prompt that the server acknowledges again":    {replies: []reply{lost, {status: 201, body: `{"name":"welcome","version_tag":"1.0.0","created_at":9}`}}, call: create},
		"a prompt that exists with the same content":     {replies: []reply{lost, exists, ok(stored)}, call: create},
		"after a proxy's 504 as well":                    {replies: []reply{{status: 504}, exists, ok(stored)}, call: create},
		"not a prompt that exists with other content":    {replies: []reply{lost, exists, ok(other)}, call: create, code: pmerr.BadRequest},
		"not a prompt that existed before":               {replies: []reply{exists}, call: create, code: pmerr.BadRequest},
		"not a prompt that existed when 429 came before": {replies: []reply{envelopeOf(429, "RATE_LIMIT_EXCEEDED", "x"), exists}, call: create, code: pmerr.BadRequest},
		"not a prompt that cannot be read":               {replies: []reply{lost, exists, forbidden}, call: create, code: pmerr.BadRequest},

		"a trace with an id of our own":                {replies: []reply{lost, conflict}, fill: `{"trace_id":"%ID%","prompt_name":"p","created_at":9,"spans":[]}`, call: trace(own)},
		"a trace that the key may not read":            {replies: []reply{lost, conflict, forbidden}, call: trace(own)},
		"a trace with the caller's id and content":     {replies: []reply{lost, conflict, ok(`{"trace_id":"t","prompt_name":"p","created_at":9}`)}, call: trace(given)},
		"not another trace with the caller's id":       {replies: []reply{lost, conflict, ok(`{"trace_id":"t","prompt_name":"q","created_at":9}`)}, call: trace(given), code: pmerr.Conflict},
		"not a caller's trace that cannot be read":     {replies: []reply{lost, conflict, forbidden}, call: trace(given), code: pmerr.Conflict},
		"not a trace in conflict at the first attempt": {replies: []reply{conflict}, call: trace(given), code: pmerr.Conflict},

		"a run with an id of our own":            {replies: []reply{lost, conflict}, fill: `{"run_id":"%ID%","workflow_name":"w","created_at":9}`, call: run(ownRun)},
		"a run that the key may not read":        {replies: []reply{lost, conflict, forbidden}, call: run(ownRun)},
		"a run with the caller's id and content": {replies: []reply{lost, conflict, ok(`{"run_id":"r","workflow_name":"w","created_at":9,"input":{"a":1}}`)}, call: run(givenRun)},
		"not another run with the caller's id":   {replies: []reply{lost, conflict, ok(`{"run_id":"r","workflow_name":"w","created_at":9,"input":{"a":2}}`)}, call: run(givenRun), code: pmerr.Conflict},

		"spans with an id of our own":            {replies: []reply{lost, conflict}, fill: `{"trace_id":"t","created_at":9,"spans":[{"trace_id":"t","span_id":"%ID%","name":"s","status":"unset","created_at":9}]}`, call: spans(ownSpan)},
		"spans that the key may not read":        {replies: []reply{lost, conflict, forbidden}, call: spans(ownSpan)},
		"spans with the caller's id and content": {replies: []reply{lost, conflict, ok(`{"trace_id":"t","created_at":9,"spans":[{"trace_id":"t","span_id":"s1","name":"s","created_at":9}]}`)}, call: spans(givenSpan)},
		"not other spans with the caller's ids":  {replies: []reply{lost, conflict, ok(`{"trace_id":"t","created_at":9,"spans":[{"trace_id":"t","span_id":"s1","name":"z","created_at":9}]}`)}, call: spans(givenSpan), code: pmerr.Conflict},
		"not spans that are not there":           {replies: []reply{lost, conflict, ok(`{"trace_id":"t","created_at":9,"spans":[]}`)}, call: spans(ownSpan), code: pmerr.Conflict},

		"a deletion": {replies: []reply{lost, gone}, call: func(ctx context.Context, c *Client) error {
			return c.Registry.Delete(ctx, "p", registry.Signature{})
		}},
		"a deletion of a run":    {replies: []reply{{status: 502}, gone}, call: func(ctx context.Context, c *Client) error { return c.Telemetry.DeleteRun(ctx, "r") }},
		"a revocation":           {replies: []reply{lost, gone}, call: func(ctx context.Context, c *Client) error { return c.Keys.Revoke(ctx, 1) }},
		"not a proxy's 404":      {replies: []reply{lost, {status: 404, body: "nothing"}}, call: func(ctx context.Context, c *Client) error { return c.Keys.Revoke(ctx, 1) }, code: pmerr.NotFound},
		"not what was not there": {replies: []reply{gone}, call: func(ctx context.Context, c *Client) error { return c.Telemetry.DeleteTrace(ctx, "t") }, code: pmerr.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := regexp.MustCompile(`"(?:trace|run|span)_id":"([^"]*)"`)
			s := play(t, nil)
			s.turn(func(n int, _ seen) reply {
				if n < len(tc.replies) {
					return tc.replies[n]
				}
				sent := id.FindStringSubmatch(s.all()[0].body)[1]
				return ok(regexp.MustCompile("%ID%").ReplaceAllString(tc.fill, sent))
			})
			c, _ := setup(t, s.url, Options{})
			err := tc.call(t.Context(), c)
			if tc.code == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, tc.code, pmerr.From(err).Code, err)
			}
			if len(tc.replies) > 1 {
				require.Equal(t, s.all()[0].body, s.all()[1].body, "a repetition is the same request")
			}
		})
	}
}

func TestUpdateRunAfterALostAnswerHasChanged(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(reply{cut: true}, ok(`{"run_id":"r","status":"unchanged"}`)))
	c, _ := setup(t, s.url, Options{})
	changed, err := c.Telemetry.UpdateRun(t.Context(), "r", telemetry.RunUpdate{Status: new(telemetry.RunFailed)})
	require.NoError(t, err)
	require.True(t, changed)
}

func TestAKeyIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	made := reply{status: 201, body: `{"id":3,"name":"ci","scopes":["read"],"workspace_id":"default","created_at":9,"key":"pm_x"}`}
	for name, tc := range map[string]struct {
		first    reply
		attempts int
	}{
		"a lost answer is not repeated": {reply{cut: true}, 1},
		"a 500 is not repeated":         {envelopeOf(500, "INTERNAL_ERROR", "x"), 1},
		"a 429 is":                      {envelopeOf(429, "RATE_LIMIT_EXCEEDED", "x"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(tc.first, made))
			c, _ := setup(t, s.url, Options{})
			_, err := c.Keys.Create(t.Context(), access.KeySpec{Name: "ci"})
			require.Equal(t, tc.attempts, s.count())
			require.Equal(t, tc.attempts == 2, err == nil)
		})
	}
}

func TestLogsTravelWithAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := play(t, func(n int, r seen) reply {
		if n%2 == 0 {
			return reply{cut: true}
		}
		return reply{status: http.StatusAccepted, body: `{"id":1,"ids":[1]}`}
	})
	c, _ := setup(t, s.url, Options{})
	l := telemetry.Log{PromptName: "p", VersionTag: "1"}
	_, err := c.Telemetry.Log(t.Context(), l)
	require.NoError(t, err)
	_, err = c.Telemetry.LogBatch(t.Context(), []telemetry.Log{l})
	require.NoError(t, err)
	var keys []string
	for _, r := range s.all() {
		keys = append(keys, r.header.Get("Idempotency-Key"))
		require.Regexp(t, uuid, keys[len(keys)-1])
	}
	require.Len(t, keys, 4)
	require.Equal(t, keys[0], keys[1], "the repetition has the key of the first attempt")
	require.Equal(t, keys[2], keys[3])
	require.NotEqual(t, keys[0], keys[2], "each call has its own")
}

func TestInputThatJSONCannotExpressIsAFaultOfTheInput(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(ok(`{}`)))
	c, _ := setup(t, s.url, Options{})
	_, nan := c.Telemetry.Log(t.Context(), telemetry.Log{CostUSD: new(math.NaN())})
	_, broken := c.Telemetry.LogBatch(t.Context(), []telemetry.Log{{Metadata: telemetry.Metadata{"a": json.RawMessage("{")}}})
	_, extra := c.Registry.Create(t.Context(), registry.Prompt{Name: "p", Extra: map[string]json.RawMessage{"x": json.RawMessage("]")}}, registry.Signature{})
	_, author := c.Registry.Create(t.Context(), registry.Prompt{Name: "p", Extra: map[string]json.RawMessage{"Author": json.RawMessage(`"x"`)}}, registry.Signature{})
	for _, err := range []error{nan, broken, extra, author} {
		require.ErrorIs(t, err, pmerr.ErrValidation)
	}
	require.Zero(t, s.count())
}

func TestTheCallersRecordsAreNotChanged(t *testing.T) {
	t.Parallel()
	s := play(t, func(_ int, r seen) reply {
		return reply{status: 201, body: `{"trace_id":"t","run_id":"r","workflow_name":"w","metadata":{"server":1},"created_at":9,"spans":[{"trace_id":"t","span_id":"x","name":"s"}]}`}
	})
	c, _ := setup(t, s.url, Options{})
	given := telemetry.Metadata{"a": json.RawMessage("1")}
	_, err := c.Telemetry.CreateTrace(t.Context(), telemetry.Trace{Metadata: given})
	require.NoError(t, err)
	_, err = c.Telemetry.CreateRun(t.Context(), telemetry.Run{WorkflowName: "w", Metadata: given})
	require.NoError(t, err)
	spans := []telemetry.Span{{Name: "s"}}
	_, err = c.Telemetry.AddSpans(t.Context(), "t", spans)
	require.NoError(t, err)
	require.Len(t, given, 1)
	require.Empty(t, spans[0].ID)
}

func TestAnAnswerWithTheWrongNumberOfIDsIsRefused(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(reply{status: 202, body: `{"ids":[1]}`}))
	c, _ := setup(t, s.url, Options{})
	_, err := c.Telemetry.LogBatch(t.Context(), make([]telemetry.Log, 2))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
}
