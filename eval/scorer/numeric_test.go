package scorer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestNumeric(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, config, output, expected string
		passed                         bool
	}{
		{"a number", `{}`, "42", `{"answer":42}`, true},
		{"as text", `{}`, "42", `{"answer":"42"}`, true},
		{"another way to write it", `{}`, "4.2e1", `{"answer":"42.0"}`, true},
		{"the last number", `{}`, "6 times 7 is 42.", `{"answer":42}`, true},
		{"the first number", `{"pick":"first"}`, "42, for 6 times 7", `{"answer":42}`, true},
		{"the only number", `{"pick":"only"}`, "It is 42!", `{"answer":42}`, true},
		{"not the only number", `{"pick":"only"}`, "6 times 7 is 42", `{"answer":42}`, false},
		{"thousands", `{}`, "$1,234,567.50", `{"answer":1234567.5}`, true},
		{"no thousands", `{}`, "1,2", `{"answer":2}`, true},
		{"negative", `{}`, "it is -7", `{"answer":-7}`, true},
		{"a range is two numbers", `{}`, "3-4", `{"answer":4}`, true},
		{"a unit after it", `{}`, "42 %", `{"answer":42}`, true},
		{"a unit beyond ASCII", `{}`, "42€", `{"answer":42}`, true},
		{"digits in a word are none", `{}`, "42 by gpt4", `{"answer":42}`, true},
		{"nor are versions", `{}`, "42 in 1.2.3", `{"answer":42}`, true},
		{"a point begins it", `{}`, ".5", `{"answer":0.5}`, true},
		{"no number", `{}`, "none", `{"answer":42}`, false},
		{"beyond floating point", `{}`, "42 and 1e999", `{"answer":42}`, true},
		{"no tolerance", `{}`, "0.30000000000000004", `{"answer":0.3}`, false},
		{"absolute", `{"absolute":0.5}`, "42.5", `{"answer":42}`, true},
		{"beyond absolute", `{"absolute":0.5}`, "42.51", `{"answer":42}`, false},
		{"relative", `{"relative":0.01}`, "101", `{"answer":100}`, true},
		{"beyond relative", `{"relative":0.01}`, "98.9", `{"answer":100}`, false},
		{"the larger tolerance counts", `{"relative":0.01,"absolute":5}`, "104", `{"answer":100}`, true},
		{"relative to a negative number", `{"relative":0.1}`, "-109", `{"answer":-100}`, true},
		{"relative to zero is nothing", `{"relative":0.1}`, "0.001", `{"answer":0}`, false},
		{"a number of the rule", `{"expected":42}`, "42", ``, true},
		{"a template of the rule", `{"expected":"{{expected.n}}"}`, "42", `{"n":42}`, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := verdict(t, "numeric", test.config, row(test.output, test.expected))
			require.Equal(t, test.passed, v.Passed, v.Reason)
		})
	}
	t.Run("an expected text that is no number is an error", func(t *testing.T) {
		t.Parallel()
		for _, expected := range []string{`{"answer":"many"}`, `{"answer":"1 or 2"}`, `{"answer":null,"x":"y"}`} {
			err := failure(t, "numeric", `{}`, row("1", expected))
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.ErrorContains(t, err, "must be one number")
		}
	})
}

func TestMeasuredLimits(t *testing.T) {
	t.Parallel()
	call := eval.Case{LatencyMS: pointer(int64(120)), CostUSD: pointer(0.002), TokensIn: pointer(int64(30)), TokensOut: pointer(int64(12))}
	tests := []struct {
		kind, config string
		of           eval.Case
		passed       bool
		reason       string
	}{
		{"latency", `{"max_ms":120}`, call, true, "120 ms, at most 120 allowed"},
		{"latency", `{"max_ms":119.5}`, call, false, "120 ms"},
		{"latency", `{"max_ms":100}`, eval.Case{}, false, "no latency was measured"},
		{"cost", `{"max_usd":0.002}`, call, true, "0.002 USD"},
		{"cost", `{"max_usd":0}`, call, false, ""},
		{"cost", `{"max_usd":0}`, eval.Case{CostUSD: pointer(0.0)}, true, ""},
		{"cost", `{"max_usd":1}`, eval.Case{}, false, "no cost was measured"},
		{"tokens", `{"max":42}`, call, true, "42 tokens (total)"},
		{"tokens", `{"max":41}`, call, false, ""},
		{"tokens", `{"max":30,"of":"in"}`, call, true, "30 tokens (in)"},
		{"tokens", `{"max":11,"of":"out"}`, call, false, "12 tokens (out)"},
		{"tokens", `{"max":11}`, eval.Case{TokensIn: pointer(int64(1))}, false, "no number of tokens was measured"},
		{"tokens", `{"max":11,"of":"in"}`, eval.Case{TokensIn: pointer(int64(1))}, true, ""},
	}
	for _, test := range tests {
		t.Run(test.kind+" "+test.config, func(t *testing.T) {
			t.Parallel()
			v := verdict(t, test.kind, test.config, test.of)
			require.Equal(t, test.passed, v.Passed, v.Reason)
			require.Contains(t, v.Reason, test.reason)
		})
	}
}
