package mustache_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

func nest(depth int, sigil string) string {
	return strings.Repeat("{{"+sigil+"a}}", depth) + "x" + strings.Repeat("{{/a}}", depth)
}

func TestNestingIsLimited(t *testing.T) {
	t.Parallel()
	for _, sigil := range []string{"#", "^"} {
		_, err := mustache.Parse(nest(16, sigil), mustache.Limits{})
		require.NoError(t, err)
		_, err = mustache.Parse("\n"+nest(17, sigil), mustache.Limits{})
		var fault *mustache.SyntaxError
		require.ErrorAs(t, err, &fault)
		require.Equal(t, &mustache.SyntaxError{Line: 2, Message: `section "a" is nested more than 16 deep`}, fault)
		_, err = mustache.Parse(nest(3, sigil), mustache.Limits{MaxNesting: 2})
		require.ErrorContains(t, err, "more than 2 deep")
		_, err = mustache.Parse(nest(2, sigil)+nest(2, sigil), mustache.Limits{MaxNesting: 2})
		require.NoError(t, err, "one after another is not nested")
	}
	t.Run("a raised limit holds", func(t *testing.T) {
		t.Parallel()
		tmpl, err := mustache.Parse(nest(500, "#"), mustache.Limits{MaxNesting: 500})
		require.NoError(t, err)
		out, err := tmpl.Append(nil, map[string]any{"a": true}, mustache.Limits{})
		require.NoError(t, err)
		require.Equal(t, "x", string(out))
	})
}

func TestOutputIsLimitedToTheByte(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		data       any
	}{
		{"text", "abcdef", nil},
		{"a string", "{{.}}", "abcdef"},
		{"a number", "{{.}}", object(t, `123456`)},
		{"a number with exponent", "{{.}}", object(t, `1.23456e5`)},
		{"an integer", "{{.}}", 123456},
		{"a float", "{{.}}", 1234.5},
		{"a boolean and more", "{{.}}{{.}}", true},
		{"a list", "{{.}}", []any{1, 2, 3}},
		{"a list of nothing", "{{#.}}{{/.}}{{.}}", []any{nil}},
		{"nested lists", "{{.}}", []any{[]any{[]any{[]any{}}}}},
		{"an object", "{{.}}", map[string]any{"a": 1, "b": 2}},
		{"a quoted string", "{{.}}", []any{"abcd"}},
		{"a quoted string that grows", "{{.}}", []any{"\x01\x02\n"}},
		{"a quoted string that is not UTF-8", "{{.}}", []any{"\xff\xff"}},
		{"a section", "{{#.}}{{.}}!{{/.}}", []any{"ab", "cd", "ef"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tmpl := parse(t, c.text)
			whole, err := tmpl.Append(nil, c.data, mustache.Limits{})
			require.NoError(t, err)
			for limit := 1; limit < len(whole)+2; limit++ {
				out, err := tmpl.Append([]byte("kept"), c.data, mustache.Limits{MaxOutput: limit})
				if limit >= len(whole) {
					require.NoError(t, err)
					require.Equal(t, "kept"+string(whole), string(out), "what was there does not count")
					continue
				}
				var fault *mustache.LimitError
				require.ErrorAs(t, err, &fault)
				require.Equal(t, &mustache.LimitError{Limit: mustache.LimitOutput, Max: limit}, fault)
				require.Equal(t, "kept", string(out))
			}
		})
	}
	t.Run("the default is 10 MiB", func(t *testing.T) {
		t.Parallel()
		tmpl := parse(t, "{{.}}")
		_, err := tmpl.Append(nil, strings.Repeat("x", 10<<20), mustache.Limits{})
		require.NoError(t, err)
		_, err = tmpl.Append(nil, strings.Repeat("x", 10<<20+1), mustache.Limits{MaxOutput: -1})
		require.EqualError(t, err, "the rendered text is longer than 10485760 bytes")
	})
	t.Run("the largest limit does not overflow", func(t *testing.T) {
		t.Parallel()
		out, err := parse(t, "{{.}}").Append([]byte("ab"), "c", mustache.Limits{MaxOutput: int(^uint(0) >> 1)})
		require.NoError(t, err)
		require.Equal(t, "abc", string(out))
	})
	t.Run("nine sections of five items do not multiply", func(t *testing.T) {
		t.Parallel()
		text := strings.Repeat("{{#a}}", 9) + "x" + strings.Repeat("{{/a}}", 9)
		data := map[string]any{"a": []any{1, 2, 3, 4, 5}}
		_, err := parse(t, text).Append(nil, data, mustache.Limits{MaxOutput: 100_000})
		require.EqualError(t, err, "the rendered text is longer than 100000 bytes")
	})
}

