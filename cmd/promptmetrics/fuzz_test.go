package main

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzSettingsNeverQuoteTheFile(f *testing.F) {
	for _, seed := range []string{
		"server: http://x\napi_key: pm_1\nworkspace: w\n", "api_key: [pm_secret]", "pm_secret", "\tpm_secret", "a: b: pm_secret",
		"server: &a [*a, *a]", "api_key: !!binary pm", "---\n---\n", "key: 1", "server: {a: pm_secret}", "\xff\xfe", "",
	} {
		f.Add([]byte(seed))
	}
	allowed := regexp.MustCompile(`^f is not understood( \(line \d+\))?: it may hold server, api_key and workspace, one a line$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := parseSettings("f", data)
		if err != nil && !allowed.MatchString(err.Error()) {
			t.Fatalf("%q says %q", data, err)
		}
	})
}

func FuzzSettingsSurviveTheFile(f *testing.F) {
	f.Add("http://localhost:3000", "pm_1", "w")
	f.Add("", "yes", "007")
	f.Add("a: b", "#x", "- \"'\n\t")
	f.Fuzz(func(t *testing.T, server, key, workspace string) {
		data, err := formatSettings(settings{server, key, workspace})
		require.NoError(t, err)
		got, err := parseSettings("f", data)
		if err == nil {
			again, err := formatSettings(got)
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		}
	})
}

func FuzzValues(f *testing.F) {
	f.Add("name=Alice", "n=1")
	f.Add("a==b", `o={"a":[1,2.50,1e400]}`)
	f.Add("=", "x= ")
	f.Add("\xff=\xff", "x=\"\\ud800\"")
	f.Fuzz(func(t *testing.T, text, data string) {
		v := &values{name: "var", texts: []string{text}, data: []string{data}}
		object, err := v.object()
		if err != nil {
			require.ErrorAs(t, err, new(usageError))
			return
		}
		require.True(t, json.Valid(object))
		_, err = v.variables()
		require.NoError(t, err)
	})
}

func FuzzWhatIsShownIsHarmless(f *testing.F) {
	f.Add("a\x1b[2Jb\nc\u202ed\u0085e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, shown := range []string{oneLine(text), cell(text), visible(text)} {
			for _, r := range shown {
				if r != '\t' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e) {
					t.Fatalf("%q is shown as %q", text, shown)
				}
			}
		}
	})
}
