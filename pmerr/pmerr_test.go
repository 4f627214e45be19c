package pmerr_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func sentinels() map[pmerr.Code]error {
	return map[pmerr.Code]error{
		pmerr.BadRequest: pmerr.ErrBadRequest, pmerr.Unauthorized: pmerr.ErrUnauthorized, pmerr.Forbidden: pmerr.ErrForbidden,
		pmerr.NotFound: pmerr.ErrNotFound, pmerr.Conflict: pmerr.ErrConflict, pmerr.TooLarge: pmerr.ErrTooLarge,
		pmerr.Validation: pmerr.ErrValidation, pmerr.RateLimited: pmerr.ErrRateLimited,
		pmerr.Internal: pmerr.ErrInternal, pmerr.Unavailable: pmerr.ErrUnavailable,
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	for code := range sentinels() {
		err := fmt.Errorf("while testing: %w", pmerr.New(code, "something happened").With("a", 1).Because(io.EOF))
		for other, sentinel := range sentinels() {
			require.Equal(t, code == other, errors.Is(err, sentinel), "%s is %s", code, other)
		}
		require.ErrorIs(t, err, io.EOF, "the cause is reachable")
	}
	t.Run("an error is of one kind, whatever its cause is", func(t *testing.T) {
		t.Parallel()
		err := error(pmerr.Down(fmt.Errorf("read: %w", pmerr.Missing("Prompt content")), "the store has lost a file"))
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.NotErrorIs(t, err, pmerr.ErrNotFound)
		require.EqualError(t, err, "the store has lost a file: read: Prompt content not found", "operators see it")
		require.Equal(t, pmerr.Unavailable, pmerr.From(err).Code)

		inner := pmerr.Invalid("a is b").Because(&fs.PathError{Op: "open", Path: "x", Err: io.EOF})
		outer := error(pmerr.New(pmerr.Internal, "broken").Because(inner))
		require.ErrorIs(t, outer, pmerr.ErrInternal)
		require.NotErrorIs(t, outer, pmerr.ErrValidation)
		require.ErrorIs(t, outer, io.EOF, "all else of the cause is found")
		require.ErrorIs(t, outer, inner)
		var path *fs.PathError
		require.ErrorAs(t, outer, &path)
		same := pmerr.Down(pmerr.Down(io.EOF, "inner"), "outer")
		require.ErrorIs(t, same, io.EOF, "a chain of one kind stays a chain")
	})
	t.Run("two errors of one code are not each other", func(t *testing.T) {
		t.Parallel()
		require.NotErrorIs(t, pmerr.Missing("Prompt"), pmerr.Missing("Label"))
	})
}

func TestError(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"Prompt not found":                   pmerr.Missing("Prompt"),
		"NOT_FOUND":                          pmerr.ErrNotFound,
		"Validation failed: a is b; c is d":  pmerr.Invalid("a is b", "c is d"),
		"store 7 is down: EOF":               pmerr.Down(io.EOF, "store %d is down", 7),
		"INTERNAL_ERROR: unexpected EOF":     (&pmerr.Error{Code: pmerr.Internal}).Because(io.ErrUnexpectedEOF),
		"Internal server error: broken pipe": pmerr.From(errors.New("broken pipe")),
	} {
		require.EqualError(t, err, want)
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	t.Run("nothing stays nothing", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, pmerr.From(nil))
	})
	t.Run("ours is found under wrappings", func(t *testing.T) {
		t.Parallel()
		e := pmerr.Missing("Prompt").With("name", "x")
		require.Same(t, e, pmerr.From(fmt.Errorf("get: %w", e)))
		require.Same(t, e, pmerr.From(errors.Join(io.EOF, e)))
	})
	t.Run("a foreign text never becomes the message", func(t *testing.T) {
		t.Parallel()
		e := pmerr.From(errors.New("SELECT secret FROM /var/lib/x.db"))
		require.Equal(t, pmerr.Internal, e.Code)
		require.Equal(t, "Internal server error", e.Message)
		require.Empty(t, e.Details)
		require.ErrorContains(t, errors.Unwrap(e), "secret", "operators see it")
	})
}

func TestWith(t *testing.T) {
	t.Parallel()
	e := pmerr.New(pmerr.BadRequest, "no").With("a", 1).With("b", "two")
	require.Equal(t, map[string]any{"a": 1, "b": "two"}, e.Details)
}
