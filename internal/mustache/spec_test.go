package mustache_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

// object reads test data the way a request body is read.
func object(tb testing.TB, text string) any {
	tb.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(tb, d.Decode(&v))
	return v
}

// render parses and renders with default limits.
func render(tb testing.TB, text string, data any) string {
	tb.Helper()
	t, err := mustache.Parse(text, mustache.Limits{})
	require.NoError(tb, err, "template %q", text)
	out, err := t.Append(nil, data, mustache.Limits{})
	require.NoError(tb, err, "template %q", text)
	return string(out)
}

type specCase struct {
	name, text, data, want string
}

func runSpec(t *testing.T, cases []specCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			data := c.data
			if data == "" {
				data = `{}`
			}
			require.Equal(t, c.want, render(t, c.text, object(t, data)))
		})
	}
}

func TestInterpolation(t *testing.T) {
	t.Parallel()
	runSpec(t, []specCase{
		{"text without tags stays", "Dear { reader }, } } {\n", ``, "Dear { reader }, } } {\n"},
		{"empty text stays empty", "", ``, ""},
		{"a variable is replaced", "Hi {{who}}!", `{"who":"Ada"}`, "Hi Ada!"},
		{"variables may touch", "{{a}}{{b}}{{a}}", `{"a":"x","b":"y"}`, "xyx"},
		{"nothing is HTML-escaped", "{{h}} {{{h}}} {{&h}}", `{"h":"<a href=\"x\">&'"}`, `<a href="x">&' <a href="x">&' <a href="x">&'`},
		{"blanks inside a tag do not count", "[{{ a }}][{{{  a  }}}][{{&  a }}][{{\t a\n}}][{{ & a }}][{{ {a} }}]", `{"a":1}`, "[1][1][1][1][1][1]"},
		{"blanks around a variable stay, even alone on a line", " {{a}} \n  {{{a}}}\n\t{{&a}}\r\n", `{"a":1}`, " 1 \n  1\n\t1\r\n"},
		{"a missing variable is nothing", "[{{a}}{{{a}}}{{&a}}]", ``, "[]"},
		{"null is nothing", "[{{a}}]", `{"a":null}`, "[]"},
		{"a dotted name descends", "{{a.b.c}}", `{"a":{"b":{"c":"deep"}}}`, "deep"},
		{"a dotted name never is one key", "[{{a.b}}]", `{"a.b":"no"}`, "[]"},
		{"a broken chain is nothing", "[{{a.b.c}}]", `{"a":{}}`, "[]"},
		{"a chain through a string is nothing", "[{{a.b}}]", `{"a":"text"}`, "[]"},
		{"a chain through a list is nothing", "[{{a.0}}{{a.length}}]", `{"a":[1]}`, "[]"},
		{"a broken chain does not start again further out", "[{{#a}}{{b.c}}{{/a}}]", `{"a":{"b":{}},"b":{"c":"no"}}`, "[]"},
		{"later parts look only at their parent", "[{{a.b.c}}]", `{"a":{"b":{}},"c":"no"}`, "[]"},
		{"the first part looks outwards", "[{{#a}}{{b.c}}{{/a}}]", `{"a":{"x":1},"b":{"c":"yes"}}`, "[yes]"},
		{"null in an inner object hides what is outside", "[{{#a}}{{b}}{{/a}}]", `{"a":{"b":null},"b":"no"}`, "[]"},
		{"a dot is the data itself", "{{.}} {{{.}}} {{&.}}", `"all"`, "all all all"},
		{"a name may hold spaces and signs", "{{first name}} {{a-b}} {{@x}} {{日本}}", `{"first name":"A","a-b":"B","@x":"C","日本":"D"}`, "A B C D"},
		{"braces around a triple tag stay", "{{{{a}}}}", `{"{a":"x"}`, "x}"},
		{"the first three braces close a triple tag", "{{{a}}}}", `{"a":"x"}`, "x}"},
		{"lone closing braces are text", "}} {{a}} }}", `{"a":"x"}`, "}} x }}"},
	})
}

