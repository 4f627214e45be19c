package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestTableOfKindsIsUnambiguous(t *testing.T) {
	t.Parallel()
	first := map[int]kind{}
	for _, k := range kinds() {
		require.Equal(t, k, kindOf(k.code))
		require.NotEmpty(t, k.text)
		if _, again := first[k.status]; !again {
			first[k.status] = k
		}
		require.Equal(t, first[k.status], kindOfStatus(k.status))
	}
	require.Equal(t, pmerr.RateLimited, kindOfStatus(http.StatusTooManyRequests).code, "not the provider's")
	require.Equal(t, pmerr.BadRequest, kindOfStatus(http.StatusBadRequest).code)
	require.Equal(t, pmerr.Internal, kindOf("SOMETHING_ELSE").code)
	require.Equal(t, pmerr.BadRequest, kindOfStatus(http.StatusTeapot).code)
	require.Equal(t, pmerr.Internal, kindOfStatus(http.StatusInsufficientStorage).code)
}

func TestFaultsHaveBounds(t *testing.T) {
	t.Parallel()
	many := make([]string, 150)
	for i := range many {
		many[i] = "field must be"
	}
	fields := shorten(many, "x")
	require.Len(t, fields, 101)
	require.Equal(t, "… and 50 more", fields[100])
	require.Equal(t, []string{"x"}, shorten(nil, "x"))
	long := shorten([]string{"variables." + strings.Repeat("é", 10_000) + " must be a string"}, "x")[0]
	require.Less(t, len(long), 600)
	require.True(t, strings.HasPrefix(long, "variables."))
	require.True(t, strings.HasSuffix(long, " must be a string"))
}

// An error that is huma's own, of an operation that we do not have.
func TestForeignErrorsLeaveInOurEnvelope(t *testing.T) {
	t.Parallel()
	a := newTestAPI(t, nil)
	huma.Register(a.huma, huma.Operation{
		OperationID: "foreign", Method: http.MethodGet, Path: "/foreign/{n}", Metadata: map[string]any{scopeKey: access.Read},
	}, func(_ context.Context, _ *struct {
		N int `path:"n"`
	},
	) (*struct{}, error) {
		return nil, errors.New("SELECT secret")
	})
	made, err := a.pm.Keys.Create(t.Context(), access.KeySpec{Name: "k"})
	require.NoError(t, err)
	base := strings.TrimSuffix(serve(t, a, nil), "/test")
	for path, want := range map[string]struct {
		status int
		code   pmerr.Code
	}{"/foreign/secret": {422, pmerr.Validation}, "/foreign/1": {500, pmerr.Internal}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		require.NoError(t, err)
		req.Header.Set("X-API-Key", made.Secret)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		data, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, want.status, res.StatusCode)
		require.Equal(t, jsonType, res.Header.Get("Content-Type"))
		require.NotContains(t, string(data), "secret")
		var e envelope
		require.NoError(t, json.Unmarshal(data, &e))
		require.Equal(t, want.code, e.Code)
		require.Equal(t, res.Header.Get("X-Request-Id"), e.RequestID)
	}
}

// foreignError is what a host program made of huma's errors.
type foreignError struct {
	Envelope string `json:"envelope"`
}

func (foreignError) Error() string  { return "foreign" }
func (foreignError) GetStatus() int { return http.StatusUnprocessableEntity }

// Not parallel: what huma calls is the same for the whole process, which is
// just why a host's choice must not change our answers.
func TestHostsMayReplaceHumasErrors(t *testing.T) {
	before := huma.NewError
	defer func() { huma.NewError = before }()
	huma.NewError = func(int, string, ...error) huma.StatusError { return foreignError{} }
	a := newTestAPI(t, nil)
	require.NotContains(t, string(a.document), "oreign")
	made, err := a.pm.Keys.Create(t.Context(), access.KeySpec{Name: "k"})
	require.NoError(t, err)
	base := strings.TrimSuffix(serve(t, a, nil), "/test")
	for path, status := range map[string]int{"/v1/prompts?limit=x": 422, "/v1/prompts/nobody": 404, "/v1/prompts?limit=5": 200} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		require.NoError(t, err)
		req.Header.Set("X-API-Key", made.Secret)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		data, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, status, res.StatusCode, "%s", data)
		require.NotContains(t, string(data), "oreign")
	}
}

func TestPanicAfterTheAnswerBeganCutsItOff(t *testing.T) {
	t.Parallel()
	a := newTestAPI(t, func(x *exchange) error {
		_, _ = x.Write([]byte(strings.Repeat("x", 10_000)))
		panic("late")
	})
	res := get(t, serve(t, a, nil))
	require.Equal(t, 200, res.status)
	_, err := io.ReadAll(res.body)
	require.Error(t, err)
}

func TestWidestList(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]int{
		``: 0, `{}`: 0, `[1]`: 0, `{"a":1,"b":2}`: 2, `{"a":[1,2,3],"b":2}`: 3, `{"a":[[1,2,3,4]],"b":2}`: 2,
		`{"a":"[,,,,,,]","b":2}`: 2, `{"a":"\"[,,,,","b":2}`: 2, `]]],,,`: 0, `{"a\\":[1,2,3]}`: 3, `"`: 0, `\`: 0, `{"a":"\`: 0,
	} {
		widest, _ := measure([]byte(given))
		require.Equal(t, want, widest, given)
	}
}

func TestValuesOfABody(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]int{
		``: 0, `{}`: 1, `[1]`: 1, `[1,2,3]`: 3, `{"a":1,"b":[[],{}]}`: 6, `{"a":"[,,,,{","b":"\",[",` + "`" + `"}`: 3, `]]],,,`: 3,
	} {
		_, values := measure([]byte(given))
		require.Equal(t, want, values, given)
	}
}

func TestCallersWhoLeaveMakeNoNoise(t *testing.T) {
	t.Parallel()
	var book lines
	entered, left := make(chan struct{}), make(chan struct{})
	a := newTestAPI(t, func(x *exchange) error {
		defer close(left)
		close(entered)
		<-x.request.Context().Done()
		x.fail(pmerr.Down(x.request.Context().Err(), "The database did not answer"))
		return nil
	})
	a.log = slog.New(slog.NewTextHandler(&book, nil))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, serve(t, a, nil), nil)
	require.NoError(t, err)
	go func() {
		<-entered
		cancel()
	}()
	_, err = http.DefaultClient.Do(req) //nolint:bodyclose // there is no answer.
	require.Error(t, err)
	<-left
	require.Empty(t, book.String())
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
