package registry_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestReconcile(t *testing.T) {
	t.Parallel()

	t.Run("what people push is served", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "welcome", "1.0.0")
		before := h.audited(t)
		h.clone(t).
			write("prompts/welcome/1.1.0.json", file("welcome", "1.1.0", "by hand")).
			write("prompts/welcome/1.2.0.yaml", "name: welcome\nversion: 1.2.0\ntags: [new]\nmessages:\n- {role: user, content: \"Hi {{name}}\"}\n").
			write("prompts/bye/0.1.0.json", file("bye", "0.1.0", "bye")).
			write("workspaces/acme/prompts/welcome/9.0.0.json", file("welcome", "9.0.0", "of acme")).
			write("README.md", "# Our prompts").
			push("Write some prompts\n\nWith care.")
		_, err := h.home().Get(t.Context(), "bye", registry.Query{})
		require.ErrorIs(t, err, pmerr.ErrNotFound, "not yet")

		require.Equal(t, registry.Reconciled{Indexed: 4}, h.reconcile(t))
		serves(t, h.home(), "welcome", "1.1.0", "by hand")
		serves(t, h.home(), "bye", "", "bye")
		serves(t, h.in(t, "acme"), "welcome", "", "of acme")
		e, err := h.home().Get(t.Context(), "welcome", registry.Query{Variables: values{"name": "Ada"}})
		require.NoError(t, err)
		require.Equal(t, "1.2.0", e.Version.Version, "it is the latest")
		require.Equal(t, "Hi Ada", e.Content.Messages[0].Content)
		require.Equal(t, "Grace Hopper <grace@example.com>", e.Version.Author)
		require.Equal(t, "Write some prompts\n\nWith care.", e.Version.Message)
		require.Equal(t, time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), e.Version.CreatedAt.Time)
		require.Equal(t, run(t, h.bare, "rev-parse", "HEAD"), e.Version.Commit)
		list, err := h.home().List(t.Context(), registry.Filter{Tag: "new"}, page.Request{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, before, h.audited(t), "the audit log tells of callers, not of commits")

		require.Equal(t, registry.Reconciled{}, h.reconcile(t), "nothing is new")
	})

	t.Run("our own publications are not indexed twice", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		for _, version := range []string{"1.0.0", "1.1.0", "2.0.0"} {
			publish(t, h.home(), "p", version)
		}
		require.NoError(t, h.home().DeleteVersion(t.Context(), "p", "1.1.0", registry.Signature{Author: "Eve"}))
		require.Equal(t, registry.Reconciled{}, h.reconcile(t))
		require.Equal(t, []string{"delete 1.1.0 by Eve", "publish 2.0.0 by Ada", "publish 1.1.0 by Ada", "publish 1.0.0 by Ada"}, history(t, h.home(), "p"))
	})

	t.Run("a broken file is a problem and hides nothing", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		h.clone(t).
			write("prompts/p/1.1.0.json", "{ this is no JSON").
			write("prompts/p/1.2.0.json", file("other", "1.2.0", "x")).
			write("prompts/p/1.3.0.json", file("p", "1.0.0", "x")).
			write("prompts/p/1.4.0.json", file("p", "1.4.0", "{{#open}}")).
			write("prompts/p/1.5.0.yaml", "a: [").
			write("prompts/p/notes.txt", "what is this?").
			write("prompts/a name/1.0.0.json", file("p", "1.0.0", "x")).
			write("prompts/p/2.0.0.json", file("p", "2.0.0", "fine")).
			push("A bad day")
		done := h.reconcile(t)
		require.Equal(t, 1, done.Indexed)
		require.Zero(t, done.Removed)
		problems := strings.Join(done.Problems, "\n")
		for path, reason := range map[string]string{
			"prompts/p/1.1.0.json": "Invalid JSON body",
			"prompts/p/1.2.0.json": "name and version must be those of the path",
			"prompts/p/1.3.0.json": "name and version must be those of the path",
			"prompts/p/1.4.0.json": "no valid template",
			"prompts/p/1.5.0.yaml": "no valid YAML",
			"prompts/p/notes.txt":  "is not named like a prompt version",
			"prompts/a name":       "is not named like a prompt version",
		} {
			require.Regexp(t, "(?m)^"+path+": .*"+reason, problems)
		}
		require.Len(t, done.Problems, 7)
		serves(t, h.home(), "p", "", "fine")
		serves(t, h.home(), "p", "1.0.0", "1.0.0")

		h.clone(t).write("prompts/p/1.1.0.json", file("p", "1.1.0", "mended")).push("Mend it")
		require.Equal(t, 1, h.reconcile(t).Indexed)
		serves(t, h.home(), "p", "1.1.0", "mended")
	})

	t.Run("a version that is changed keeps its first content", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		h.clone(t).write("prompts/p/1.0.0.json", file("p", "1.0.0", "changed")).push("Cheat")
		for _, full := range []bool{false, true} {
			done, err := h.Reconcile(t.Context(), full)
			require.NoError(t, err)
			require.Zero(t, done.Indexed)
			require.Len(t, done.Problems, 1)
			require.Contains(t, done.Problems[0], "prompts/p/1.0.0.json: was changed, but a version is immutable")
			serves(t, h.home(), "p", "1.0.0", "1.0.0")
		}
		serves(t, rebuild(t, h.bare, h.db).home(), "p", "1.0.0", "1.0.0") // after a restart too
	})

	t.Run("a version that is deleted by hand is gone", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		for _, version := range []string{"1.0.0", "2.0.0"} {
			publish(t, h.home(), "p", version)
		}
		publish(t, h.home(), "q", "1.0.0")
		_, err := h.home().SetLabel(t.Context(), "p", "production", "2.0.0")
		require.NoError(t, err)
		require.NoError(t, h.home().Activate(t.Context(), "p", "2.0.0"))
		serves(t, h.home(), "p", "", "2.0.0")
		h.reconcile(t)
		h.clone(t).remove("prompts/p/2.0.0.json").remove("prompts/q/1.0.0.json").push("Tidy up")
		require.Equal(t, registry.Reconciled{Removed: 2}, h.reconcile(t))
		serves(t, h.home(), "p", "", "1.0.0")
		_, err = h.home().Get(t.Context(), "p", registry.Query{Label: "production"})
		require.ErrorIs(t, err, pmerr.ErrNotFound)
		_, err = h.home().Get(t.Context(), "q", registry.Query{})
		require.ErrorIs(t, err, pmerr.ErrNotFound)
		require.Equal(t, "delete 2.0.0 by reconciler", history(t, h.home(), "p")[0])
	})

	t.Run("what a protected label points at is kept", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		publish(t, h.home(), "p", "2.0.0")
		_, err := h.home().SetLabel(t.Context(), "p", "production", "1.0.0")
		require.NoError(t, err)
		require.NoError(t, h.home().SetProtectedLabels(t.Context(), []string{"production"}))
		h.reconcile(t)
		h.clone(t).remove("prompts/p/1.0.0.json").remove("prompts/p/2.0.0.json").push("Tidy up too much")
		for _, full := range []bool{false, true} {
			done, err := h.Reconcile(t.Context(), full)
			require.NoError(t, err)
			require.Len(t, done.Problems, 1)
			require.Contains(t, done.Problems[0], "a protected label points at it")
			require.Equal(t, []string{"1.0.0"}, versions(t, h.home(), "p"))
			e, err := h.home().Get(t.Context(), "p", registry.Query{Label: "production"})
			require.NoError(t, err)
			require.Equal(t, "1.0.0", e.Content.Messages[0].Content, "history still has the file")
		}
	})

	t.Run("a rewritten history is followed", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		publish(t, h.home(), "p", "2.0.0")
		h.reconcile(t)
		c := h.clone(t)
		c.git("checkout", "--quiet", "--orphan", "fresh")
		c.remove("prompts/p/2.0.0.json").write("prompts/p/3.0.0.json", file("p", "3.0.0", "rewritten"))
		c.git("add", "--all")
		c.git("commit", "--quiet", "--message", "Start anew")
		branch := run(t, h.bare, "symbolic-ref", "--short", "HEAD")
		c.git("push", "--quiet", "origin", "HEAD:refs/heads/anew")
		run(t, h.bare, "update-ref", "refs/heads/"+branch, "refs/heads/anew") // a push of that kind is refused
		require.Equal(t, registry.Reconciled{Indexed: 1, Removed: 1}, h.reconcile(t))
		require.ElementsMatch(t, []string{"1.0.0", "3.0.0"}, versions(t, h.home(), "p"))
		serves(t, h.home(), "p", "1.0.0", "1.0.0")
		serves(t, h.home(), "p", "", "rewritten")
		publish(t, h.home(), "p", "4.0.0")
		serves(t, h.home(), "p", "", "4.0.0")
	})

	t.Run("what was deleted and is pushed again is served", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		publish(t, h.home(), "p", "2.0.0")
		h.reconcile(t)
		work := h.clone(t)
		require.NoError(t, h.home().DeleteVersion(t.Context(), "p", "2.0.0", registry.Signature{}))
		h.reconcile(t)
		work.git("pull", "--quiet", "--rebase")
		work.write("prompts/p/2.0.0.json", file("p", "2.0.0", "again")).push("Bring it back")
		require.Equal(t, registry.Reconciled{Indexed: 1}, h.reconcile(t))
		serves(t, h.home(), "p", "", "again")
		work.remove("prompts/p/2.0.0.json").push("Or not")
		require.Equal(t, registry.Reconciled{Removed: 1}, h.reconcile(t))
		work.git("revert", "--no-edit", "HEAD")
		work.git("push", "--quiet", "origin", "HEAD")
		require.Equal(t, registry.Reconciled{Indexed: 1}, h.reconcile(t))
		serves(t, h.home(), "p", "", "again")
	})

	t.Run("a store that does not know what was indexed removes nothing, unless it is asked to", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		h.reconcile(t)
		other := rebuild(t, filepath.Join(t.TempDir(), "other.git"), h.db) // the wrong folder
		publish(t, other.home(), "q", "1.0.0")
		done := other.reconcile(t)
		require.Zero(t, done.Removed)
		require.Len(t, done.Problems, 1)
		require.Contains(t, done.Problems[0], "check that it is the right one")
		serves(t, h.home(), "p", "", "1.0.0")
		done, err := other.Reconcile(t.Context(), true)
		require.NoError(t, err)
		require.Equal(t, registry.Reconciled{Removed: 1}, done)
	})

	t.Run("a merge is followed", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		c := h.clone(t)
		c.git("checkout", "--quiet", "-b", "topic")
		c.write("prompts/p/1.1.0.json", file("p", "1.1.0", "topic"))
		c.git("add", "--all")
		c.git("commit", "--quiet", "--message", "On a branch")
		c.git("checkout", "--quiet", "-")
		publish(t, h.home(), "p", "1.2.0") // the server works on meanwhile
		c.git("pull", "--quiet", "--no-rebase")
		c.git("merge", "--quiet", "--no-ff", "--message", "Merge topic", "topic")
		c.git("push", "--quiet", "origin", "HEAD")
		require.Equal(t, 1, h.reconcile(t).Indexed)
		e, err := h.home().Get(t.Context(), "p", registry.Query{Version: "1.1.0"})
		require.NoError(t, err)
		require.Equal(t, "On a branch", e.Version.Message)
	})

	t.Run("two reconcilers at once index everything once", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]func(*house) *house{
			"of one process":    func(h *house) *house { return h },
			"of two processes":  func(h *house) *house { return rebuild(t, h.bare, h.db) },
			"on two registries": func(h *house) *house { return &house{Registry: on(h.store.Prompts(), h.git), store: h.store} },
		} {
			h := build(t)
			work := h.clone(t)
			const many = 40
			for i := range many {
				work.write(fmt.Sprintf("prompts/p%d/1.0.0.json", i), file(fmt.Sprint("p", i), "1.0.0", "x"))
			}
			work.push("Many")
			var done [2]registry.Reconciled
			var both sync.WaitGroup
			for i, r := range []*house{h, c(h)} {
				both.Go(func() {
					var err error
					if done[i], err = r.Reconcile(context.Background(), false); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			both.Wait()
			require.Equal(t, many, done[0].Indexed+done[1].Indexed, name)
			for i := range many {
				require.Len(t, history(t, h.home(), fmt.Sprint("p", i)), 1, name)
			}
			list, err := h.home().List(t.Context(), registry.Filter{}, page.Request{Limit: 1})
			require.NoError(t, err)
			require.EqualValues(t, many, list.Total, name)
		}
	})

	t.Run("publishing and deleting go on meanwhile", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		other := rebuild(t, h.bare, h.db)
		ctx, cancel := context.WithCancel(t.Context())
		var reconciling, working sync.WaitGroup
		for _, r := range []*house{h, other} {
			reconciling.Go(func() {
				for ctx.Err() == nil {
					if _, err := r.Reconcile(ctx, false); err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := range 6 {
			s := []*house{h, other}[i%2].home()
			working.Go(func() {
				for j := range 6 {
					p := prompt(fmt.Sprint("p", i), fmt.Sprintf("1.%d.0", j), "x")
					if _, err := s.Create(context.Background(), p, registry.Signature{}); err != nil {
						t.Errorf("create %s %s: %v", p.Name, p.Version, err)
					}
					if j%2 == 1 {
						if err := s.DeleteVersion(context.Background(), p.Name, p.Version, registry.Signature{Author: "Eve"}); err != nil {
							t.Errorf("delete %s %s: %v", p.Name, p.Version, err)
						}
					}
				}
			})
		}
		working.Wait()
		cancel()
		reconciling.Wait()
		h.reconcile(t)
		for i := range 6 {
			name := fmt.Sprint("p", i)
			require.ElementsMatch(t, []string{"1.0.0", "1.2.0", "1.4.0"}, versions(t, h.home(), name))
			all := history(t, h.home(), name)
			require.Len(t, all, 9, "each change stands there once: %v", all)
			require.Equal(t, 3, strings.Count(strings.Join(all, "\n"), "by Eve"), "%v", all)
		}
		require.EqualValues(t, 6*9, h.audited(t))
	})

	t.Run("a cancelled reconciliation changes nothing for the next", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		h.clone(t).write("prompts/p/1.0.0.json", file("p", "1.0.0", "x")).push("One")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.Reconcile(ctx, false)
		require.Error(t, err)
		require.Equal(t, 1, h.reconcile(t).Indexed)
	})
}

func TestCrash(t *testing.T) {
	t.Parallel()
	// half publishes a version and dies before it is indexed.
	half := func(t *testing.T, h *house, text string) {
		t.Helper()
		data, err := registry.FormatFile(prompt("p", "1.0.0", text))
		require.NoError(t, err)
		_, err = h.git.Workspace(workspace.Default()).Put(t.Context(), registry.Key{Name: "p", Version: "1.0.0"}, data,
			registry.Signature{Author: "Ada", Message: "Add 1.0.0"})
		require.NoError(t, err)
	}
	create := func(t *testing.T, h *house, text string) error {
		t.Helper()
		_, err := h.home().Create(t.Context(), prompt("p", "1.0.0", text), registry.Signature{})
		return err
	}
	for _, found := range []bool{false, true} {
		name := "what a crash left behind"
		if found {
			name += ", and the reconciler found,"
		}
		t.Run(name+" is the caller's who tries again", func(t *testing.T) {
			t.Parallel()
			h := build(t)
			half(t, h, "first")
			if found {
				require.Equal(t, 1, h.reconcile(t).Indexed)
				serves(t, h.home(), "p", "", "first")
			}
			require.NoError(t, create(t, h, "first"))
			require.EqualValues(t, 1, h.audited(t))
			require.Equal(t, []string{"publish 1.0.0 by Ada"}, historyOf(t, h, found))
			require.ErrorIs(t, create(t, h, "first"), pmerr.ErrBadRequest, "it was acknowledged now")
			require.EqualValues(t, 1, h.audited(t))
			serves(t, h.home(), "p", "", "first")
		})

		t.Run(name+" is in the way of other content", func(t *testing.T) {
			t.Parallel()
			h := build(t)
			half(t, h, "first")
			if found {
				h.reconcile(t)
			}
			err := create(t, h, "second")
			require.ErrorIs(t, err, pmerr.ErrBadRequest)
			require.Equal(t, map[string]any{"name": "p", "version": "1.0.0"}, pmerr.From(err).Details)
			h.reconcile(t)
			serves(t, h.home(), "p", "", "first")
			require.Zero(t, h.audited(t))
		})
	}

	t.Run("a deletion that was cut short is finished by the reconciler", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		publish(t, h.home(), "p", "2.0.0")
		h.reconcile(t)
		_, err := h.git.Workspace(workspace.Default()).Remove(t.Context(), []registry.Key{{Name: "p", Version: "2.0.0"}}, registry.Signature{})
		require.NoError(t, err)
		serves(t, h.home(), "p", "", "2.0.0") // until then it can still be read
		require.Equal(t, registry.Reconciled{Removed: 1}, h.reconcile(t))
		serves(t, h.home(), "p", "", "1.0.0")
	})

	t.Run("a deletion that was cut short can be tried again", func(t *testing.T) {
		t.Parallel()
		h := build(t)
		publish(t, h.home(), "p", "1.0.0")
		_, err := h.git.Workspace(workspace.Default()).Remove(t.Context(), []registry.Key{{Name: "p", Version: "1.0.0"}}, registry.Signature{})
		require.NoError(t, err)
		require.NoError(t, h.home().Delete(t.Context(), "p", registry.Signature{}))
		_, err = h.home().Get(t.Context(), "p", registry.Query{})
		require.ErrorIs(t, err, pmerr.ErrNotFound)
	})

	for name, commits := range map[string]bool{"": true, ", also without commits": false} {
		t.Run("a reconciler that is faster than the caller's own deletion takes nothing from it"+name, func(t *testing.T) {
			t.Parallel()
			h := build(t)
			publish(t, h.home(), "p", "1.0.0")
			publish(t, h.home(), "p", "2.0.0")
			publish(t, h.home(), "p", "3.0.0")
			h.reconcile(t)
			meddled := on(h.store.Prompts(), meddling{ContentStore: h.git, after: func() { h.reconcile(t) }, commits: commits})
			s := meddled.Workspace(workspace.Default(), editor)
			before := h.audited(t)
			require.NoError(t, s.DeleteVersion(t.Context(), "p", "3.0.0", registry.Signature{Author: "Eve", Message: "Too loud"}))
			require.Equal(t, before+1, h.audited(t))
			require.Equal(t, "delete 3.0.0 by Eve", history(t, s, "p")[0])
			require.NoError(t, s.Delete(t.Context(), "p", registry.Signature{Author: "Eve"}))
			require.Equal(t, before+2, h.audited(t))
			require.Len(t, history(t, s, "p"), 6)
			require.ErrorIs(t, s.Delete(t.Context(), "p", registry.Signature{}), pmerr.ErrNotFound)
			index := h.store.Prompts().Workspace(workspace.Default(), editor)
			_, err := index.Remove(t.Context(), "p", []string{"1.0.0"}, registry.Origin{Author: "Mallory"}, false)
			require.ErrorIs(t, err, pmerr.ErrNotFound, "it was Eve's already")
			require.Equal(t, before+2, h.audited(t))
		})
	}
}

// historyOf tells who published, by the record of whoever indexed it first.
func historyOf(t *testing.T, h *house, found bool) []string {
	t.Helper()
	all := history(t, h.home(), "p")
	if !found { // then the caller who tried again did
		for i := range all {
			all[i] = strings.Replace(all[i], editor.Name, "Ada", 1)
		}
	}
	return all
}

// meddling is a prompt store in which something happens after each removal.
type meddling struct {
	registry.ContentStore
	after func()
	// commits tells removals by their commits; a bucket has none.
	commits bool
}

func (m meddling) Workspace(id workspace.ID) registry.Content {
	return meddlingContent{Content: m.ContentStore.Workspace(id), meddling: m}
}

type meddlingContent struct {
	registry.Content
	meddling meddling
}

func (m meddlingContent) Remove(ctx context.Context, keys []registry.Key, by registry.Signature) (string, error) {
	commit, err := m.Content.Remove(ctx, keys, by)
	m.meddling.after()
	if !m.meddling.commits {
		commit = ""
	}
	return commit, err
}

func TestReindex(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, e dbtest.Engine) {
		bare := filepath.Join(t.TempDir(), "prompts.git")
		h := rebuild(t, bare, e.Config(t))
		for i := range 3 {
			publish(t, h.home(), "p", fmt.Sprintf("1.%d.0", i))
			publish(t, h.in(t, "acme"), "p", fmt.Sprintf("2.%d.0", i))
		}
		publish(t, h.home(), "gone", "1.0.0")
		require.NoError(t, h.home().Delete(t.Context(), "gone", registry.Signature{}))
		h.clone(t).write("prompts/hand/1.0.0.yaml", "name: hand\nversion: 1.0.0\nmessages: [{role: user, content: x}]").push("By hand")
		h.reconcile(t)
		state := func(h *house) (all []registry.Version) {
			for _, s := range []*registry.Service{h.home(), h.in(t, "acme")} {
				for _, name := range []string{"p", "hand", "gone"} {
					p, err := s.Versions(t.Context(), name, page.Request{})
					require.NoError(t, err)
					for _, item := range p.Items {
						all = append(all, item.Version)
					}
				}
			}
			return all
		}
		want := state(h)
		require.Len(t, want, 7)
		for _, v := range want {
			require.NotEmpty(t, v.Author)
			require.NotEmpty(t, v.Message)
			require.NotEmpty(t, v.Commit)
		}

		again := rebuild(t, bare, e.Config(t)) // the old database is lost
		require.Empty(t, state(again))
		done, err := again.Reconcile(t.Context(), true)
		require.NoError(t, err)
		require.Equal(t, registry.Reconciled{Indexed: 7}, done)
		require.ElementsMatch(t, want, state(again))
		serves(t, again.home(), "p", "", "1.2.0")

		t.Run("and a full comparison of what is there changes nothing", func(t *testing.T) {
			done, err := again.Reconcile(t.Context(), true)
			require.NoError(t, err)
			require.Equal(t, registry.Reconciled{}, done)
		})
		t.Run("and rows without a file go", func(t *testing.T) {
			_, _, err := again.store.Prompts().Workspace(workspace.Default(), editor).Insert(t.Context(), registry.Record{
				Version: registry.Version{Name: "ghost", Version: "1.0.0"}, Ref: "none", Format: "json",
			})
			require.NoError(t, err)
			done, err := again.Reconcile(t.Context(), true)
			require.NoError(t, err)
			require.Equal(t, registry.Reconciled{Removed: 1}, done)
		})
	})
}
