package s3store

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

func entries() []entry {
	return []entry{
		{Path: "prompts/b/1.0.0.json", ETag: "1", Size: 4, Modified: 5, Ref: strings.Repeat("0", 64)},
		{Path: "prompts/a/1.0.0.json", ETag: "", Size: 0, Modified: -1, Ref: refTooLarge},
		{Path: "prompts/<&>\"\\\n/ü.txt", ETag: "x-2", Size: 1 << 40, Modified: 1},
	}
}

func TestStatesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	s := &state{entries: entries()}
	s.seal()
	data, err := s.encode()
	require.NoError(t, err)
	back, err := decodeState(s.head, data)
	require.NoError(t, err)
	require.Equal(t, s, back)
	// The name of a state is part of the format: another one would make every
	// index compare in full.
	require.Equal(t, "a67d941443cca08b9f2faab0c96d756e3a540a6b2780f13cde5ddc8ba0f6eefc", s.head)

	_, err = decodeState(strings.Repeat("0", 64), data)
	require.ErrorContains(t, err, "another state")
	_, err = decodeState(s.head, data[:len(data)-9])
	require.Error(t, err)
	for _, bad := range []string{"short", "TOO-LARGE", strings.Repeat("g", 64)} {
		s.entries[0].Ref = bad
		data, err = s.encode()
		require.NoError(t, err)
		_, err = decodeState(s.head, data)
		require.ErrorContains(t, err, "ref")
	}
}

func TestTheHeadTellsStatesApart(t *testing.T) {
	t.Parallel()
	heads := map[string]bool{}
	for _, change := range []func(e *entry){
		func(*entry) {},
		func(e *entry) { e.Path += "x" },
		func(e *entry) { e.ETag += "x" },
		func(e *entry) { e.Size++ },
		func(e *entry) { e.Modified++ },
		func(e *entry) { e.Path, e.ETag = e.Path+" ", " "+e.ETag },
	} {
		s := &state{entries: entries()}
		change(&s.entries[1])
		s.seal()
		require.False(t, heads[s.head])
		heads[s.head] = true
	}
	s := &state{entries: entries()}
	s.entries[0].Ref = ""
	s.seal()
	require.True(t, heads[s.head], "what a listing does not show makes no difference")
}

func TestMetadataFits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "short", strings.Repeat("long ", 5000), strings.Repeat("ü", 5000), strings.Repeat("🎈", 5000), strings.Repeat("%", 5000), "a\x00b\r\nc\td"} {
		path := "workspaces/" + strings.Repeat("w", 128) + "/prompts/" + strings.Repeat("n", 128) + "/" + strings.Repeat("1", 64) + ".json"
		ref := strings.Repeat("0", 64)
		meta := describe(path, ref, "WRITEWRITEWRITEWRITEWRITEX", registry.Signature{Author: text, Message: text}, "Create it", frozen())
		size := 0
		for name, value := range meta {
			size += len(name) + len(value)
			require.True(t, utf8.ValidString(value))
			require.NotContains(t, value, " ")
			require.NotContains(t, value, "\n")
		}
		require.LessOrEqual(t, size, 2048, "S3 allows 2 KB")
		got := object{metadata: meta}.origin(path, ref)
		require.NotEmpty(t, got.Author)
		require.NotEmpty(t, got.Message)
		require.Equal(t, frozen(), got.At)
		if len(text) > 5000 {
			require.True(t, strings.HasSuffix(got.Message, "…"), "%q", got.Message)
		}
	}
}

func TestIsListing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`<?xml version="1.0"?>` + "\n" + `<ListBucketResult xmlns="x"><Name>b</Name></ListBucketResult>` + "\n": true,
		"<ListBucketResult></ListBucketResult>":       true,
		"\ufeff<ListBucketResult></ListBucketResult>": true,
		"":                                false,
		"<!doctype html><title>x</title>": false,
		"<ListBucketResult><Contents>":    false,
		"<Error><Code>NoSuchBucket</Code></Error>":           false,
		"<html><ListBucketResult></ListBucketResult></html>": false,
	} {
		require.Equal(t, want, isListing([]byte(text)), "%q", text)
	}
}

// FuzzDecodeState reads what anybody may have put into the bucket.
func FuzzDecodeState(f *testing.F) {
	s := &state{entries: entries()}
	s.seal()
	data, err := s.encode()
	require.NoError(f, err)
	f.Add(data)
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0x1f, 0x8b}, 20))
	f.Fuzz(func(t *testing.T, data []byte) {
		back, err := decodeState(s.head, data)
		if err == nil && back.head != s.head {
			t.Fatal("a state of another name was taken")
		}
	})
}

// FuzzEscape holds that texts survive metadata, and that foreign metadata is
// harmless.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"Ada <ada@example.org>", "%zz", "\x00\r\n", "🎈", "=?utf-8?q?x?="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kept := strings.TrimSpace(clean(text, true))
		if len(kept) < 100 && unescape(escape(kept, maxMessage)) != kept {
			t.Fatalf("%q comes back as %q", kept, unescape(escape(kept, maxMessage)))
		}
		if got := escape(text, 50); len(got) > 50 {
			t.Fatalf("%q is cut to %q", text, got)
		}
		for _, r := range unescape(text) {
			if r < ' ' && r != '\n' && r != '\t' {
				t.Fatalf("%q shows %q", text, r)
			}
		}
	})
}
