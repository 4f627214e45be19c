package scorer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestTextRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, kind, config, output, expected string
		passed                               bool
		reason                               string // a part of it
	}{
		{"the answer of the row", "exact", `{}`, "42", `{"answer":"42"}`, true, ""},
		{"output before text", "exact", `{}`, "x", `{"text":"y","output":"x"}`, true, ""},
		{"answer before output", "exact", `{}`, "x", `{"output":"x","answer":"y"}`, false, `expected "y", got "x"`},
		{"another text", "exact", `{}`, "43", `{"answer":"42"}`, false, `expected "42", got "43"`},
		{"white space counts", "exact", `{}`, "42\n", `{"answer":"42"}`, false, ""},
		{"unless trimmed", "exact", `{"trim":true}`, " 42\n", `{"answer":"42"}`, true, ""},
		{"case counts", "exact", `{}`, "Ja", `{"answer":"JA"}`, false, ""},
		{"unless ignored", "exact", `{"ignore_case":true}`, "äpfel", `{"answer":"ÄPFEL"}`, true, ""},
		{"an expected text of the rule", "exact", `{"expected":"a"}`, "a", `{"answer":"b"}`, true, ""},
		{"an empty expected text of the rule", "exact", `{"expected":""}`, "", `{"answer":"b"}`, true, ""},
		{"an empty answer of the row", "exact", `{}`, "", `{"answer":""}`, true, ""},
		{"a template over the row", "exact", `{"expected":"{{input.question}} {{expected.n}}!"}`, "What is 6 times 7? 42!", `{"n":42}`, true, ""},
		{"the name of the row's member works too", "exact", `{"expected":"{{expectedOutput.n}}"}`, "42", `{"n":42}`, true, ""},
		{"a section over a list", "exact", `{"expected":"{{#input.words}}<{{.}}>{{/input.words}}"}`, "<a><b>", `{}`, true, ""},
		{"the whole object as JSON", "exact", `{}`, `{"n":42}`, `{"n": 42}`, true, ""},
		{"the whole object in another order", "exact", `{}`, `{"b":[1.0], "a":"x"}`, `{"a":"x","b":[1]}`, true, ""},
		{"another object", "exact", `{}`, `{"n":43}`, `{"n": 42}`, false, ""},
		{"an answer that is no text is part of the object", "exact", `{}`, `{"answer":42}`, `{"answer":42}`, true, ""},
		{"a text is not compared as JSON", "exact", `{}`, `{"b":1,"a":2}`, `{"answer":"{\"a\":2,\"b\":1}"}`, false, ""},

		{"all keywords", "keyword", `{"keywords":["red","blue"]}`, "red and blue", "", true, `found "red", "blue"`},
		{"one is missing", "keyword", `{"keywords":["red","blue"],"mode":"all"}`, "red", "", false, `missing "blue"`},
		{"any keyword", "keyword", `{"keywords":["red","blue"],"mode":"any"}`, "blue", "", true, `found "blue"`},
		{"not any keyword", "keyword", `{"keywords":["red","blue"],"mode":"any"}`, "green", "", false, `found none of "red", "blue"`},
		{"none", "contains", `{"keywords":["red","blue"],"mode":"none"}`, "green", "", true, ""},
		{"not none", "contains", `{"keywords":["red","blue"],"mode":"none"}`, "blue", "", false, `found "blue"`},
		{"keywords have case", "keyword", `{"keywords":["Red"]}`, "red", "", false, ""},
		{"case may be ignored", "keyword", `{"keywords":["Red"],"ignore_case":true}`, "RED", "", true, ""},
		{"the expected text is the keyword", "contains", `{}`, "it is 42.", `{"answer":"42"}`, true, ""},
		{"a keyword of the row", "contains", `{"keywords":["{{expected.n}}"]}`, "it is 42.", `{"n":42}`, true, ""},

		{"a prefix", "starts_with", `{"prefix":"Dear"}`, "Dear Sir", "", true, ""},
		{"another beginning", "starts_with", `{"prefix":"Dear"}`, "dear Sir", "", false, `does not start with "Dear"`},
		{"a prefix in another case", "starts_with", `{"prefix":"DEAR","ignore_case":true}`, "dear Sir", "", true, ""},
		{"the expected text is the prefix", "starts_with", `{}`, "42 it is", `{"answer":"42"}`, true, ""},

		{"a pattern anywhere", "regex", `{"pattern":"\\d+"}`, "it is 42.", "", true, `matches "42"`},
		{"no match", "regex", `{"pattern":"^\\d+$"}`, "it is 42.", "", false, "no match of"},
		{"case by flag", "regex", `{"pattern":"^HELLO","flags":"i"}`, "hello", "", true, ""},
		{"lines by flag", "regex", `{"pattern":"^b$","flags":"m"}`, "a\nb\nc", "", true, ""},
		{"dot and newline by flag", "regex", `{"pattern":"a.b","flags":"s"}`, "a\nb", "", true, ""},
		{"flags of JavaScript", "regex", `{"pattern":"A","flags":"giu"}`, "a", "", true, ""},
		{"named groups", "regex", `{"pattern":"(?<year>\\d{4})"}`, "in 1999", "", true, `matches "1999"`},

		{"code points are counted", "length", `{"min":4,"max":4}`, "ä€😀x", "", true, "4 characters"},
		{"too short", "length", `{"min":5}`, "ä€😀x", "", false, "4 characters, at least 5 expected"},
		{"too long", "length", `{"max":3}`, "ä€😀x", "", false, "4 characters, at most 3 expected"},
		{"empty", "length", `{"max":0}`, "", "", true, "0 characters"},
	}
	for _, test := range tests {
		t.Run(test.kind+": "+test.name, func(t *testing.T) {
			t.Parallel()
			v := verdict(t, test.kind, test.config, row(test.output, test.expected))
			require.Equal(t, test.passed, v.Passed, v.Reason)
			require.Equal(t, map[bool]float64{true: 1, false: 0}[test.passed], v.Score)
			require.Contains(t, v.Reason, test.reason)
			require.NotEmpty(t, v.Reason)
		})
	}
}