func TestSections(t *testing.T) {
	t.Parallel()
	runSpec(t, []specCase{
		{"true shows", "[{{#a}}yes{{/a}}]", `{"a":true}`, "[yes]"},
		{"false hides", "[{{#a}}yes{{/a}}]", `{"a":false}`, "[]"},
		{"missing hides", "[{{#a}}yes{{/a}}]", ``, "[]"},
		{"an object becomes the context", "{{#a}}{{x}}{{/a}}", `{"a":{"x":"in"},"x":"out"}`, "in"},
		{"names missing in the context come from outside", "{{#a}}{{x}}{{y}}{{z.q}}{{/a}}", `{"a":{"x":1},"y":2,"z":{"q":3}}`, "123"},
		{"a list repeats", "{{#l}}<{{n}}>{{/l}}", `{"l":[{"n":1},{"n":2},{"n":3}]}`, "<1><2><3>"},
		{"an empty list hides", "[{{#l}}x{{/l}}]", `{"l":[]}`, "[]"},
		{"a list of scalars repeats with a dot", "{{#l}}({{.}}){{/l}}", `{"l":["<a>",1,2.50,true,null]}`, "(<a>)(1)(2.50)(true)()"},
		{"items that are falsy are rounds too", "{{#l}}x{{/l}}", `{"l":[0,"",false,null,[]]}`, "xxxxx"},
		{"a list of lists repeats twice", "{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", `{"l":[[1,2],[],["a"]]}`, "(12)()(a)"},
		{"a list of lists of objects", "{{#l}}{{#.}}{{n}}{{/.}};{{/l}}", `{"l":[[{"n":1}],[{"n":2},{"n":3}]]}`, "1;23;"},
		{"a dot section over the data", "{{#.}}{{n}}{{/.}}", `[{"n":1},{"n":2}]`, "12"},
		{"a string becomes the context", "{{#s}}{{.}} is {{s}}{{/s}}", `{"s":"bar"}`, "bar is bar"},
		{"a number becomes the context", "{{#n}}{{.}}{{/n}}", `{"n":7}`, "7"},
		{"true becomes the context", "{{#t}}{{.}}{{/t}}", `{"t":true}`, "true"},
		{"sections nest in themselves", "{{#a}}1{{#a}}2{{/a}}3{{/a}}", `{"a":true}`, "123"},
		{"hidden sections nest", "x{{#a}}1{{#a}}2{{/a}}3{{/a}}y", `{"a":false}`, "xy"},
		{"a section twice", "{{#a}}1{{/a}}-{{#a}}2{{/a}}", `{"a":true}`, "1-2"},
		{"dotted sections", "{{#a.b.c}}{{.}}{{/a.b.c}}{{#a.b.d}}no{{/a.b.d}}{{#a.q.d}}no{{/a.q.d}}", `{"a":{"b":{"c":"x","d":false}}}`, "x"},
		{"all contexts are within reach", "{{#a}}{{#b}}{{#c}}{{w}}{{x}}{{y}}{{z}}{{/c}}{{/b}}{{/a}}", `{"w":1,"a":{"x":2,"b":[{"y":3,"c":{"z":4}},{"y":5,"c":{"z":6}}]}}`, "12341256"},
		{"the inner list ends before the outer goes on", "{{#a}}{{n}}:{{#b}}{{.}}{{/b}};{{/a}}", `{"a":[{"n":1,"b":[1,2]},{"n":2,"b":[]},{"n":3,"b":[3]}]}`, "1:12;2:;3:3;"},
		{"an empty section is nothing", "[{{#a}}{{/a}}]", `{"a":[1,2,3]}`, "[]"},
		{"blanks inside the tags do not count", "{{# a }}={{/ a }}{{ #a }}={{ /a }}", `{"a":true}`, "=="},

		{"inline: blanks around stay", " | {{#a}}\t|\t{{/a}} | \n", `{"a":true}`, " | \t|\t | \n"},
		{"inline: blanks within stay", " | {{#a}} {{! c }}\n {{/a}} | \n", `{"a":true}`, " |  \n  | \n"},
		{"inline: indentation stays", " {{#a}}X{{/a}}\n {{#a}}Y{{/a}}\n", `{"a":true}`, " X\n Y\n"},
		{"inline: two tags on a line are not alone", "{{#a}}{{#b}}\nx\n{{/b}}{{/a}}\n", `{"a":true,"b":true}`, "\nx\n\n"},
		{"inline: a tag before text", "{{#a}} x\n{{/a}} y\n", `{"a":true}`, " x\n y\n"},
		{"alone: the lines go", "1\n{{#a}}\n2\n{{/a}}\n3\n", `{"a":true}`, "1\n2\n3\n"},
		{"alone: indented lines go", "1\n \t{{#a}} \n2\n\t{{/a}}\t\n3\n", `{"a":true}`, "1\n2\n3\n"},
		{"alone: CRLF lines go", "1\r\n{{#a}}\r\n2\r\n  {{/a}}\r\n3", `{"a":true}`, "1\r\n2\r\n3"},
		{"alone: on the first line", "  {{#a}}\n#{{/a}}\n/", `{"a":true}`, "#\n/"},
		{"alone: on the last line", "#{{#a}}\n/\n  {{/a}}", `{"a":true}`, "#\n/\n"},
		{"alone: on the last line, blanks after", "#{{#a}}\n/\n{{/a}} \t", `{"a":true}`, "#\n/\n"},
		{"alone: the whole text", " {{#a}} \n {{/a}} ", `{"a":true}`, ""},
		{"alone: a carriage return without newline is text", "{{#a}}\rx{{/a}}", `{"a":true}`, "\rx"},
		{"alone: repeated for every item", "{{#l}}\n- {{.}}\n{{/l}}\nend", `{"l":["a","b"]}`, "- a\n- b\nend"},
		{"alone: empty lines beside it stay", "1\n\n{{#a}}\n\n2\n{{/a}}\n\n3", `{"a":true}`, "1\n\n\n2\n\n3"},
		{"alone: one after another", "{{#a}}\n{{#b}}\nx\n{{/b}}\n{{/a}}\n", `{"a":true,"b":true}`, "x\n"},
		{"alone: no-break spaces are text", "\u00a0{{#a}}\nx{{/a}}", `{"a":true}`, "\u00a0\nx"},
	})
}

