package page_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestNormal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in, want page.Request
		fields   []string
	}{
		"nothing asks for the first fifty": {in: page.Request{}, want: page.Request{Page: 1, Limit: 50}},
		"what is given stays":              {in: page.Request{Page: 7, Limit: 3}, want: page.Request{Page: 7, Limit: 3}},
		"the bounds are inside":            {in: page.Request{Page: 1<<31 - 1, Limit: 100}, want: page.Request{Page: 1<<31 - 1, Limit: 100}},
		"a page below one":                 {in: page.Request{Page: -1}, fields: []string{"page must be an integer of at least 1"}},
		"a page beyond what can be":        {in: page.Request{Page: 1 << 31}, fields: []string{"page must be an integer of at least 1"}},
		"a limit below one":                {in: page.Request{Limit: -1}, fields: []string{"limit must be an integer from 1 to 100"}},
		"a limit above a hundred":          {in: page.Request{Limit: 101}, fields: []string{"limit must be an integer from 1 to 100"}},
		"both": {
			in:     page.Request{Page: -3, Limit: 1000},
			fields: []string{"page must be an integer of at least 1", "limit must be an integer from 1 to 100"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.in.Normal()
			if test.fields != nil {
				require.ErrorIs(t, err, pmerr.ErrValidation)
				require.Equal(t, test.fields, pmerr.From(err).Fields)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestOffset(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0, page.Request{Page: 1, Limit: 50}.Offset())
	require.Equal(t, 20, page.Request{Page: 3, Limit: 10}.Offset())
	if strconv.IntSize == 64 {
		require.Positive(t, page.Request{Page: 1<<31 - 1, Limit: 100}.Offset(), "no overflow")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		items []int
		total int64
		want  string
	}{
		"an empty list is no null": {nil, 0, `{"items":[],"total":0,"page":1,"limit":2,"totalPages":0}`},
		"a part of a page":         {[]int{1}, 1, `{"items":[1],"total":1,"page":1,"limit":2,"totalPages":1}`},
		"a full page":              {[]int{1, 2}, 2, `{"items":[1,2],"total":2,"page":1,"limit":2,"totalPages":1}`},
		"more than a page":         {[]int{1, 2}, 3, `{"items":[1,2],"total":3,"page":1,"limit":2,"totalPages":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(page.New(page.Request{Page: 1, Limit: 2}, test.items, test.total, ""))
			require.NoError(t, err)
			require.Equal(t, test.want, string(got))
		})
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	in := page.New(page.Request{Page: 2, Limit: 2}, []int{3, 4}, 9, "next")
	in.TotalIsLowerBound = true
	got := page.Map(in, strconv.Itoa)
	require.Equal(t, page.Of[string]{
		Items: []string{"3", "4"}, Total: 9, Page: 2, Limit: 2, TotalPages: 5, NextCursor: "next", TotalIsLowerBound: true,
	}, got)
}

func TestCursor(t *testing.T) {
	t.Parallel()
	t.Run("comes back as it was", func(t *testing.T) {
		t.Parallel()
		var numbers [2]int64
		require.NoError(t, page.DecodeCursor("logs", page.EncodeCursor("logs", [2]int64{1<<63 - 1, -5}), &numbers))
		require.Equal(t, [2]int64{1<<63 - 1, -5}, numbers)
		var name string
		require.NoError(t, page.DecodeCursor("prompts", page.EncodeCursor("prompts", "grün & <b>"), &name))
		require.Equal(t, "grün & <b>", name)
	})
	t.Run("can stand in an address", func(t *testing.T) {
		t.Parallel()
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, page.EncodeCursor("prompts", "???>>>~~~"))
	})

	good := page.EncodeCursor("logs", [2]int64{7, 8})
	for name, text := range map[string]string{
		"of another list":    page.EncodeCursor("traces", [2]int64{7, 8}),
		"of another shape":   page.EncodeCursor("logs", "a name"),
		"too short a row":    page.EncodeCursor("logs", []int64{7}),
		"too long a row":     page.EncodeCursor("logs", []int64{7, 8, 9}),
		"null":               page.EncodeCursor("logs", nil),
		"no position":        "eyJrIjoibG9ncyJ9", // {"k":"logs"}
		"no base64":          "not a cursor!",
		"padded base64":      good + "==",
		"no JSON":            "AAAA",
		"cut":                good[:len(good)-4],
		"something appended": good + "AAAA",
		"huge":               strings.Repeat("A", 100_000),
		"a page number":      "2",
		"nothing":            "",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			var at [2]int64
			require.ErrorIs(t, page.DecodeCursor("logs", text, &at), pmerr.ErrBadRequest)
		})
	}
}

// FuzzCursor checks that only what a list gave out is taken back.
func FuzzCursor(f *testing.F) {
	f.Add(page.EncodeCursor("logs", [2]int64{1, 2}))
	f.Add(page.EncodeCursor("logs", [2]int64{-1, 1<<63 - 1}))
	f.Add(page.EncodeCursor("prompts", "name"))
	f.Add("eyJrIjoibG9ncyIsImEiOlsxLDJdfQ")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var at [2]int64
		if err := page.DecodeCursor("logs", text, &at); err != nil {
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		} else {
			require.Equal(t, text, page.EncodeCursor("logs", at))
		}
		var name string
		if err := page.DecodeCursor("prompts", text, &name); err != nil {
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
		} else {
			require.Equal(t, text, page.EncodeCursor("prompts", name))
		}
	})
}