func TestStepsAreLimited(t *testing.T) {
	t.Parallel()
	steps := func(tb testing.TB, text string, data any) int {
		tb.Helper()
		tmpl := parse(tb, text)
		for n := 1; n < 5000; n++ {
			_, err := tmpl.Append(nil, data, mustache.Limits{MaxSteps: n})
			if err == nil {
				return n
			}
			require.Equal(tb, &mustache.LimitError{Limit: mustache.LimitSteps, Max: n}, err)
		}
		tb.Fatal("no limit was enough")
		return 0
	}
	t.Run("every node is a step", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 4, steps(t, "a{{x}}b{{y}}", nil))
	})
	t.Run("every round of a section is a step and its nodes again", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 1+3*2, steps(t, "{{#l}}x{{/l}}", map[string]any{"l": []any{1, 2, 3}}))
	})
	t.Run("empty rounds are steps", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 1+1000, steps(t, "{{#l}}{{/l}}", map[string]any{"l": make([]any, 1000)}))
	})
	t.Run("what is hidden costs nothing", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, 3, steps(t, "{{#n}}a{{b}}c{{/n}}{{^y}}d{{e}}{{/y}}f", map[string]any{"y": true}))
	})
	t.Run("looking further out costs", func(t *testing.T) {
		t.Parallel()
		data := map[string]any{"a": map[string]any{"a": map[string]any{}}, "far": 1}
		near := steps(t, "{{#a}}{{#a}}{{a}}{{/a}}{{/a}}{{far}}", data)
		far := steps(t, "{{#a}}{{#a}}{{a}}{{far}}{{/a}}{{/a}}", data)
		require.Equal(t, near+2, far)
	})
	t.Run("long names and long numbers cost", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("n", 6400)
		require.GreaterOrEqual(t, steps(t, "{{"+long+"}}.", nil), 100)
		require.GreaterOrEqual(t, steps(t, "{{a."+long+"}}.", map[string]any{"a": map[string]any{}}), 100)
		require.GreaterOrEqual(t, steps(t, "{{#n}}{{/n}}.", map[string]any{"n": object(t, "0."+strings.Repeat("0", 6400))}), 100)
		require.GreaterOrEqual(t, steps(t, "{{n}}.", map[string]any{"n": object(t, "0."+strings.Repeat("0", 6400)+"e1")}), 100)
	})
	t.Run("sections that write nothing cannot run long", func(t *testing.T) {
		t.Parallel()
		text := strings.Repeat("{{#l}}", 16) + strings.Repeat("{{/l}}", 16)
		_, err := parse(t, text).Append(nil, map[string]any{"l": make([]any, 100)}, mustache.Limits{})
		require.EqualError(t, err, "rendering takes more than 1000000 steps")
	})
}

// deep is lists in lists, n of them, with a number inside.
func deep(n int) any {
	var v any = 1
	for i := range n {
		if i%2 == 0 {
			v = []any{v}
		} else {
			v = map[string]any{"k": v}
		}
	}
	return v
}

func TestDepthOfDataIsLimited(t *testing.T) {
	t.Parallel()
	tooDeep := &mustache.LimitError{Limit: mustache.LimitDepth, Max: mustache.MaxDepth}
	tmpl := parse(t, "{{.}}")

	_, err := mustache.Normalize(deep(mustache.MaxDepth))
	require.NoError(t, err)
	_, err = tmpl.Append(nil, deep(mustache.MaxDepth), mustache.Limits{})
	require.NoError(t, err)

	_, err = mustache.Normalize(deep(mustache.MaxDepth + 1))
	require.Equal(t, tooDeep, err)
	_, err = tmpl.Append(nil, deep(mustache.MaxDepth+1), mustache.Limits{})
	require.Equal(t, tooDeep, err)
	require.EqualError(t, err, "the data is nested more than 100 levels deep")

	t.Run("data that contains itself ends", func(t *testing.T) {
		t.Parallel()
		object, list := map[string]any{}, []any{nil}
		object["self"], list[0] = object, list
		for _, v := range []any{object, list} {
			_, err := mustache.Normalize(v)
			require.Equal(t, tooDeep, err)
			_, err = tmpl.Append(nil, v, mustache.Limits{})
			require.Equal(t, tooDeep, err)
		}
	})
	t.Run("the form of a foreign value counts from where it lies", func(t *testing.T) {
		t.Parallel()
		type wrap struct{ V any }
		_, err := mustache.Normalize([]any{wrap{deep(mustache.MaxDepth - 2)}})
		require.NoError(t, err)
		_, err = mustache.Normalize([]any{wrap{deep(mustache.MaxDepth - 1)}})
		require.Equal(t, tooDeep, err)
	})
}

func TestSizeOfDataIsLimited(t *testing.T) {
	t.Parallel()
	_, err := mustache.Normalize(make([]any, mustache.MaxValues-1))
	require.NoError(t, err)
	_, err = mustache.Normalize(make([]any, mustache.MaxValues))
	require.EqualError(t, err, "the data holds more than 1000000 values")

	t.Run("what is shared counts every time", func(t *testing.T) {
		t.Parallel()
		var v any = 1
		for range 60 {
			v = []any{v, v}
		}
		_, err := mustache.Normalize(v)
		require.Equal(t, &mustache.LimitError{Limit: mustache.LimitValues, Max: mustache.MaxValues}, err)
		_, err = parse(t, "{{.}}").Append(nil, v, mustache.Limits{MaxOutput: 1000})
		require.EqualError(t, err, "the rendered text is longer than 1000 bytes")
	})
}
