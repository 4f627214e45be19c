package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestRequestIDsAreEchoedIfHarmless(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, id := range map[string]string{
		"short": "abc", "with spaces inside": "a b", "as long as may be": strings.Repeat("x", 128),
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/health", "/v1/prompts", "/nowhere", "/v1/prompts?limit=x"} {
				require.Equal(t, id, s.send(t, worker, "GET", path, "", "x-request-id: "+id).header.Get("X-Request-Id"))
			}
			r := s.send(t, nobody, "GET", "/v1/prompts", "", "x-request-id: "+id)
			require.Contains(t, r.body, `"requestId":"`+id+`"`)
		})
	}
	for name, id := range map[string]string{"none": "", "too long": strings.Repeat("x", 129), "not ASCII": "é", "a tab": "a\tb"} {
		t.Run(name+" is replaced", func(t *testing.T) {
			headers := []string{"x-request-id: " + id}
			if id == "" {
				headers = nil
			}
			require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`,
				s.send(t, nobody, "GET", "/health", "", headers...).header.Get("X-Request-Id"))
		})
	}
}

func TestEveryAnswerCanBeReadAcrossOrigins(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/health", "/v1/prompts", "/nowhere", "/v1/prompts?limit=x", "/openapi.json", "/docs"} {
		for _, key := range []string{worker, nobody} {
			h := s.send(t, key, "GET", path, "", "Origin: https://app.example.com").header
			require.Equal(t, "*", h.Get("Access-Control-Allow-Origin"))
			require.Empty(t, h.Get("Access-Control-Allow-Credentials"))
			require.Contains(t, h.Get("Access-Control-Expose-Headers"), "RateLimit-Remaining")
			require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		}
	}
	for _, path := range []string{"/v1/prompts", "/v1/api-keys/1", "/health", "/nowhere"} {
		r := s.send(t, nobody, "OPTIONS", path, "", "Origin: https://app.example.com", "Access-Control-Request-Method: PATCH")
		require.Equal(t, 204, r.status)
		require.Empty(t, r.body)
		require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			require.Contains(t, r.header.Get("Access-Control-Allow-Methods"), method)
		}
		for _, name := range []string{"X-API-Key", "X-Workspace-Id", "Content-Type", "X-Request-Id", "If-None-Match", "Idempotency-Key", "Authorization"} {
			require.Contains(t, r.header.Get("Access-Control-Allow-Headers"), name)
		}
	}
}

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.run(t, []scenario{
		{name: "a path of nobody", key: nobody, method: "GET", path: "/", status: 404, message: "Route not found"},
		{name: "a path of nobody, deep", key: worker, method: "GET", path: "/v2/prompts", status: 404},
		{name: "a path of the API", key: worker, method: "GET", path: "/v1/nothing", status: 404, message: "Route not found", header: map[string]string{"RateLimit-Remaining": "*"}},
		{name: "a path of the API, to strangers", key: nobody, method: "GET", path: "/v1/nothing", status: 401},
		{name: "a wrong method", key: worker, method: "PUT", path: "/v1/prompts", status: 405, message: "Method not allowed", header: map[string]string{"Allow": "GET, HEAD, POST, OPTIONS"}},
		{name: "a wrong method, to strangers", key: nobody, method: "PUT", path: "/v1/prompts", status: 401},
		{name: "a wrong method on a path with names", key: reader, method: "PATCH", path: "/v1/prompts/a/labels/b", status: 405, header: map[string]string{"Allow": "GET, HEAD, DELETE, OPTIONS"}},
		{name: "a method that does not exist", key: worker, method: "BREW", path: "/v1/prompts", status: 405},
		{name: "a slash at the end", key: worker, method: "GET", path: "/v1/prompts/", status: 200},
		{name: "a slash at the end with a body", key: worker, method: "POST", path: "/v1/logs/", body: `{"prompt_name":"p","version_tag":"1"}`, status: 202},
		{name: "a slash at the end and a wrong method", key: worker, method: "PUT", path: "/v1/prompts/", status: 405},
		{name: "a slash at the end of a path of nobody", key: worker, method: "GET", path: "/v1/nothing/", status: 404},
		{name: "two slashes", key: worker, method: "GET", path: "/v1//prompts", status: 404},
		{name: "two slashes at the end", key: worker, method: "GET", path: "/v1/prompts//", status: 404},
		{name: "dots", key: worker, method: "GET", path: "/v1/../v1/prompts", status: 404},
		{name: "encoded dots are a name", key: worker, method: "GET", path: "/v1/prompts/%2E%2E", status: 404, message: "Prompt not found"},
		{name: "NUL", key: worker, method: "GET", path: "/v1/traces/%00", status: 404, message: "Route not found"},
		{name: "no UTF-8", key: worker, method: "GET", path: "/v1/prompts/%ff/labels/%ff", status: 404, message: "Route not found"},
		{name: "HEAD is GET", key: reader, method: "HEAD", path: "/v1/prompts", status: 200},
	})
}

func TestBodiesHaveALimitAndAType(t *testing.T) {
	t.Parallel()
	const limit = 4096
	s := start(t, func(s *setup) { s.api.MaxBodyBytes = limit })
	log := func(size int) string {
		const frame = `{"prompt_name":"p","version_tag":"1","pad":""}`
		return strings.Replace(frame, `"pad":""`, `"pad":"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	good := log(100)
	post := func(name, body string, status int, headers ...string) scenario {
		return scenario{name: name, key: worker, method: "POST", path: "/v1/logs", body: body, headers: headers, status: status}
	}
	s.run(t, []scenario{
		post("exactly the limit", log(limit), 202),
		post("one byte more", log(limit+1), 413),
		post("much more", log(limit*100), 413),
		post("no type", good, 202),
		post("JSON", good, 202, "Content-Type: application/json"),
		post("JSON in UTF-8", good, 202, "Content-Type: application/json; charset=UTF-8"),
		post("JSON in upper case", good, 202, "Content-Type: Application/JSON"),
		post("JSON in another charset", good, 415, "Content-Type: application/json; charset=latin1"),
		post("a text", good, 415, "Content-Type: text/plain"),
		post("a form", good, 415, "Content-Type: application/x-www-form-urlencoded"),
		post("a type that is none", good, 415, "Content-Type: ;;"),
		post("packed", good, 415, "Content-Encoding: gzip"),
		post("another dialect", good, 415, "Content-Type: application/problem+json"),
		{name: "the webhook has the same limit", key: nobody, method: "POST", path: "/webhooks/github", body: log(limit + 1), status: 413},
	})
	t.Run("one byte more in chunks", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/logs", struct{ io.Reader }{strings.NewReader(log(limit + 1))})
		require.NoError(t, err)
		req.Header.Set("X-API-Key", s.keys[worker])
		r := do(t, req)
		scenario{status: 413}.check(t, r)
	})
	t.Run("less than was announced", func(t *testing.T) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /v1/logs HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: 100\r\n\r\n{", s.keys[worker])
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, 400, res.StatusCode)
	})
}

func TestBodiesThatWouldSwellAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	many := strings.TrimSuffix(strings.Repeat("{},", 100_001), ",")
	s.run(t, []scenario{
		{name: "a list", key: worker, method: "POST", path: "/v1/prompts", body: `{"messages":[` + many + `]}`, status: 413},
		{name: "in a batch it is a fault of the list", key: worker, method: "POST", path: "/v1/logs/batch", body: `{"LOGS":[` + many + `]}`, status: 422, fields: []string{"logs must have 1 to 1000 items"}},
		{
			name: "faults have an end", key: worker, method: "POST", path: "/v1/prompts", status: 422,
			body: `{"messages":[` + strings.TrimSuffix(strings.Repeat("{},", 10_000), ",") + `]}`,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.Less(t, len(r.body), 20_000)
				require.Contains(t, r.body, "more")
			},
		},
		{
			name: "and so has each of them", key: worker, method: "POST", path: "/v1/prompts", status: 422,
			body: `{"name":"x","version":"1.0.0","messages":[{"role":"user","content":"x"}],"variables":{"` + strings.Repeat("n", 100_000) + `":{"type":"odd"}}}`,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.Less(t, len(r.body), 5_000)
			},
		},
	})
}

// The caller behind a hook decides what comes of a request.
func TestFailuresLeaveInTheEnvelope(t *testing.T) {
	t.Parallel()
	cause := errors.New("SELECT * FROM secrets at /var/lib")
	s := start(t, func(s *setup) {
		s.api.Authenticate = func(r *http.Request) (access.Identity, error) {
			switch r.Header.Get("Fail") {
			case "plain":
				return access.Identity{}, cause
			case "wrapped":
				return access.Identity{}, fmt.Errorf("login: %w", pmerr.New(pmerr.Conflict, "Two logins").Because(cause))
			case "sentinel":
				return access.Identity{}, pmerr.ErrUnauthorized
			case "down":
				return access.Identity{}, pmerr.Down(cause, "The login is down")
			case "down for long":
				e := pmerr.Down(cause, "The login is down")
				e.RetryAfter = 90*time.Second + time.Millisecond
				return access.Identity{}, e
			case "late":
				return access.Identity{}, fmt.Errorf("login: %w", context.DeadlineExceeded)
			case "cut off":
				return access.Identity{}, context.Canceled
			case "unknown":
				return access.Identity{}, pmerr.New("TEAPOT", "I am a teapot")
			case "invalid":
				return access.Identity{}, pmerr.New(pmerr.Validation, "the cookie must be fresh")
			case "unencodable":
				return access.Identity{}, pmerr.New(pmerr.Conflict, "Odd").With("f", func() {})
			case "panic":
				panic(cause)
			case "abort":
				panic(http.ErrAbortHandler)
			case "nowhere":
				return access.Identity{Name: "x", Scopes: access.Scopes{access.Read}}, nil
			}
			return access.Identity{Name: "ann", Workspace: "default", Scopes: access.Scopes{access.Read, access.Write, access.Admin}}, nil
		}
	})
	with := func(fail string, status int, message string) scenario {
		return scenario{
			name: fail, key: nobody, method: "GET", path: "/v1/prompts", headers: []string{"Fail: " + fail}, status: status, message: message,
			after: func(t *testing.T, r reply) {
				t.Helper()
				require.NotContains(t, r.body, "SELECT")
				require.NotContains(t, r.body, "goroutine")
			},
		}
	}
	long := with("down for long", 503, "The login is down")
	long.header = map[string]string{"Retry-After": "91"}
	soon := with("down", 503, "The login is down")
	soon.header = map[string]string{"Retry-After": "1"}
	refused := with("sentinel", 401, "Unauthorized")
	refused.header = map[string]string{"WWW-Authenticate": "*"}
	invalid := with("invalid", 422, "the cookie must be fresh")
	invalid.fields = []string{"the cookie must be fresh"}
	s.run(t, []scenario{
		with("none", 200, ""), with("plain", 500, "Internal server error"), with("wrapped", 409, "Two logins"), refused, soon, long,
		with("late", 503, "The request could not be finished in time"), with("cut off", 503, "The request could not be finished in time"),
		with("unknown", 500, ""), invalid, with("unencodable", 409, "Odd"), with("panic", 500, "Internal server error"), with("nowhere", 500, ""),
	})
	for _, text := range []string{"request failed", "request panicked"} {
		require.NotEmpty(t, s.log.about(text))
	}
	for _, line := range s.log.about("SELECT * FROM secrets") {
		require.Contains(t, line, `"request_id":"`, "a cause is found by the id of its request")
	}
	require.GreaterOrEqual(t, len(s.log.about("SELECT * FROM secrets")), 4)

	t.Run("abort cuts the connection", func(t *testing.T) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/prompts", nil)
		require.NoError(t, err)
		req.Header.Set("Fail", "abort")
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
		}
		require.Error(t, err)
	})
}

func TestRequestsAreLoggedWithoutTheirData(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.send(t, worker, "GET", "/v1/prompts?q=private-words", "", "x-request-id: find-me")
	lines := s.log.about("find-me")
	require.Len(t, lines, 1)
	for _, part := range []string{`"path":"/v1/prompts"`, `"status":200`, `"key":"worker"`, `"workspace":"default"`, `"route":"/v1/prompts"`, `"duration_ms":`, `"bytes":`, `"remote":"127.0.0.1"`} {
		require.Contains(t, lines[0], part)
	}
	require.Empty(t, s.log.about("private-words"))
	require.Empty(t, s.log.about(s.keys[worker]))
}