func TestInvertedSections(t *testing.T) {
	t.Parallel()
	runSpec(t, []specCase{
		{"false shows", "[{{^a}}no{{/a}}]", `{"a":false}`, "[no]"},
		{"true hides", "[{{^a}}no{{/a}}]", `{"a":true}`, "[]"},
		{"missing shows", "[{{^a}}no{{/a}}]", ``, "[no]"},
		{"an object hides", "[{{^a}}no{{/a}}]", `{"a":{"x":1}}`, "[]"},
		{"an empty object hides", "[{{^a}}no{{/a}}]", `{"a":{}}`, "[]"},
		{"a list hides", "[{{^a}}no{{/a}}]", `{"a":[false]}`, "[]"},
		{"an empty list shows once", "[{{^a}}no{{/a}}]", `{"a":[]}`, "[no]"},
		{"it leaves the context alone", "{{#a}}{{^b}}{{.}}{{x}}{{/b}}{{/a}}", `{"a":["s"],"x":1}`, "s1"},
		{"else", "{{#l}}{{.}},{{/l}}{{^l}}none{{/l}}", `{"l":[]}`, "none"},
		{"they nest", "1{{^a}}2{{^a}}3{{/a}}4{{/a}}5", `{"a":false}`, "12345"},
		{"hidden ones nest", "1{{^a}}2{{^a}}3{{/a}}4{{/a}}5", `{"a":true}`, "15"},
		{"sections lie within", "{{^a}}{{#l}}{{.}}{{^a}}!{{/a}}{{/l}}{{/a}}", `{"l":[1,2]}`, "1!2!"},
		{"dotted", "{{^a.b}}1{{/a.b}}{{^a.c}}2{{/a.c}}{{^a.b.c}}3{{/a.b.c}}", `{"a":{"b":true}}`, "23"},
		{"of a dot", "{{#l}}{{^.}}0{{/.}}{{#.}}1{{/.}}{{/l}}", `{"l":[true,false,0,1]}`, "1001"},
		{"an empty one is nothing", "[{{^a}}{{/a}}]", ``, "[]"},
		{"alone: the lines go", "1\n {{^a}}\n2\n{{/a}} \n3\r\n{{^a}}\r\n4\r\n{{/a}}\r\n5", ``, "1\n2\n3\r\n4\r\n5"},
		{"inline: blanks stay", " | {{^a}}\t|\t{{/a}} | \n", ``, " | \t|\t | \n"},
	})
}

