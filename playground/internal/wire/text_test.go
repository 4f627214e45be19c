package wire

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

func TestText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pieces []string
		want   []string
		rest   string
	}{
		"whole pieces":                   {[]string{`"a"`, `"b\n"`}, []string{"a", "b\n"}, ""},
		"null and nothing":               {[]string{`null`, ``, `""`}, []string{"", "", ""}, ""},
		"a surrogate pair":               {[]string{`"x\ud83d"`, `"\ude00y"`}, []string{"x", "😀y"}, ""},
		"capital letters":                {[]string{`"\uD83D"`, `"\uDE00"`}, []string{"", "😀"}, ""},
		"an escaped backslash before":    {[]string{`"\\ud83d"`, `"z"`}, []string{`\ud83d`, "z"}, ""},
		"two escaped backslashes before": {[]string{`"\\\\\ud83d"`, `"\ude00"`}, []string{`\\`, "😀"}, ""},
		"bytes of a character":           {[]string{"\"\xe4\xb8\"", "\"\x96\""}, []string{"", "世"}, ""},
		"four bytes in four pieces":      {[]string{"\"\xf0\"", "\"\x9f\"", "\"\x98\"", "\"\x80\""}, []string{"", "", "", "😀"}, ""},
		"never completed":                {[]string{`"a\ud83d"`}, []string{"a"}, "\uFFFD"},
		"not what was begun":             {[]string{`"\ud83d"`, `"b"`}, []string{"", "\uFFFDb"}, ""},
		"a low surrogate alone":          {[]string{`"\ude00b"`}, []string{"\uFFFDb"}, ""},
		"a broken byte within":           {[]string{"\"a\xffb\""}, []string{"a\uFFFDb"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text Text
			var got []string
			for _, p := range test.pieces {
				s, err := text.Add(json.RawMessage(p))
				require.NoError(t, err)
				got = append(got, s)
			}
			require.Equal(t, test.want, got)
			require.Equal(t, test.rest, text.Rest())
			require.Empty(t, text.Rest())
		})
	}
	for _, bad := range []string{"7", "{}", "true", "["} {
		_, err := (&Text{}).Add(json.RawMessage(bad))
		require.Error(t, err, bad)
	}
}

func FuzzText(f *testing.F) {
	f.Add("Grüße 👋🏽 世界 \\ud83d", 3)
	f.Add("\\\\u\"\n", 1)
	f.Fuzz(func(t *testing.T, s string, at int) {
		s = strings.ToValidUTF8(s, "?")
		b, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		inner := string(b[1 : len(b)-1])
		if len(inner) == 0 {
			t.Skip()
		}
		at = ((at % len(inner)) + len(inner)) % len(inner)
		first, second := json.RawMessage(`"`+inner[:at]+`"`), json.RawMessage(`"`+inner[at:]+`"`)
		var text Text
		a, err := text.Add(first)
		if err != nil {
			return // cut within an escape, which no server does
		}
		c, err := text.Add(second)
		if err != nil {
			return
		}
		if got := a + c + text.Rest(); got != s {
			t.Fatalf("%q + %q gave %q, not %q", first, second, got, s)
		}
	})
}

func TestCalls(t *testing.T) {
	t.Parallel()
	type want = []playground.ToolCall
	q := func(s string) []byte { b, _ := json.Marshal(s); return b }
	tests := map[string]struct {
		fragments []Fragment
		want      want
	}{
		"fragments by number": {
			[]Fragment{{0, "a", "f", q("")}, {0, "", "", q(`{"x"`)}, {1, "b", "g", q("{}")}, {0, "", "", q(":1}")}},
			want{{ID: "a", Name: "f", Arguments: `{"x":1}`}, {ID: "b", Name: "g", Arguments: "{}"}},
		},
		"all numbered 0 with ids of their own": {
			[]Fragment{{0, "a", "f", q("{}")}, {0, "b", "g", q("{")}, {0, "", "", q("}")}},
			want{{ID: "a", Name: "f", Arguments: "{}"}, {ID: "b", Name: "g", Arguments: "{}"}},
		},
		"ids repeated": {
			[]Fragment{{0, "a", "f", q("{")}, {0, "a", "f", q("}")}},
			want{{ID: "a", Name: "f", Arguments: "{}"}},
		},
		"no numbers": {
			[]Fragment{{-1, "a", "f", q("{")}, {-1, "", "", q("}")}, {-1, "b", "g", q("{}")}, {-1, "a", "", q(" ")}},
			want{{ID: "a", Name: "f", Arguments: "{} "}, {ID: "b", Name: "g", Arguments: "{}"}},
		},
		"neither numbers nor ids": {
			[]Fragment{{-1, "", "f", q("{}")}, {-1, "", "g", q("{}")}},
			want{{ID: "call_1", Name: "f", Arguments: "{}"}, {ID: "call_2", Name: "g", Arguments: "{}"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c Calls
			for _, f := range test.fragments {
				require.NoError(t, c.Add(f))
			}
			var got want
			for _, p := range c.Take() {
				got = append(got, *p.ToolCall)
			}
			require.Equal(t, test.want, got)
			require.False(t, c.Any())
		})
	}
	t.Run("too many are an error", func(t *testing.T) {
		t.Parallel()
		var c Calls
		var err error
		for i := 0; err == nil && i <= mostCalls; i++ {
			err = c.Add(Fragment{Index: i})
		}
		require.ErrorIs(t, err, errManyCalls)
	})
}
