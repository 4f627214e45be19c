package mustache_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
)

// generator writes well-formed templates, which mutation alone seldom finds.
type generator struct {
	*rand.Rand
	b strings.Builder
}

func (g *generator) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *generator) name() string {
	n := g.pick("a", "b", "c", "d", "e", "n", "t", "z", ".", ".")
	if n != "." && g.IntN(4) == 0 {
		n += "." + g.pick("a", "b", "c", "n")
	}
	return n
}

// block writes pieces of text and tags, with blanks and line ends where they
// may make a tag stand alone.
func (g *generator) block(depth int) {
	for range 1 + g.IntN(5) {
		g.b.WriteString(g.pick("", "", "\n", "\r\n", " ", "\t", "  ", "x", "- ", "}}", "}", "#"))
		switch k := g.IntN(9); {
		case k < 3:
			name := g.name()
			fmt.Fprintf(&g.b, g.pick("{{%s}}", "{{{%s}}}", "{{&%s}}", "{{ %s }}", "{{{ %s }}}", "{{& %s}}"), name)
		case k < 7 && depth > 0:
			name := g.name()
			fmt.Fprintf(&g.b, g.pick("{{#%s}}", "{{#%s}}", "{{^%s}}", "{{# %s }}"), name)
			g.b.WriteString(g.pick("", "", "\n", "\r\n", " \n"))
			g.block(depth - 1)
			g.b.WriteString(g.pick("", "", "\n", "\n  "))
			fmt.Fprintf(&g.b, g.pick("{{/%s}}", "{{/ %s }}"), name)
		case k == 7:
			g.b.WriteString(g.pick("{{! note }}", "{{!\n two\n}}", "{{!}}"))
		}
		g.b.WriteString(g.pick("", "", "\n", "\r\n", " ", "y"))
	}
}

func (g *generator) template() string {
	g.b.Reset()
	g.block(4)
	return g.b.String() + g.pick("", ".", "\n", "\r\n")
}

func TestAgreesWithOracleOnGeneratedTemplates(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	compared := 0
	for range 4000 {
		text := g.template()
		if oracleDiffers(text) {
			continue
		}
		for i, data := range oracleData {
			tmpl := parse(t, text)
			got, err := tmpl.Append(nil, data, mustache.Limits{})
			require.NoError(t, err)
			want, ok := ask(t, text, data)
			require.True(t, ok, "the oracle refuses %q", text)
			require.Equal(t, want, string(got), "template %q on %d", text, i)
			compared++
		}
	}
	require.Greater(t, compared, 15_000)
}