func TestRowsWithoutAnExpectedValueAreErrors(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"exact", "contains", "starts_with", "json_diff", "numeric", "levenshtein", "bleu", "rouge", "token_f1"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, expected := range []string{"", "null"} {
				err := failure(t, kind, `{}`, row("x", expected))
				require.ErrorIs(t, err, pmerr.ErrBadRequest)
				require.ErrorContains(t, err, "the row has no expectedOutput")
			}
		})
	}
	t.Run("a template that renders to nothing", func(t *testing.T) {
		t.Parallel()
		err := failure(t, "exact", `{"expected":"{{expected.missing}}"}`, row("", `{"answer":"x"}`))
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
		require.ErrorContains(t, err, "config.expected renders to nothing for this row")
		err = failure(t, "keyword", `{"keywords":["{{expected.missing}}"],"mode":"none"}`, row("", `{"answer":"x"}`))
		require.ErrorContains(t, err, "config.keywords[0] renders to nothing")
	})
	t.Run("an expected output that is no JSON", func(t *testing.T) {
		t.Parallel()
		require.ErrorContains(t, failure(t, "exact", `{}`, row("", `{`)), "the row's expectedOutput is not JSON")
	})
}

func TestReasonsAreShortAndStorable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("\x00\xff😀\n", 1000)
	for _, test := range []struct{ kind, config string }{
		{"exact", `{"expected":"x"}`},
		{"keyword", `{"keywords":["😀"]}`},
		{"keyword", `{"keywords":["` + strings.Repeat(`y","`, 100) + `y"]}`},
		{"regex", `{"pattern":"(?s)^.*$"}`},
		{"json_schema", `{"schema":true}`},
		{"json_diff", `{"expected":{}}`},
	} {
		v := verdict(t, test.kind, test.config, output(long))
		require.NotContains(t, v.Reason, "\x00")
		require.LessOrEqual(t, len(v.Reason), 900)
	}
}
