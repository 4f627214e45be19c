package mustache_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

func parse(tb testing.TB, text string) *mustache.Template {
	tb.Helper()
	t, err := mustache.Parse(text, mustache.Limits{})
	require.NoError(tb, err, "template %q", text)
	return t
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		line       int
		message    string
	}{
		{"an open variable", "a\nb {{name", 2, `tag "{{name" is not closed; it ends with "}}"`},
		{"a tag that is nothing but open", "{{", 1, `tag "{{" is not closed`},
		{"a variable open before another tag", "Hi {{name}, meet {{other}}", 1, `tag "{{name}, meet {{other" is not closed`},
		{"a section open before another tag", "{{#name} {{other}}", 1, `is not closed`},
		{"an open comment", "{{! for ever", 1, `tag "{{! for ever" is not closed`},
		{"a triple tag closed by two braces", "\n\n{{{x}} and", 3, `tag "{{{x}} and" is not closed; it ends with "}}}"`},
		{"a padded triple tag closed by two braces", "{{ {x }}", 1, `tag "{{{x" is not closed; it ends with "}}}"`},
		{"a triple tag in other delimiters without its brace", "{{=<% %>=}}<%{x%>", 1, `"}%>"`},
		{"only the first line of an open tag is quoted", "{{a\nb\nc", 1, `tag "{{a" is not closed`},
		{"an empty variable", "{{}}", 1, `the tag "{{}}" has no name`},
		{"a blank variable", "a\n{{ \n }}", 2, `the tag "{{}}" has no name`},
		{"an empty triple tag", "{{{}}}", 1, `has no name`},
		{"an empty padded triple tag", "{{ {} }}", 1, `has no name`},
		{"an empty ampersand tag", "{{& }}", 1, `has no name`},
		{"an empty section", "{{#}}{{/}}", 1, `the tag "{{#}}" has no name`},
		{"an empty inverted section", "{{^ }}", 1, `the tag "{{^}}" has no name`},
		{"an empty closing tag", "{{#a}}{{/}}", 1, `the tag "{{/}}" has no name`},
		{"an open section", "a\n{{#items}}\nb\n", 2, `section "items" is not closed; add "{{/items}}"`},
		{"an open inverted section", "{{^items}}", 1, `section "items" is not closed`},
		{"the innermost open section", "{{#a}}\n{{#b}}", 2, `section "b" is not closed`},
		{"a section closed by another name", "{{#a}}\n\n{{/b}}", 3, `"{{/b}}" closes section "a" of line 1`},
		{"interleaved sections", "{{#a}}{{#b}}{{/a}}{{/b}}", 1, `"{{/a}}" closes section "b" of line 1`},
		{"a section closed by a part of its name", "{{#if x}}y{{/if}}", 1, `"{{/if}}" closes section "if x"`},
		{"a section that was never opened", "x\n{{/a}}", 2, `"{{/a}}" closes a section that is not open`},
		{"a section closed twice", "{{#a}}{{/a}}\n{{/a}}", 2, `"{{/a}}" closes a section that is not open`},
		{"a partial", "Hi\r\n{{> /etc/passwd}}", 2, `partials such as "{{> /etc/passwd}}" are not supported`},
		{"a partial without a name", "{{>}}", 1, `partials such as "{{>}}" are not supported`},
		{"a partial in a section", "{{#a}}{{>b}}{{/a}}", 1, `partials`},
		{"a partial in other delimiters", "{{=<% %>=}}\n<%>b%>", 2, `partials such as "<%>b%>" are not supported`},
		{"a dynamic partial", "{{>*b}}", 1, `partials`},
		{"a parent", "{{<layout}}{{/layout}}", 1, `inheritance tags such as "{{<layout}}" are not supported`},
		{"a block", "{{$title}}x{{/title}}", 1, `inheritance tags such as "{{$title}}" are not supported`},
		{"two dots", "{{..}}", 1, `the name ".." has an empty part beside a dot`},
		{"a leading dot", "{{.a}}", 1, `the name ".a" has an empty part`},
		{"a trailing dot", "{{#a.}}{{/a.}}", 1, `the name "a." has an empty part`},
		{"a doubled dot", "{{^a..b}}{{/a..b}}", 1, `the name "a..b" has an empty part`},
		{"open delimiters", "{{=<% %>", 1, `the tag that sets the delimiters is not closed; write it like "{{=<% %>=}}"`},
		{"delimiters without the second sign", "{{=<% %>}}", 1, `is not closed`},
		{"one delimiter", "{{=<%=}}", 1, `names two of them`},
		{"three delimiters", "{{=a b c=}}", 1, `names two of them`},
		{"no delimiters", "{{==}}", 1, `names two of them`},
		{"delimiters with the sign in them", "{{==> <==}}", 1, `is not closed`},
		{"a long name is shortened", "{{#" + strings.Repeat("ä", 500) + "}}", 1, `section "` + strings.Repeat("ä", 30) + `…" is not closed`},
		{"a long name is cut between characters", "{{#a" + strings.Repeat("日", 500) + "}}", 1, `section "a` + strings.Repeat("日", 19) + `…" is not closed`},
		{"control characters are quoted", "{{/a\x00\x1b[2J}}", 1, `"{{/a\x00\x1b[2J}}" closes`},
		{"lines within tags and CRLF count", "{{! a\n b }}\r\n{{a\n}}\r\n{{/x}}", 5, `closes a section that is not open`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tmpl, err := mustache.Parse(c.text, mustache.Limits{})
			require.Nil(t, tmpl)
			var fault *mustache.SyntaxError
			require.ErrorAs(t, err, &fault)
			require.Contains(t, fault.Message, c.message)
			require.Equal(t, c.line, fault.Line, fault.Message)
			require.Equal(t, fmt.Sprintf("line %d: %s", c.line, fault.Message), err.Error())
		})
	}
}

func TestNamesAreFirstPartsSortedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"no tags", "text", nil},
		{"only a dot", "{{.}}{{#.}}{{/.}}", nil},
		{"comments and delimiters name nothing", "{{! a }}{{=<% %>=}}<%! b %>", nil},
		{"sorted, once", "{{b}}{{a}}{{{b}}}{{&a}}", []string{"a", "b"}},
		{"first parts", "{{user.name}}{{user.mail}}", []string{"user"}},
		{"sections and what is in them", "{{#list}}{{item.x}}{{/list}}{{^none}}{{z}}{{/none}}", []string{"item", "list", "none", "z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, parse(t, c.text).Names())
		})
	}
	t.Run("the list belongs to the caller", func(t *testing.T) {
		t.Parallel()
		tmpl := parse(t, "{{a}}")
		tmpl.Names()[0] = "changed"
		require.Equal(t, []string{"a"}, tmpl.Names())
	})
}

func TestStatic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want string
		ok               bool
	}{
		{"empty", "", "", true},
		{"text", "a { b }\n", "a { b }\n", true},
		{"comments leave text", "a{{! x }}b\n{{! y }}\nc", "ab\nc", true},
		{"only a comment", "{{! x }}", "", true},
		{"delimiters leave text", "a{{=<% %>=}}{{b}}", "a{{b}}", true},
		{"a variable", "a{{b}}", "", false},
		{"a section", "{{#b}}x{{/b}}", "", false},
		{"an empty inverted section", "{{^b}}{{/b}}", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tmpl := parse(t, c.text)
			text, ok := tmpl.Static()
			require.Equal(t, c.ok, ok)
			require.Equal(t, c.want, text)
			if ok {
				out, err := tmpl.Append(nil, map[string]any{"b": "x"}, mustache.Limits{})
				require.NoError(t, err)
				require.Equal(t, text, string(out))
			}
		})
	}
}

func TestAppendReusesTheBuffer(t *testing.T) { // not parallel: it counts allocations
	tmpl := parse(t, "Hi {{a}}{{#l}}, {{n}}{{/l}} {{f}} {{i}} {{j}}!")
	data := map[string]any{
		"a": "Ada", "f": 1.5, "i": 42, "j": object(t, `12`),
		"l": []any{map[string]any{"n": "x"}, map[string]any{"n": "y"}},
	}
	buf := make([]byte, 0, 64)
	buf = append(buf, "> "...)
	out, err := tmpl.Append(buf, data, mustache.Limits{})
	require.NoError(t, err)
	require.Equal(t, "> Hi Ada, x, y 1.5 42 12!", string(out))
	require.Same(t, &buf[0], &out[0])

	require.Zero(t, testing.AllocsPerRun(100, func() {
		out, err = tmpl.Append(out[:0], data, mustache.Limits{})
	}))
	require.NoError(t, err)
}

func TestTemplateIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	tmpl := parse(t, "{{#users}}{{name}}={{tags}};{{^gone}}{{shared}}{{/gone}}{{/users}}{{n}}")
	shared := object(t, `{"users":[{"name":"a","tags":{"z":1,"b":[2]}},{"name":"b","tags":[]}],"shared":"s"}`)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var out []byte
			for k := range 200 {
				own := map[string]any{"n": i*1000 + k, "shared": "s", "users": shared.(map[string]any)["users"]}
				var err error
				out, err = tmpl.Append(out[:0], own, mustache.Limits{})
				if err != nil || string(out) != fmt.Sprintf(`a={"b":[2],"z":1};sb=[];s%d`, i*1000+k) {
					t.Errorf("rendered %q, error %v", out, err)
					return
				}
				if names := tmpl.Names(); len(names) != 6 {
					t.Errorf("names %q", names)
				}
			}
		})
	}
	wg.Wait()
}

func TestRequiredNamesStandOutsideSections(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"plain":                               nil,
		"{{b}} {{a}} {{{a}}} {{&c}}":          {"a", "b", "c"},
		"{{user.name}}":                       {"user"},
		"{{.}}":                               nil,
		"{{#items}}{{name}}{{/items}}{{x}}":   {"x"},
		"{{^none}}{{y}}{{/none}}":             nil,
		"{{#a}}{{#b}}{{c}}{{/b}}{{/a}} {{d}}": {"d"},
		"{{^a}}{{#b}}{{c}}{{/b}}{{/a}}{{=<% %>=}}<%e%>": {"e"},
	} {
		require.Equal(t, want, parse(t, text).Required(), text)
	}
}
