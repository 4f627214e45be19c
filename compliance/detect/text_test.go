package detect

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

func TestNormalise(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, want string }{
		"ascii stays":                        {"Call 415-555-0132", "Call 415-555-0132"},
		"accents stay":                       {"Größe déjà vu", "Größe déjà vu"},
		"combining marks compose":            {"cafe\u0301", "café"},
		"full-width becomes ascii":           {"４１１１ａ＠ｂ．ｃｏｍ", "4111a@b.com"},
		"zero-width goes":                    {"jo\u200bhn\u2060@x\ufeff.com", "john@x.com"},
		"soft hyphen goes":                   {"secret\u00adkey", "secretkey"},
		"no-break spaces fold":               {"415\u00a0555\u202f0132", "415 555 0132"},
		"non-breaking hyphen folds":          {"123\u201145\u20116789", "123-45-6789"},
		"en dash between digits":             {"123–45–6789", "123-45-6789"},
		"em dash between digits":             {"123—45", "123-45"},
		"dash after a bracket":               {"(415)–555", "(415)-555"},
		"em dash between words stays":        {"us—ann@x.com", "us—ann@x.com"},
		"minus before digits stays if alone": {"−5", "−5"},
		"mathematical letters":               {"𝟏𝟐𝟑", "123"},
		"invalid bytes stay":                 {"a\xff\xc3b", "a\xff\xc3b"},
		"invalid in changed text":            {"\u200ba\xff\u00a0b", "a\xff b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := NewText(tc.in)
			require.Equal(t, tc.want, string(text.Norm))
			require.Len(t, text.Lower, len(text.Norm))
		})
	}
}

func TestOffsetsMapBackToTheOriginal(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ in, find, want string }{
		"ascii":                     {"x abc y", "abc", "abc"},
		"after an accent":           {"é abc", "abc", "abc"},
		"zero-width outside":        {"x \u200babc\u200b y", "abc", "abc"},
		"zero-width inside":         {"x a\u200bb\u2060c y", "abc", "a\u200bb\u2060c"},
		"full-width":                {"ｘ ａｂｃ ｙ", "abc", "ａｂｃ"},
		"composed at the end":       {"say cafe\u0301!", "café", "cafe\u0301"},
		"dashes":                    {"no 12–34", "12-34", "12–34"},
		"ligature covers its parts": {"eﬀort", "ef", "eﬀ"},
		"after a long expansion":    {"ﷺ abc", "abc", "abc"},
		"after invalid bytes":       {"\xff\u00a0abc\xfe", "abc", "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := NewText(tc.in)
			at := strings.Index(string(text.Norm), tc.find)
			require.GreaterOrEqual(t, at, 0)
			start, end := text.original(at, at+len(tc.find))
			require.Equal(t, tc.want, tc.in[start:end])
		})
	}
}

func TestPlaceholders(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"Hi {{name}}!":                    {"{{name}}"},
		"{{{raw}}} {{ user.email }}":      {"{{{raw}}}", "{{ user.email }}"},
		"{{#each rows as row}}x{{/each}}": {"{{#each rows as row}}", "{{/each}}"},
		`{{phone | default("555")}}`:      {`{{phone | default("555")}}`},
		"{{a@b.com}}":                     {"{{a@b.com}}"},
		`{{"mail": "a@b.com"}}`:           nil,
		"{{ my ssn is 123 }}":             nil,
		"{{}} { {x} } {{":                 nil,
		"{{a\nb}} {{c}}":                  {"{{c}}"},
		"{{{{x}}}}":                       {"{{{{x}}}}"},
		"{{open {{inner}}":                {"{{inner}}"},
	} {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, s := range findPlaceholders([]byte(in)) {
				got = append(got, in[s.start:s.end])
			}
			require.Equal(t, want, got)
		})
	}
}

// TestPlainCodePointsAreWhatTheyAreTakenFor asks the tables of the standard for
// each code point that the quick path copies.
func TestPlainCodePointsAreWhatTheyAreTakenFor(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !plain(r) {
			continue
		}
		s := string(r)
		require.True(t, norm.NFKC.IsNormalString(s), "%U", r)
		require.True(t, norm.NFKC.PropertiesString(s).BoundaryBefore(), "%U", r)
		require.False(t, invisible(r), "%U", r)
	}
}

// slow is normalisation without the quick paths and the folding of dashes.
func slow(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		if !invisible(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"é\u0301漢\u3099か\u3099", "ｶﾞ가\u11a8", "ا\u0653 а\u0306", "’ﬀ\u200b①", "a\u0300\u0301漢字"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || strings.ContainsAny(slow(s), "\u2010\u2011\u2012\u2013\u2014\u2015\u2212") {
			return
		}
		require.Equal(t, slow(s), string(NewText(s).Norm))
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "abc", "é\u200b\u00a0", "\xff{{a}}ﷺ", "e\u0301\u0301", "１２–３"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := NewText(s)
		for i := 0; i < len(text.Norm); i++ {
			start, end := text.original(i, i+1)
			require.True(t, 0 <= start && start < end && end <= len(s), "%d: %d..%d", i, start, end)
		}
		if utf8.ValidString(s) {
			require.True(t, utf8.Valid(text.Norm))
		}
		for _, p := range text.placeholders {
			require.True(t, p.start < p.end && p.end <= len(text.Norm))
		}
	})
}

func TestLowerAgreesWithALoop(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for at := range 20 {
			b := []byte(strings.Repeat("@[\xc1\x7f", 5))
			b[at] = byte(c)
			want := []byte(string(b))
			if c >= 'A' && c <= 'Z' {
				want[at] = byte(c + 32)
			}
			require.Equal(t, want, lowerASCII(b))
		}
	}
}
