// Package pagetest checks that a list pages as every list must: by page and
// limit, by cursor, with the same things in the same order.
package pagetest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// List asks for one page.
type List[T any] func(ctx context.Context, r page.Request) (page.Of[T], error)

// foreignKind is a list that does not exist.
const foreignKind = "pagetest"

// Check pages through a list that holds the things with the wanted keys, in
// that order, in all ways. There should be at least three.
func Check[T any](t *testing.T, list List[T], key func(T) string, want []string) {
	t.Helper()
	require.Greater(t, len(want), 2, "a list that is too short proves nothing")
	require.LessOrEqual(t, len(want), page.DefaultLimit)

	all := get(t, list, page.Request{})
	require.Equal(t, want, keys(all, key), "the first page")
	require.Equal(t, 1, all.Page)
	require.Equal(t, page.DefaultLimit, all.Limit)
	require.EqualValues(t, len(want), all.Total)
	require.EqualValues(t, 1, all.TotalPages)
	require.Empty(t, all.NextCursor, "there is nothing behind the last page")

	for _, limit := range []int{1, 2, len(want) - 1, len(want), page.MaxLimit} {
		require.Equal(t, want, byPage(t, list, key, limit, len(want)), "by pages of %d", limit)
		require.Equal(t, want, byCursor(t, list, key, limit, len(want)), "by cursors of %d", limit)
	}

	beyond := get(t, list, page.Request{Page: 1000, Limit: 2})
	require.NotNil(t, beyond.Items)
	require.Empty(t, beyond.Items)
	require.EqualValues(t, len(want), beyond.Total)
	require.Empty(t, beyond.NextCursor)

	Refuses(t, list)
}

// Refuses checks that a list refuses requests that cannot be.
func Refuses[T any](t *testing.T, list List[T]) {
	t.Helper()
	for _, r := range []page.Request{{Page: -1}, {Limit: -1}, {Limit: page.MaxLimit + 1}, {Page: -1, Limit: 1000}} {
		_, err := list(t.Context(), r)
		require.ErrorIs(t, err, pmerr.ErrValidation, "%+v", r)
		require.NotEmpty(t, pmerr.From(err).Fields)
	}
	for _, cursor := range []string{
		"nonsense", "!", page.EncodeCursor(foreignKind, [2]int64{1, 2}), page.EncodeCursor(foreignKind, "x"), "bnVsbA",
	} {
		_, err := list(t.Context(), page.Request{Cursor: cursor})
		require.ErrorIs(t, err, pmerr.ErrBadRequest, "cursor %q", cursor)
	}
}

// RefusesCursorOf checks that a list refuses a cursor that another one gave out.
func RefusesCursorOf[A, B any](t *testing.T, list List[A], other List[B]) {
	t.Helper()
	first := get(t, other, page.Request{Limit: 1})
	require.NotEmpty(t, first.NextCursor, "the other list must have two things")
	_, err := list(t.Context(), page.Request{Cursor: first.NextCursor})
	require.ErrorIs(t, err, pmerr.ErrBadRequest)
}

// Keys gives the keys of the first page, for lists that fit on it.
func Keys[T any](t *testing.T, list List[T], key func(T) string) []string {
	t.Helper()
	all := get(t, list, page.Request{Limit: page.MaxLimit})
	require.Empty(t, all.NextCursor, "the list does not fit on one page")
	return keys(all, key)
}

func byPage[T any](t *testing.T, list List[T], key func(T) string, limit, total int) (got []string) {
	t.Helper()
	pages := (total + limit - 1) / limit
	for n := 1; n <= pages; n++ {
		p := get(t, list, page.Request{Page: n, Limit: limit})
		require.Equal(t, n, p.Page)
		require.Equal(t, limit, p.Limit)
		require.EqualValues(t, total, p.Total)
		require.EqualValues(t, pages, p.TotalPages)
		require.Equal(t, n < pages, p.NextCursor != "", "a cursor on all pages but the last")
		got = append(got, keys(p, key)...)
	}
	return got
}

func byCursor[T any](t *testing.T, list List[T], key func(T) string, limit, total int) (got []string) {
	t.Helper()
	r := page.Request{Limit: limit}
	for range total + 1 {
		p := get(t, list, r)
		require.LessOrEqual(t, len(p.Items), limit)
		require.EqualValues(t, total, p.Total)
		got = append(got, keys(p, key)...)
		if p.NextCursor == "" {
			return got
		}
		r.Cursor = p.NextCursor
	}
	t.Fatal("the cursors lead in a circle")
	return nil
}

func get[T any](t *testing.T, list List[T], r page.Request) page.Of[T] {
	t.Helper()
	p, err := list(t.Context(), r)
	require.NoError(t, err)
	require.NotNil(t, p.Items, "items are never null")
	return p
}

func keys[T any](p page.Of[T], key func(T) string) []string {
	out := slices.Grow([]string{}, len(p.Items))
	for _, item := range p.Items {
		out = append(out, key(item))
	}
	return out
}
