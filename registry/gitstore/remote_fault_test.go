package gitstore

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/githost"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// tryPut publishes version 1.0.0 of a prompt.
func tryPut(tb testing.TB, s *Store, name string) (registry.Stored, error) {
	tb.Helper()
	return s.Workspace(workspace.Default()).Put(tb.Context(), key(name), []byte("text of "+name), by("Ada"))
}

// hands is a clock that a test moves.
type hands struct{ micros atomic.Int64 }

func newClock() *hands {
	c := &hands{}
	c.micros.Store(time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC).UnixMicro())
	return c
}

func (c *hands) now() time.Time           { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *hands) advance(by time.Duration) { c.micros.Add(by.Microseconds()) }

const receivePack, uploadPack = "git-receive-pack", "git-upload-pack"

// One fault strikes a push; the caller is told the truth all the same, and the
// history has the version once.
func TestAPushThatFailsOnceSucceedsInTheEnd(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githost.Fault{
		"the answer is lost":             {Service: receivePack, Posts: true, Drop: true, Times: 1},
		"the answer is cut off":          {Service: receivePack, Posts: true, Cut: 12, Times: 1},
		"the host fails before the push": {Service: receivePack, Posts: true, Status: 500, Times: 1},
		"a gateway is overloaded":        {Service: receivePack, Posts: true, Status: 502, Body: "<html>", Times: 2},
		"the answer is no git":           {Service: receivePack, Posts: true, Serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, Times: 1},
		"the report is empty": {Service: receivePack, Posts: true, Serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
		}, Times: 1},
		"the report is garbage": {Service: receivePack, Posts: true, Serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-receive-pack-result")
			_, _ = w.Write([]byte("0030\x01000eunpack ok\n0019ok refs/heads/other\n0000"))
		}, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := githost.Start(t)
			r := h.Create("prompts")
			s := node(t, r)
			putOne(t, s, "before")
			h.Break(fault)
			stored, err := tryPut(t, s, "struck")
			require.NoError(t, err)
			require.False(t, stored.Existed, "it is this caller's version")
			require.Equal(t, map[string]int{"prompts/before/1.0.0.json": 1, "prompts/struck/1.0.0.json": 1}, r.Added("main"))
			require.Equal(t, stored.Commit, r.Git("rev-parse", "main"))
			require.Equal(t, stored.Commit, git(t, s.dir, "rev-parse", "main"))
			require.NoError(t, s.Check(t.Context()))
			leavesNothing(t, s)
		})
	}
}

func TestALostAnswerOfADeletionIsFound(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	s := node(t, r)
	putOne(t, s, "a")
	h.Break(githost.Fault{Service: receivePack, Posts: true, Drop: true, Times: 1})
	commit, err := s.Workspace(workspace.Default()).Remove(t.Context(), []registry.Key{key("a")}, by("Ada"))
	require.NoError(t, err)
	require.Equal(t, r.Git("rev-parse", "main"), commit)
	require.Empty(t, r.Files("main"))
}

// What nobody can find out is unavailable, and a retry finds that it exists.
func TestAnUnknownPushIsUnavailableAndARetryExisted(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	s := node(t, r)
	h.Break(githost.Fault{Service: receivePack, Posts: true, Drop: true})
	h.Break(githost.Fault{Service: uploadPack, Status: 500})
	_, err := tryPut(t, s, "lost")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.NotContains(t, pmerr.From(err).Message, "500")
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, d.Changes, "nothing is shown that the host may not have")
	require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
	require.Len(t, r.Files("main"), 1, "the host has it")

	h.Mend()
	eventually(t, "the host is called again", func() bool { return s.Fetch(t.Context()) == nil })
	stored, err := tryPut(t, s, "lost")
	require.NoError(t, err)
	require.True(t, stored.Existed)
	require.Len(t, r.Added("main"), 1)
	require.NoError(t, s.Check(t.Context()))
}

func TestAHostThatIsDownFailsFastAndReadsGoOn(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	clock := newClock()
	s := open(t, Options{Remote: remoteOf(r), Now: clock.now})
	kept := putOne(t, s, "kept")
	h.Break(githost.Fault{Status: 503, Body: "maintenance"})
	for range breakAfter {
		_, err := tryPut(t, s, "down")
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
	}
	asked := len(h.Asked())
	for range 5 {
		_, err := tryPut(t, s, "down")
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.Positive(t, pmerr.From(err).RetryAfter)
		require.ErrorIs(t, s.Fetch(t.Context()), pmerr.ErrUnavailable)
	}
	require.Len(t, h.Asked(), asked, "the host is left alone")
	data, err := s.Workspace(workspace.Default()).Read(t.Context(), kept.Ref)
	require.NoError(t, err)
	require.Equal(t, "text of kept", string(data))
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.Len(t, d.Changes, 1)

	h.Mend()
	_, err = tryPut(t, s, "down")
	require.ErrorIs(t, err, pmerr.ErrUnavailable, "not before the pause is over")
	clock.advance(2 * maxPause)
	_, err = tryPut(t, s, "down")
	require.NoError(t, err)
	require.NoError(t, s.Check(t.Context()))
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githost.Fault{
		"too many requests":   {Status: 429, RetryAfter: 300, Times: 1},
		"a secondary limit":   {Status: 403, RetryAfter: 300, Times: 1, Body: "You have exceeded a secondary rate limit"},
		"service unavailable": {Status: 503, RetryAfter: 300, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := githost.Start(t)
			r := h.Create("prompts")
			clock := newClock()
			s := open(t, Options{Remote: remoteOf(r), Now: clock.now})
			h.Break(fault)
			err := s.Fetch(t.Context())
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			require.Equal(t, 300*time.Second, pmerr.From(err).RetryAfter)
			clock.advance(299 * time.Second)
			_, err = tryPut(t, s, "a")
			require.ErrorIs(t, err, pmerr.ErrUnavailable)
			clock.advance(2 * time.Second)
			_, err = tryPut(t, s, "a")
			require.NoError(t, err)
		})
	}
}

func TestAHostThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	remote := remoteOf(r)
	remote.Timeout = 300 * time.Millisecond
	path := filepath.Join(t.TempDir(), "mirror.git")
	patient := open(t, Options{Path: path, Remote: remoteOf(r)})
	kept := putOne(t, patient, "kept")
	require.NoError(t, patient.Close())
	h.Break(githost.Fault{Hang: true})
	s := open(t, Options{Path: path, Remote: remote})
	_, err := tryPut(t, s, "a")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	data, err := s.Workspace(workspace.Default()).Read(t.Context(), kept.Ref)
	require.NoError(t, err)
	require.NotEmpty(t, data)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Fetch(ctx), pmerr.ErrUnavailable)
}

func TestAFetchThatBreaksOffLeavesNothingAndIsRepeated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]githost.Fault{
		"the list of refs is cut off": {Service: uploadPack, Cut: 20, Times: 1},
		"the pack is cut off":         {Service: uploadPack, Posts: true, Cut: 90, Times: 1},
		"the pack is dropped":         {Service: uploadPack, Posts: true, Drop: true, Times: 1},
		"the pack is refused":         {Service: uploadPack, Posts: true, Status: 500, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := githost.Start(t)
			r := h.Create("prompts")
			s := node(t, r)
			putOne(t, s, "mine")
			p := r.Person()
			p.Write("prompts/theirs/1.0.0.json", "theirs")
			p.Commit("theirs")
			p.Push()
			h.Break(fault)
			require.ErrorIs(t, s.Fetch(t.Context()), pmerr.ErrUnavailable)
			require.Len(t, files(t, s), 1)
			require.ErrorIs(t, s.Check(t.Context()), nil, "a check asks again")
			require.Len(t, files(t, s), 2)
			fsck(t, s.dir)
			leavesNothing(t, s)
		})
	}
}

// files lists the paths of the mirror's branch, as a reconciliation sees them.
func files(tb testing.TB, s *Store) []string {
	tb.Helper()
	d, err := s.Diff(tb.Context(), "")
	require.NoError(tb, err)
	var paths []string
	for _, c := range d.Changes {
		paths = append(paths, c.Path)
	}
	return paths
}

func TestAnExpiredTokenIsUnavailableAndNeverShown(t *testing.T) {
	t.Parallel()
	h := githost.Start(t)
	r := h.Create("prompts")
	said, log := logbook()
	s := open(t, Options{Remote: remoteOf(r), Logger: log, Path: filepath.Join(t.TempDir(), "m.git")})
	putOne(t, s, "a")
	h.SetToken("another")
	_, err := tryPut(t, s, "b")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.Contains(t, said(), "401: Bad credentials")
	require.ErrorIs(t, s.Check(t.Context()), pmerr.ErrUnavailable)
	for _, text := range []string{said(), err.Error(), fmt.Sprintf("%+v %#v", s.mirror.host.remote, s.mirror.host.remote), filesOf(t, s.dir)} {
		require.NotContains(t, text, githost.Token)
	}
	h.SetToken(githost.Token)
	_, err = tryPut(t, s, "b")
	require.NoError(t, err)
}

// filesOf gives the text files of a repository.
func filesOf(tb testing.TB, dir string) string {
	tb.Helper()
	out, err := tryGit(tb, dir, "", "grep", "--no-index", "-h", "-a", "")
	require.NoError(tb, err)
	require.Contains(tb, out, "[core]")
	return out
}

func TestAHookThatRefusesIsToldInTheLog(t *testing.T) {
	t.Parallel()
	r := githost.Start(t).Create("prompts")
	said, log := logbook()
	s := open(t, Options{Remote: remoteOf(r), Logger: log})
	hook(t, r, "echo 'error: GH006: Protected branch update failed' >&2; exit 1")
	_, err := tryPut(t, s, "a")
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
	require.Contains(t, said(), "pre-receive hook declined (GH006: Protected branch update failed)")
	require.Empty(t, r.Files("main"))
	require.Empty(t, files(t, s))
	hook(t, r, "exit 0")
	_, err = tryPut(t, s, "a")
	require.NoError(t, err)
	leavesNothing(t, s)
}

func hook(tb testing.TB, r *githost.Repository, script string) {
	tb.Helper()
	lay(tb, r.Path, "hooks/pre-receive", "#!/bin/sh\n"+script+"\n")
	require.NoError(tb, os.Chmod(filepath.Join(r.Path, "hooks", "pre-receive"), 0o755))
}

func TestMessagesOfHostsAreFitToBeShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\n\n  Not here \nmore":           "Not here",
		"see tok-123 \x1b[2J":             "see [redacted]  [2J",
		"":                                "",
		strings.Repeat("ä", 300):          strings.Repeat("ä", maxSaid/2),
		"\xff\xfe bad":                    "bad",
		"tok-123tok-123":                  "[redacted][redacted]",
		"\x00\x01":                        "",
		"remote: Permission denied\r\nxx": "remote: Permission denied",
	} {
		require.Equal(t, want, saying(text, "tok-123"), "%q", text)
	}
}
