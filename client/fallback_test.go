package client

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

func jsonPrompt(name, version, text string) string {
	return `{"name":"` + name + `","version":"` + version + `","messages":[{"role":"user","content":"` + text + `"}]}`
}

func fileIn(data string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(data)} }

// checkout is laid out like the prompt repository.
func checkout() fstest.MapFS {
	return fstest.MapFS{
		"prompts/welcome/1.0.0.json":                 fileIn(jsonPrompt("welcome", "1.0.0", "one {{x}}")),
		"prompts/welcome/1.10.0.yaml":                fileIn("name: welcome\nversion: 1.10.0\nmessages:\n  - role: user\n    content: ten {{x}}\n"),
		"prompts/welcome/1.9.0.yml":                  fileIn("name: welcome\nversion: 1.9.0\nmessages:\n  - {role: user, content: 'nine {{x}}'}\n"),
		"prompts/welcome/2.0.0-rc.1.json":            fileIn(jsonPrompt("welcome", "2.0.0-rc.1", "two {{x}}")),
		"flat.json":                                  fileIn(jsonPrompt("flat", "3.0.0", "flat {{x}}")),
		"labels.json":                                fileIn(`{"welcome":{"production":"1.9.0","lost":"9.9.9"}}`),
		"workspaces/team/prompts/welcome/5.0.0.json": fileIn(jsonPrompt("welcome", "5.0.0", "five {{x}}")),
		"workspaces/team/labels.json":                fileIn(`{"welcome":{"production":"5.0.0"}}`),
		"workspaces/team/also.yaml":                  fileIn("name: also\nversion: 1.0.0\nmessages: [{role: user, content: also}]\n"),
		"README.md":                                  fileIn("# prompts"),
		".git/HEAD":                                  fileIn("ref: refs/heads/main"),
	}
}

func TestFallbackChoosesAsTheServerWould(t *testing.T) {
	t.Parallel()
	s := play(t, sequence(reply{status: 503}))
	c, _ := setup(t, s.url, Options{Fallback: checkout(), Retries: -1})
	team, err := c.Workspace("team")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		r      *Registry
		prompt string
		q      registry.Query
		want   string // empty: the server's error
	}{
		"the latest":                    {c.Registry, "welcome", registry.Query{}, "ten !"},
		"an exact version":              {c.Registry, "welcome", registry.Query{Version: "1.0.0"}, "one !"},
		"a pre-release":                 {c.Registry, "welcome", registry.Query{Version: "2.0.0-rc.1"}, "two !"},
		"a range":                       {c.Registry, "welcome", registry.Query{Version: "~1.9.0"}, "nine !"},
		"a label":                       {c.Registry, "welcome", registry.Query{Label: "production"}, "nine !"},
		"a flat file":                   {c.Registry, "flat", registry.Query{}, "flat !"},
		"another workspace":             {team.Registry, "welcome", registry.Query{}, "five !"},
		"a label of another workspace":  {team.Registry, "welcome", registry.Query{Label: "production"}, "five !"},
		"a flat file of another one":    {team.Registry, "also", registry.Query{}, "also"},
		"not an unknown prompt":         {c.Registry, "other", registry.Query{}, ""},
		"not an unknown version":        {c.Registry, "welcome", registry.Query{Version: "7.0.0"}, ""},
		"not an unknown label":          {c.Registry, "welcome", registry.Query{Label: "staging"}, ""},
		"not a label on a lost version": {c.Registry, "welcome", registry.Query{Label: "lost"}, ""},
		"not a selector that is none":   {c.Registry, "welcome", registry.Query{Version: "what?"}, ""},
		"not of another workspace":      {team.Registry, "flat", registry.Query{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.q.Variables = map[string]any{"x": "!"}
			e, err := tc.r.Get(t.Context(), tc.prompt, tc.q)
			if tc.want == "" {
				require.ErrorIs(t, err, pmerr.ErrUnavailable)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, e.Content.Messages[0].Content)
			require.Equal(t, registry.Fallback, e.Source)
			require.Equal(t, tc.prompt, e.Version.Name)
			require.Equal(t, e.Content.Version, e.Version.Version)
		})
	}
}

func TestFallbackReadsAFolderOnDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, file := range checkout() {
		where := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(where), 0o755))
		require.NoError(t, os.WriteFile(where, file.Data, 0o600))
	}
	c, _ := setup(t, "http://127.0.0.1:1", Options{Fallback: os.DirFS(dir), Retries: -1})
	text, source := get(t, c.Registry, registry.Query{})
	require.Equal(t, "ten !", text)
	require.Equal(t, registry.Fallback, source)
}

func TestWhenTheFallbackIsUsed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reply reply
		code  pmerr.Code // empty: the fallback answers
	}{
		"on a 500":                      {reply: envelopeOf(500, "INTERNAL_ERROR", "x")},
		"on a 502":                      {reply: reply{status: 502, body: "<html>"}},
		"on a 503":                      {reply: envelopeOf(503, "UNAVAILABLE", "x")},
		"on a broken connection":        {reply: reply{cut: true}},
		"on a portal's page":            {reply: ok("<html>")},
		"not on a 404":                  {envelopeOf(404, "NOT_FOUND", "x"), pmerr.NotFound},
		"not on a 404 without envelope": {reply{status: 404}, pmerr.NotFound},
		"not on a 401":                  {envelopeOf(401, "UNAUTHORIZED", "x"), pmerr.Unauthorized},
		"not on a 403":                  {envelopeOf(403, "FORBIDDEN", "x"), pmerr.Forbidden},
		"not on a 422":                  {envelopeOf(422, "VALIDATION_FAILED", "x"), pmerr.Validation},
		"not on a 429":                  {envelopeOf(429, "RATE_LIMIT_EXCEEDED", "x"), pmerr.RateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, sequence(tc.reply))
			c, _ := setup(t, s.url, Options{Fallback: checkout()})
			e, err := c.Registry.Get(t.Context(), "welcome", registry.Query{})
			if tc.code != "" {
				require.Equal(t, tc.code, pmerr.From(err).Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, registry.Fallback, e.Source)
		})
	}
}

func TestTheServerReplacesTheFallbackWhenItIsBack(t *testing.T) {
	t.Parallel()
	at := newClock()
	s := play(t, sequence(reply{status: 503}))
	c, _ := setup(t, s.url, Options{Fallback: checkout(), Retries: -1, Now: at.now})
	_, source := get(t, c.Registry, registry.Query{})
	require.Equal(t, registry.Fallback, source)
	get(t, c.Registry, registry.Query{})
	require.Equal(t, 1, s.count(), "a server that is down is not asked with every Get")
	at.move(refreshPause)
	text, source := get(t, c.Registry, registry.Query{})
	require.Equal(t, "ten !", text)
	require.Equal(t, registry.Fallback, source)
	settled(t, c)
	require.Equal(t, 2, s.count())
	s.turn(sequence(fileOf("a")))
	at.move(refreshPause)
	get(t, c.Registry, registry.Query{})
	settled(t, c)
	require.Empty(t, s.all()[2].header.Get("If-None-Match"))
	text, source = get(t, c.Registry, registry.Query{})
	require.Equal(t, "a !", text)
	require.Equal(t, registry.Fresh, source)
	// From now on it is the server's file that outlives an outage.
	s.turn(sequence(reply{status: 503}))
	at.move(time.Hour)
	for range 2 { // before and after the refresh that fails
		text, source = get(t, c.Registry, registry.Query{})
		require.Equal(t, "a !", text)
		require.Equal(t, registry.Stale, source)
		settled(t, c)
	}
}

func TestADeletedPromptEndsTheFallback(t *testing.T) {
	t.Parallel()
	at := newClock()
	s := play(t, sequence(reply{status: 503}))
	c, _ := setup(t, s.url, Options{Fallback: checkout(), Retries: -1, Now: at.now})
	get(t, c.Registry, registry.Query{})
	s.turn(sequence(envelopeOf(404, "NOT_FOUND", "Prompt not found")))
	at.move(refreshPause)
	get(t, c.Registry, registry.Query{})
	settled(t, c)
	_, err := c.Registry.Get(t.Context(), "welcome", registry.Query{})
	require.ErrorIs(t, err, pmerr.ErrNotFound)
}

func TestASilentServerIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	held := fileOf("a")
	held.wait = gate
	s := play(t, sequence(held))
	c, _ := setup(t, s.url, Options{Fallback: checkout(), FallbackAfter: 400 * time.Millisecond})
	text, source := get(t, c.Registry, registry.Query{})
	require.Equal(t, "ten !", text)
	require.Equal(t, registry.Fallback, source)
	begin := time.Now()
	get(t, c.Registry, registry.Query{})
	require.Less(t, time.Since(begin), 300*time.Millisecond, "only the first one waits")
	require.Equal(t, 1, s.count())
	close(gate)
	settled(t, c)
	text, source = get(t, c.Registry, registry.Query{})
	require.Equal(t, "a !", text)
	require.Equal(t, registry.Fresh, source)
}

func TestBrokenFallbackFilesAreReportedAndLeftOut(t *testing.T) {
	t.Parallel()
	files := checkout()
	for name, data := range map[string]string{
		"prompts/welcome/3.0.0.json":             `{"name":"welcome","version":"3.0.0"`,
		"prompts/welcome/3.1.0.json":             jsonPrompt("welcome", "9.9.9", "the path says otherwise"),
		"prompts/welcome/3.2.0.json":             jsonPrompt("welcome", "3.2.0", "{{#open}}"),
		"prompts/welcome/3.3.0.json":             jsonPrompt("other", "3.3.0", "the path says otherwise"),
		"prompts/welcome/3.4.0.yaml":             ":\n\t-",
		"again.json":                             jsonPrompt("welcome", "1.0.0", "a second one"),
		"not-a-prompt.json":                      `[1,2]`,
		"workspaces/bad/labels.json":             `{"welcome":"1.0.0"}`,
		"workspaces/bad/prompts/welcome/1.json":  `null`,
		"workspaces/no way/prompts/a/1.0.0.json": jsonPrompt("a", "1.0.0", "a workspace that cannot be"),
		"prompts/welcome/deeper/1.0.0.json":      jsonPrompt("welcome", "1.0.0", "too deep"),
		"prompts/stray.json":                     jsonPrompt("stray", "1.0.0", "no folder of its own"),
	} {
		files[name] = fileIn(data)
	}
	var log text
	c, _ := setup(t, "http://127.0.0.1:1", Options{Fallback: files, Retries: -1, Logger: log.logger()})
	text, _ := get(t, c.Registry, registry.Query{})
	require.Equal(t, "ten !", text, "broken files hide no good ones")
	text, _ = get(t, c.Registry, registry.Query{Version: "1.0.0"})
	require.Equal(t, "one !", text)
	for _, name := range []string{
		"prompts/welcome/3.0.0.json", "prompts/welcome/3.1.0.json", "prompts/welcome/3.2.0.json", "prompts/welcome/3.3.0.json",
		"prompts/welcome/3.4.0.yaml", "again.json", "not-a-prompt.json", "workspaces/bad/labels.json", "workspaces/bad/prompts/welcome/1.json",
	} {
		require.Contains(t, log.String(), "file="+name)
	}
	require.NotContains(t, log.String(), "README")
	require.NotContains(t, log.String(), "file=prompts/welcome/1.0.0.json")
}

// countingFS tells which files are opened.
type countingFS struct {
	fs.FS
	opened chan string
}

func (f countingFS) Open(name string) (fs.File, error) {
	f.opened <- name
	return f.FS.Open(name)
}

func TestFallbackFilesAreReadOnceAndOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	files := countingFS{checkout(), make(chan string, 1000)}
	s := play(t, sequence(fileOf("a")))
	c, _ := setup(t, s.url, Options{Fallback: files, Retries: -1})
	get(t, c.Registry, registry.Query{})
	require.Empty(t, files.opened)
	s.turn(sequence(reply{status: http.StatusBadGateway}))
	get(t, c.Registry, registry.Query{Version: "1.0.0"})
	opened := len(files.opened)
	require.NotZero(t, opened)
	get(t, c.Registry, registry.Query{Version: "1.9.0"})
	require.Len(t, files.opened, opened)
}
