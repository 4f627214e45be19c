package httpapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	traceA = "11111111-1111-4111-8111-111111111111"
	traceB = "22222222-2222-4222-8222-222222222222"
	spanA  = "33333333-3333-4333-8333-333333333333"
	spanB  = "44444444-4444-4444-8444-444444444444"
	runA   = "55555555-5555-4555-8555-555555555555"
)

func TestTracesHoldSpans(t *testing.T) {
	t.Parallel()
	s := start(t)
	span := func(id, name, status, start, end string) string {
		return `{"trace_id":"` + traceA + `","span_id":"` + id + `","parent_id":null,"name":"` + name + `","status":"` + status + `",
			"start_time":` + start + `,"end_time":` + end + `,"metadata":null,"created_at":"<time>"}`
	}
	s.run(t, []scenario{
		{
			name: "a trace without a body", key: worker, method: "POST", path: "/v1/traces", status: 201,
			json: `{"trace_id":"<uuid>","prompt_name":null,"version_tag":null,"status":"created","created_at":"<time>","metadata":null}`,
		},
		{
			name: "an empty body of another type is none", key: worker, method: "POST", path: "/v1/traces",
			headers: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 201,
		},
		{
			name: "a body of another type is refused", key: worker, method: "POST", path: "/v1/traces", body: "a=b",
			headers: []string{"Content-Type: application/x-www-form-urlencoded"}, status: 415,
		},
		{
			name: "a trace with everything", key: worker, method: "POST", path: "/v1/traces", status: 201,
			body: `{"trace_id":"` + traceA + `","prompt_name":"p","version_tag":"1","metadata":{"a":1},"spans":"ignored","created_at":"now"}`,
			json: `{"trace_id":"` + traceA + `","prompt_name":"p","version_tag":"1","status":"created","created_at":"<time>","metadata":{"a":1}}`,
		},
		{name: "the same id again", key: worker, method: "POST", path: "/v1/traces", body: `{"trace_id":"` + traceA + `"}`, status: 409},
		{name: "an id that is none", key: worker, method: "POST", path: "/v1/traces", body: `{"trace_id":"x"}`, status: 422, fields: []string{"trace_id must be a UUID"}},
		{
			name: "a span", key: worker, method: "POST", path: "/v1/traces/" + traceA + "/spans", status: 201,
			body: `{"span_id":"` + spanA + `","name":"late","status":"running","start_time":2000,"trace_id":5}`,
			json: span(spanA, "late", "running", "2000", "null"),
		},
		{
			name: "faults of one span are not numbered", key: worker, method: "POST", path: "/v1/traces/" + traceA + "/spans", status: 422,
			body:   `{"name":"","start_time":2,"end_time":1}`,
			fields: []string{"name is required and must be at most 256 characters", "end_time must not be before start_time"},
		},
		{name: "a span of no trace", key: worker, method: "POST", path: "/v1/traces/" + traceB + "/spans", body: `{"name":"x"}`, status: 404, message: "Trace not found"},
		{name: "the same span again", key: worker, method: "POST", path: "/v1/traces/" + traceA + "/spans", body: `{"span_id":"` + spanA + `","name":"x"}`, status: 409},
		{
			name: "spans in a batch", key: worker, method: "POST", path: "/v1/traces/" + traceA + "/spans/batch", status: 201,
			body: `{"spans":[{"span_id":"` + spanB + `","name":"early","start_time":1000,"end_time":1500,"status":"ok"}]}`,
			json: `{"spans":[` + span(spanB, "early", "ok", "1000", "1500") + `]}`,
		},
		{
			name: "faults of a batch are numbered", key: worker, method: "POST", path: "/v1/traces/" + traceA + "/spans/batch", status: 422,
			body: `{"spans":[{"name":"x"},{"name":"x","status":"done"}]}`, fields: []string{"spans[1].status must be one of unset, ok, error, running"},
		},
		{
			name: "a batch that is too large", key: worker, method: "POST", path: "/v1/traces/" + traceA + "/spans/batch", status: 422,
			body:   `{"spans":[` + strings.TrimSuffix(strings.Repeat(`{"name":"x"},`, 1001), ",") + `]}`,
			fields: []string{"spans must have 1 to 1000 items"},
		},
		{name: "one span", key: reader, method: "GET", path: "/v1/traces/" + traceA + "/spans/" + spanA, status: 200, json: span(spanA, "late", "running", "2000", "null")},
		{name: "no such span", key: reader, method: "GET", path: "/v1/traces/" + traceA + "/spans/" + traceB, status: 404, message: "Span not found"},
		{
			name: "end a span", key: worker, method: "PATCH", path: "/v1/traces/" + traceA + "/spans/" + spanA, status: 200,
			body: `{"status":"ok","end_time":3000}`, json: span(spanA, "late", "ok", "2000", "3000"),
		},
		{
			name: "end it before it began", key: worker, method: "PATCH", path: "/v1/traces/" + traceA + "/spans/" + spanA, status: 422,
			body: `{"end_time":1}`, fields: []string{"end_time must not be before start_time"},
		},
		{name: "end no span", key: worker, method: "PATCH", path: "/v1/traces/" + traceA + "/spans/" + traceB, status: 404, body: `{}`, message: "Span not found"},
		{
			name: "the trace with its spans by start", key: reader, method: "GET", path: "/v1/traces/" + traceA, status: 200,
			json: `{"trace_id":"` + traceA + `","prompt_name":"p","version_tag":"1","metadata":{"a":1},"created_at":"<time>",
				"spans":[` + span(spanB, "early", "ok", "1000", "1500") + `,` + span(spanA, "late", "ok", "2000", "3000") + `]}`,
		},
		{
			name: "the list has no spans", key: reader, method: "GET", path: "/v1/traces?prompt_name=p&from=1", status: 200,
			json: `{"items":[{"trace_id":"` + traceA + `","prompt_name":"p","version_tag":"1","metadata":{"a":1},"created_at":"<time>"}],
				"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{name: "no such trace", key: reader, method: "GET", path: "/v1/traces/" + traceB, status: 404, message: "Trace not found"},
		{name: "an id that no trace has", key: reader, method: "GET", path: "/v1/traces/x", status: 404, message: "Trace not found"},
		{
			name: "a run of the trace", key: worker, method: "POST", path: "/v1/runs", status: 201,
			body: `{"run_id":"` + runA + `","workflow_name":"w","trace_id":"` + traceA + `"}`,
		},
		{name: "delete the trace", key: worker, method: "DELETE", path: "/v1/traces/" + traceA, status: 204},
		{name: "delete it again", key: worker, method: "DELETE", path: "/v1/traces/" + traceA, status: 404},
		{name: "its run stays", key: reader, method: "GET", path: "/v1/runs/" + runA, status: 200, after: func(t *testing.T, r reply) {
			t.Helper()
			require.Contains(t, r.body, `"trace_id":null`)
		}},
	})
}

func TestTraceWithoutSpansHasAnEmptyList(t *testing.T) {
	t.Parallel()
	s := start(t)
	require.Equal(t, 201, s.send(t, worker, "POST", "/v1/traces", `{"trace_id":"`+traceA+`"}`).status)
	matchJSON(t, `{"trace_id":"`+traceA+`","prompt_name":null,"version_tag":null,"metadata":null,"created_at":"<time>","spans":[]}`,
		s.send(t, reader, "GET", "/v1/traces/"+traceA, "").body)
}

func TestRunsAreTracked(t *testing.T) {
	t.Parallel()
	s := start(t)
	run := func(status, output, metadata string) string {
		return `{"run_id":"` + runA + `","workflow_name":"w","status":"` + status + `","input":{"a":1},"output":` + output + `,
			"trace_id":null,"metadata":` + metadata + `,"created_at":"<time>","updated_at":"<time>"}`
	}
	s.run(t, []scenario{
		{
			name: "a run", key: worker, method: "POST", path: "/v1/runs", status: 201,
			body: `{"run_id":"` + runA + `","workflow_name":"w","input":{"a":1},"output":null,"updated_at":"never"}`, json: run("running", "null", "null"),
		},
		{name: "the same id again", key: worker, method: "POST", path: "/v1/runs", body: `{"run_id":"` + runA + `","workflow_name":"w"}`, status: 409},
		{name: "of no trace", key: worker, method: "POST", path: "/v1/runs", body: `{"workflow_name":"w","trace_id":"` + traceB + `"}`, status: 404, message: "Trace not found"},
		{
			name: "with faults", key: worker, method: "POST", path: "/v1/runs", status: 422, body: `{"status":"done","input":[1]}`,
			fields: []string{"workflow_name is required and must be at most 128 characters", "status must be one of running, completed, failed", "input must be an object"},
		},
		{name: "one run", key: reader, method: "GET", path: "/v1/runs/" + runA, status: 200, json: run("running", "null", "null")},
		{
			name: "change it", key: worker, method: "PATCH", path: "/v1/runs/" + runA, body: `{"status":"completed","output":{"b":2},"metadata":{"k":"v"}}`,
			status: 200, json: `{"run_id":"` + runA + `","status":"updated"}`,
		},
		{name: "change nothing", key: worker, method: "PATCH", path: "/v1/runs/" + runA, body: `{"output":null}`, status: 200, json: `{"run_id":"` + runA + `","status":"unchanged"}`},
		{name: "change it badly", key: worker, method: "PATCH", path: "/v1/runs/" + runA, body: `{"status":"done","output":7}`, status: 422, fields: []string{
			"status must be one of running, completed, failed", "output must be an object",
		}},
		{name: "change no run", key: worker, method: "PATCH", path: "/v1/runs/" + traceB, body: `{}`, status: 404, message: "Run not found"},
		{
			name: "list them", key: reader, method: "GET", path: "/v1/runs?status=completed&workflow_name=w", status: 200,
			json: `{"items":[` + run("completed", `{"b":2}`, `{"k":"v"}`) + `],"total":1,"page":1,"limit":50,"totalPages":1}`,
		},
		{name: "list others", key: reader, method: "GET", path: "/v1/runs?status=failed", status: 200, json: `{"items":[],"total":0,"page":1,"limit":50,"totalPages":0}`},
		{name: "list by a status that is none", key: reader, method: "GET", path: "/v1/runs?status=done", status: 422, fields: []string{"status must be one of running, completed, failed"}},
		{name: "delete it", key: worker, method: "DELETE", path: "/v1/runs/" + runA, status: 204},
		{name: "delete it again", key: worker, method: "DELETE", path: "/v1/runs/" + runA, status: 404, message: "Run not found"},
	})
}