func TestComments(t *testing.T) {
	t.Parallel()
	runSpec(t, []specCase{
		{"inline", "12{{! note }}34", ``, "1234"},
		{"blanks around stay", "12 {{! note }} 34", ``, "12  34"},
		{"several lines", "12{{!\n a\n b\n}}34\n", ``, "1234\n"},
		{"empty", "a{{!}}b", ``, "ab"},
		{"the end of a line of text", "  12 {{! 34 }}\n", ``, "  12 \n"},
		{"anything but the closing delimiter may be inside", "a{{! #x ^y >z $q {{ = { } /x }}b", ``, "ab"},
		{"it ends at the first closing delimiter", "a{{! {{x}} }}b", `{"x":1}`, "a }}b"},
		{"a triple brace leaves one", "a{{!x}}}b", ``, "a}b"},
		{"alone: the line goes", "1\n{{! note }}\n2\n", ``, "1\n2\n"},
		{"alone: an indented line goes", "1\n\t {{! note }} \t\n2\n", ``, "1\n2\n"},
		{"alone: several lines go", "1\n  {{!\n note\n  }}\n2\n", ``, "1\n2\n"},
		{"alone: a CRLF line goes", "|\r\n{{! note }}\r\n|", ``, "|\r\n|"},
		{"alone: first line", "  {{! note }}\n!", ``, "!"},
		{"alone: last line", "!\n  {{! note }}", ``, "!\n"},
		{"alone: one after another", "{{!a}}\n{{!b}}\n{{!c}}", ``, ""},
		{"not alone behind another that ends on its line", "{{!a\n}} {{!b}}\nx", ``, " \nx"},
	})
}

func TestDelimiters(t *testing.T) {
	t.Parallel()
	runSpec(t, []specCase{
		{"new delimiters work at once", "{{=<% %>=}}(<%a%>)({{a}})", `{"a":1}`, "(1)({{a}})"},
		{"signs that mean something to patterns", "({{=[ ]=}}[a])", `{"a":1}`, "(1)"},
		{"and back", "{{=| |=}}|a||={{ }}=|{{a}}|a|", `{"a":1}`, "11|a|"},
		{"blanks inside", "|{{= @   @ =}}|@a@{{ =x}}", `{"a":1}`, "||1{{ =x}}"},
		{"blanks outside the signs", "{{ =<% %>= }}<%a%>", `{"a":1}`, "1"},
		{"newlines inside", "{{=\n<%\n%>\n=}}<%a%>", `{"a":1}`, "1"},
		{"they hold through sections", "{{#s}}{{=| |=}}|a||/s||^s|no|/s||#s|{{a}}|a||/s|", `{"s":true,"a":1}`, "1{{a}}1"},
		{"all kinds of tags", "{{=<% %>=}}<%#s%><%& a %><%! c %><%{a}%><%/s%>", `{"s":true,"a":1}`, "11"},
		{"a triple tag needs its brace", "{{=<< >>=}}<<{a}>>}>>", `{"a":1}`, "1}>>"},
		{"a single brace", "{{={ }=}}{a} {{a}}", `{"a":1}`, "1 1"},
		{"the same sign twice", "{{=%% %%=}}%%a%% 100%", `{"a":1}`, "1 100%"},
		{"characters beyond ASCII", "{{=« »=}}«a» {{a}}", `{"a":1}`, "1 {{a}}"},
		{"inline: blanks stay", "| {{=@ @=}} |\n | {{x}}", ``, "|  |\n | {{x}}"},
		{"alone: the line goes", "1\n  {{=@ @=}} \n2\r\n@={{ }}=@\r\n3", ``, "1\n2\r\n3"},
		{"alone: first and last line", " {{=@ @=}}\n=\n @={{ }}=@", ``, "=\n"},
	})
}

func TestRenderingKeepsToItself(t *testing.T) {
	t.Parallel()
	runSpec(t, []specCase{
		{"a value that looks like a tag stays text", "{{a}}{{{a}}}{{&a}}", `{"a":"{{b}}{{#b}}","b":"SECRET"}`, "{{b}}{{#b}}{{b}}{{#b}}{{b}}{{#b}}"},
		{"values do not join into a tag", "{{a}}{{b}}{{c}}", `{"a":"{","b":"{x}","c":"}","x":"SECRET"}`, "{{x}}"},
		{"text and value do not join into a tag", "{{{a}}}x}}", `{"a":"{{","x":"SECRET"}`, "{{x}}"},
		{"keys in JSON stay text", "{{a}}", `{"a":{"{{b}}":1},"b":"SECRET"}`, `{"{{b}}":1}`},
	})
}
