package registrytest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func listOf(r Registry, f registry.Filter) pagetest.List[registry.Summary] {
	return func(ctx context.Context, p page.Request) (page.Of[registry.Summary], error) { return r.List(ctx, f, p) }
}

func versionsOf(r Registry, name string) pagetest.List[registry.VersionItem] {
	return func(ctx context.Context, p page.Request) (page.Of[registry.VersionItem], error) {
		return r.Versions(ctx, name, p)
	}
}

func historyOf(r Registry, name string) pagetest.List[registry.HistoryItem] {
	return func(ctx context.Context, p page.Request) (page.Of[registry.HistoryItem], error) {
		return r.History(ctx, name, p)
	}
}

func labelsOf(r Registry, name string) pagetest.List[registry.Label] {
	return func(ctx context.Context, p page.Request) (page.Of[registry.Label], error) {
		return r.Labels(ctx, name, p)
	}
}

func nameOf(s registry.Summary) string        { return s.Name }
func versionOf(v registry.VersionItem) string { return v.Version.Version }
func changeOf(h registry.HistoryItem) string  { return h.Action + " " + h.Version }
func labelOf(l registry.Label) string         { return l.Name + "=" + l.Version }

func listCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"prompts page by name": func(t *testing.T, e Env) {
			names := []string{"B", "a", "a-b", "a_b", "aa", "b", "z1", "z10", "z2"}
			shuffled := slices.Clone(names)
			slices.Reverse(shuffled)
			for _, name := range shuffled {
				publish(t, e.Mine, name, "1.0.0")
			}
			slices.Sort(names) // byte by byte, on every engine
			pagetest.Check(t, listOf(e.Mine, registry.Filter{}), nameOf, names)
		},

		"a filtered list pages like any other": func(t *testing.T, e Env) {
			for _, name := range []string{"x-1", "y-1", "x-2", "y-2", "x-3", "y-3", "x-4"} {
				publish(t, e.Mine, name, "1.0.0")
			}
			pagetest.Check(t, listOf(e.Mine, registry.Filter{Query: "X-"}), nameOf, []string{"x-1", "x-2", "x-3", "x-4"})
		},

		"an item tells the latest version, tags, labels and the pin": func(t *testing.T, e Env) {
			old := prompt("p", "1.0.0", "x")
			old.Tags = []string{"old"}
			create(t, e.Mine, old)
			latest := prompt("p", "1.10.0", "x")
			latest.Tags = []string{"b", "a"}
			v := create(t, e.Mine, latest)
			create(t, e.Mine, prompt("p", "1.9.0", "x"))
			for label, version := range map[string]string{"staging": "1.10.0", "production": "1.0.0"} {
				_, err := e.Mine.SetLabel(t.Context(), "p", label, version)
				require.NoError(t, err)
			}
			require.NoError(t, e.Mine.Activate(t.Context(), "p", "1.0.0"))
			publish(t, e.Mine, "q", "1.0.0")

			got, err := e.Mine.List(t.Context(), registry.Filter{}, page.Request{})
			require.NoError(t, err)
			require.Len(t, got.Items, 2)
			p, q := got.Items[0], got.Items[1]
			require.Equal(t, "1.10.0", p.LatestVersion)
			require.Equal(t, "1.0.0", p.ActiveVersion)
			require.Equal(t, []string{"b", "a"}, p.Tags)
			require.Equal(t, []string{"production", "staging"}, p.Labels)
			require.False(t, p.UpdatedAt.Before(v.CreatedAt.Time))
			require.Empty(t, q.ActiveVersion)
			require.Equal(t, []string{}, q.Tags, "empty, not null")
			require.Equal(t, []string{}, q.Labels)
		},

		"filters": func(t *testing.T, e Env) {
			for name, tags := range map[string][]string{
				"Welcome-mail": {"mail", "Support"}, "goodbye_mail": {"mail"}, "chat": {"support"}, "100percent": nil,
			} {
				p := prompt(name, "1.0.0", "x")
				p.Tags = tags
				create(t, e.Mine, p)
			}
			_, err := e.Mine.SetLabel(t.Context(), "chat", "production", "")
			require.NoError(t, err)
			_, err = e.Mine.SetLabel(t.Context(), "goodbye_mail", "production", "")
			require.NoError(t, err)
			for name, test := range map[string]struct {
				filter registry.Filter
				want   []string
			}{
				"a part of the name":        {registry.Filter{Query: "mail"}, []string{"Welcome-mail", "goodbye_mail"}},
				"in any case":               {registry.Filter{Query: "wELCOME"}, []string{"Welcome-mail"}},
				"a percent is no wildcard":  {registry.Filter{Query: "%"}, nil},
				"an underscore is no other": {registry.Filter{Query: "e_m"}, []string{"goodbye_mail"}},
				"a backslash":               {registry.Filter{Query: `\`}, nil},
				"a quote":                   {registry.Filter{Query: `' OR '1'='1`}, nil},
				"a tag":                     {registry.Filter{Tag: "mail"}, []string{"Welcome-mail", "goodbye_mail"}},
				"a tag in its case":         {registry.Filter{Tag: "Support"}, []string{"Welcome-mail"}},
				"a tag that nothing has":    {registry.Filter{Tag: "mai"}, nil},
				"a label":                   {registry.Filter{Label: "production"}, []string{"chat", "goodbye_mail"}},
				"a label that nothing has":  {registry.Filter{Label: "staging"}, nil},
				"all together":              {registry.Filter{Query: "MAIL", Tag: "mail", Label: "production"}, []string{"goodbye_mail"}},
				"all together, none":        {registry.Filter{Query: "welcome", Tag: "mail", Label: "production"}, nil},
			} {
				got, err := e.Mine.List(t.Context(), test.filter, page.Request{})
				require.NoError(t, err, name)
				var names []string
				for _, item := range got.Items {
					names = append(names, item.Name)
				}
				require.Equal(t, test.want, names, name)
				require.EqualValues(t, len(test.want), got.Total, name)
			}
		},

		"tags are those of the latest version": func(t *testing.T, e Env) {
			tagged := func(version string, tags ...string) {
				p := prompt("p", version, "x")
				p.Tags = tags
				create(t, e.Mine, p)
			}
			found := func(tag string) bool {
				return len(pagetest.Keys(t, listOf(e.Mine, registry.Filter{Tag: tag}), nameOf)) == 1
			}
			tagged("1.0.0", "a", "a")
			require.True(t, found("a"))
			tagged("2.0.0", "b")
			require.False(t, found("a"))
			require.True(t, found("b"))
			tagged("1.5.0", "c")
			require.False(t, found("c"), "it is not the latest")
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "p", "2.0.0", registry.Signature{}))
			require.True(t, found("c"), "it is the latest now")
			require.False(t, found("b"))
		},

		"filters that cannot be stored are faults": func(t *testing.T, e Env) {
			for _, f := range []registry.Filter{{Query: "a\x00"}, {Tag: "a\x00"}, {Label: "a\x00"}, {Query: strings.Repeat("x", 300)}} {
				_, err := e.Mine.List(t.Context(), f, page.Request{})
				require.ErrorIs(t, err, pmerr.ErrValidation, "%+v", f)
			}
		},

		"versions page newest first": func(t *testing.T, e Env) {
			publish(t, e.Mine, "other", "9.0.0")
			publish(t, e.Mine, "p", "1.0.0", "3.0.0", "2.0.0", "0.1.0-rc.1", "2.0.1")
			pagetest.Check(t, versionsOf(e.Mine, "p"), versionOf, []string{"2.0.1", "0.1.0-rc.1", "2.0.0", "3.0.0", "1.0.0"})
		},

		"a version tells its labels and whether it is pinned": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			for _, label := range []string{"b", "a"} {
				_, err := e.Mine.SetLabel(t.Context(), "p", label, "1.0.0")
				require.NoError(t, err)
			}
			require.NoError(t, e.Mine.Activate(t.Context(), "p", "1.0.0"))
			got, err := e.Mine.Versions(t.Context(), "p", page.Request{})
			require.NoError(t, err)
			newer, older := got.Items[0], got.Items[1]
			require.Equal(t, "2.0.0", newer.Version.Version)
			require.Equal(t, []string{}, newer.Labels)
			require.False(t, newer.Active)
			require.Equal(t, []string{"a", "b"}, older.Labels)
			require.True(t, older.Active)
			require.Equal(t, "p", older.Name)
			require.Equal(t, "Add 1.0.0", older.Message)
			require.WithinDuration(t, time.Now(), older.CreatedAt.Time, time.Minute)
		},

		"an unknown prompt has no versions, labels or history": func(t *testing.T, e Env) {
			require.Empty(t, pagetest.Keys(t, versionsOf(e.Mine, "p"), versionOf))
			require.Empty(t, pagetest.Keys(t, historyOf(e.Mine, "p"), changeOf))
			require.Empty(t, pagetest.Keys(t, labelsOf(e.Mine, "p"), labelOf))
			require.Empty(t, pagetest.Keys(t, listOf(e.Mine, registry.Filter{}), nameOf))
		},

		"history tells what was published and deleted, newest first": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0", "3.0.0")
			require.NoError(t, e.Mine.DeleteVersion(t.Context(), "p", "2.0.0", registry.Signature{Author: "Eve", Message: "Too loud"}))
			publish(t, e.Mine, "p", "4.0.0")
			want := []string{"publish 4.0.0", "delete 2.0.0", "publish 3.0.0", "publish 2.0.0", "publish 1.0.0"}
			pagetest.Check(t, historyOf(e.Mine, "p"), changeOf, want)
			got, err := e.Mine.History(t.Context(), "p", page.Request{Limit: 2})
			require.NoError(t, err)
			require.Equal(t, "Eve", got.Items[1].Author)
			require.Equal(t, "Too loud", got.Items[1].Message)
			require.WithinDuration(t, time.Now(), got.Items[1].At.Time, time.Minute)

			require.NoError(t, e.Mine.Delete(t.Context(), "p", registry.Signature{}))
			require.Len(t, pagetest.Keys(t, historyOf(e.Mine, "p"), changeOf), len(want)+3, "history outlives the prompt")
		},

		"a cursor of one list is refused by the others": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0", "3.0.0")
			publish(t, e.Mine, "q", "1.0.0")
			for i := range 3 {
				_, err := e.Mine.SetLabel(t.Context(), "p", fmt.Sprint("label", i), "")
				require.NoError(t, err)
			}
			prompts, versions := listOf(e.Mine, registry.Filter{}), versionsOf(e.Mine, "p")
			history, labels := historyOf(e.Mine, "p"), labelsOf(e.Mine, "p")
			pagetest.RefusesCursorOf(t, prompts, versions)
			pagetest.RefusesCursorOf(t, prompts, labels)
			pagetest.RefusesCursorOf(t, versions, history)
			pagetest.RefusesCursorOf(t, history, versions)
			pagetest.RefusesCursorOf(t, labels, prompts)
		},
	}
}
