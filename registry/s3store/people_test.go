package s3store_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// person does in a bucket what people do there with other tools.
type person struct {
	*minio.Client
	bucket string
}

func personIn(tb testing.TB, server *s3server.Server, bucket string) person {
	tb.Helper()
	c, err := minio.New(server.Address(), &minio.Options{
		Creds: credentials.NewStaticV4(s3server.AccessKey, s3server.SecretKey, ""), Region: s3server.Region,
		Transport: &http.Transport{DisableKeepAlives: true},
	})
	require.NoError(tb, err)
	return person{c, bucket}
}

func (p person) writes(tb testing.TB, path, text string) {
	tb.Helper()
	_, err := p.PutObject(tb.Context(), p.bucket, path, strings.NewReader(text), int64(len(text)), minio.PutObjectOptions{})
	require.NoError(tb, err)
}

func (p person) deletes(tb testing.TB, path string) {
	tb.Helper()
	require.NoError(tb, p.RemoveObject(tb.Context(), p.bucket, path, minio.RemoveObjectOptions{}))
}

// has tells which objects are below a folder.
func (p person) has(tb testing.TB, folder string) (keys []string) {
	tb.Helper()
	for o := range p.ListObjectsIter(tb.Context(), p.bucket, minio.ListObjectsOptions{Prefix: folder, Recursive: true}) {
		require.NoError(tb, o.Err)
		keys = append(keys, o.Key)
	}
	return keys
}

func fileOf(name, version string) registry.File {
	return registry.File{Workspace: workspace.Default(), Key: registry.Key{Name: name, Version: version}}
}

func team(tb testing.TB) workspace.ID {
	tb.Helper()
	id, err := workspace.Parse("team")
	require.NoError(tb, err)
	return id
}

// told writes a diff as text: what changed to which content.
func told(tb testing.TB, s *s3store.Store, d registry.Diff) (lines []string) {
	tb.Helper()
	for _, c := range d.Changes {
		line := fmt.Sprintf("%s %s %s %s %s", c.Workspace, c.Name, c.Version, c.Format, c.Path)
		if c.Ref == "" {
			lines = append(lines, line+" is gone")
			continue
		}
		data, err := home(s).Read(tb.Context(), c.Ref)
		require.NoError(tb, err)
		lines = append(lines, fmt.Sprintf("%s %q", line, data))
	}
	return lines
}

func diff(tb testing.TB, s *s3store.Store, since string) registry.Diff {
	tb.Helper()
	d, err := s.Diff(tb.Context(), since)
	require.NoError(tb, err)
	return d
}

func TestWhatPeopleSeeInTheBucket(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	o := on(server, server.Bucket(t))
	o.Prefix = "/shared/with others/"
	at := time.Date(2026, 3, 4, 5, 6, 7, 8_900_000, time.UTC)
	o.Now = func() time.Time { return at }
	s, ada := open(t, o), personIn(t, server, o.Bucket)
	by := registry.Signature{Author: "Ada Löve <ada@example.org>", Message: "Say hello\n\nBecause we should."}
	stored, err := home(s).Put(t.Context(), key("welcome"), []byte(`{"a":1}`), by)
	require.NoError(t, err)
	_, err = s.Workspace(team(t)).Put(t.Context(), key("farewell"), []byte(`{"b":2}`), registry.Signature{})
	require.NoError(t, err)
	require.Equal(t, []string{
		"shared/with others/prompts/welcome/1.0.0.json", "shared/with others/workspaces/team/prompts/farewell/1.0.0.json",
	}, append(ada.has(t, "shared/with others/prompts"), ada.has(t, "shared/with others/workspaces")...))

	info, err := ada.StatObject(t.Context(), o.Bucket, "shared/with others/prompts/welcome/1.0.0.json", minio.StatObjectOptions{})
	require.NoError(t, err)
	require.Equal(t, "application/json", info.ContentType)
	require.Equal(t, "Ada%20L%C3%B6ve%20%3Cada@example.org%3E", info.UserMetadata["Author"])
	require.Equal(t, "2026-03-04T05:06:07.008Z", info.UserMetadata["Created"])
	require.Equal(t, stored.Ref, info.UserMetadata["Sha256"])

	d := diff(t, s, "")
	found, err := s.Explain(t.Context(), d.Head, []registry.File{fileOf("welcome", "1.0.0"), {Workspace: team(t), Key: key("farewell")}})
	require.NoError(t, err)
	require.Equal(t, registry.Origin{Author: by.Author, Message: by.Message, At: at.Truncate(time.Millisecond)}, found[fileOf("welcome", "1.0.0")])
	require.Equal(t, "Create farewell 1.0.0", found[registry.File{Workspace: team(t), Key: key("farewell")}].Message)
	require.Equal(t, stored.At, found[fileOf("welcome", "1.0.0")].At, "the time is the same when the index is rebuilt")

	t.Run("metadata that was copied along is not of the copy", func(t *testing.T) {
		_, err := ada.CopyObject(t.Context(),
			minio.CopyDestOptions{Bucket: o.Bucket, Object: "shared/with others/prompts/copy/1.0.0.json"},
			minio.CopySrcOptions{Bucket: o.Bucket, Object: "shared/with others/prompts/welcome/1.0.0.json"})
		require.NoError(t, err)
		d := diff(t, s, d.Head)
		found, err := s.Explain(t.Context(), d.Head, []registry.File{fileOf("copy", "1.0.0")})
		require.NoError(t, err)
		require.Empty(t, found[fileOf("copy", "1.0.0")].Author)
		require.Equal(t, "Written to the bucket by other means", found[fileOf("copy", "1.0.0")].Message)
		require.WithinDuration(t, time.Now(), found[fileOf("copy", "1.0.0")].At, time.Hour)
	})
}

func TestWhatPeopleDoIsSeen(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	o := on(server, server.Bucket(t))
	s, grace := open(t, o), personIn(t, server, o.Bucket)
	first := put(t, s, "welcome", "first")
	d := diff(t, s, "")

	grace.writes(t, "prompts/by-hand/1.0.0.json", "json")
	grace.writes(t, "prompts/by-hand/1.1.0.yaml", "yaml")
	grace.writes(t, "prompts/by-hand/1.2.0.yml", "yml")
	grace.writes(t, "workspaces/team/prompts/ours/0.1.0.yaml", "of the team")
	grace.writes(t, "README.md", "ignored")
	grace.writes(t, "workspaces/team/notes.txt", "ignored")
	grace.writes(t, "prompts/folder-made-by-a-tool/", "")
	d2 := diff(t, s, d.Head)
	require.False(t, d2.Full)
	require.Empty(t, d2.Strange)
	require.Equal(t, []string{
		`default by-hand 1.0.0 json prompts/by-hand/1.0.0.json "json"`,
		`default by-hand 1.1.0 yaml prompts/by-hand/1.1.0.yaml "yaml"`,
		`default by-hand 1.2.0 yaml prompts/by-hand/1.2.0.yml "yml"`,
		`team ours 0.1.0 yaml workspaces/team/prompts/ours/0.1.0.yaml "of the team"`,
	}, told(t, s, d2))

	// What they hold counts for Put, whatever its ending is.
	_, err := home(s).Put(t.Context(), registry.Key{Name: "by-hand", Version: "1.1.0"}, []byte("other"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrConflict)
	stored, err := home(s).Put(t.Context(), registry.Key{Name: "by-hand", Version: "1.2.0"}, []byte("yml"), by("Ada"))
	require.NoError(t, err)
	require.True(t, stored.Existed)

	// A version that is overwritten is another ref; the first one is still there.
	grace.writes(t, "prompts/welcome/1.0.0.json", "second")
	grace.deletes(t, "prompts/by-hand/1.0.0.json")
	grace.writes(t, "prompts/by-hand/1.1.0.json", "shadows the yaml")
	d3 := diff(t, s, d2.Head)
	require.False(t, d3.Full)
	require.Equal(t, []string{"prompts/by-hand/1.1.0.yaml"}, d3.Strange)
	require.Equal(t, []string{
		`default by-hand 1.0.0 json prompts/by-hand/1.0.0.json is gone`,
		`default by-hand 1.1.0 json prompts/by-hand/1.1.0.json "shadows the yaml"`,
		`default welcome 1.0.0 json prompts/welcome/1.0.0.json "second"`,
	}, told(t, s, d3))
	reads(t, s, first.Ref, "first")
	for _, c := range d2.Changes {
		_, err := home(s).Read(t.Context(), c.Ref)
		require.NoError(t, err, "what was deleted and overwritten is still read")
	}
	_, err = home(s).Put(t.Context(), key("welcome"), []byte("first"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrConflict, "what counts is what is there now")

	require.Empty(t, diff(t, s, d3.Head).Changes)

	// All endings of a version go with it.
	_, err = home(s).Remove(t.Context(), []registry.Key{{Name: "by-hand", Version: "1.1.0"}}, by("Ada"))
	require.NoError(t, err)
	require.Equal(t, []string{"prompts/by-hand/1.2.0.yml"}, grace.has(t, "prompts/by-hand/"))
}

func TestOddObjectsAreNamedOnce(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	o := on(server, server.Bucket(t))
	s, eve := open(t, o), personIn(t, server, o.Bucket)
	for _, odd := range []string{
		"prompts/notes.txt", "prompts/welcome/README.md", "prompts/ünïcode/1.0.0.json", "prompts/a b/1.0.0.json",
		"prompts/welcome/deep/1.0.0.json", "workspaces/default/prompts/welcome/1.0.0.json", "workspaces/ä/prompts/welcome/1.0.0.json",
	} {
		eve.writes(t, odd, "odd")
	}
	big := bytes.Repeat([]byte("x"), 10<<20+1)
	_, err := eve.PutObject(t.Context(), o.Bucket, "prompts/huge/1.0.0.json", bytes.NewReader(big), int64(len(big)), minio.PutObjectOptions{})
	require.NoError(t, err)
	d := diff(t, s, "")
	require.Len(t, d.Strange, 7)
	require.Len(t, d.Changes, 1, "a huge file is one, so that the registry says what is wrong with it")
	_, err = home(s).Read(t.Context(), d.Changes[0].Ref)
	require.ErrorIs(t, err, pmerr.ErrTooLarge)
	_, err = home(s).Put(t.Context(), key("huge"), []byte("small"), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrConflict)

	eve.writes(t, "prompts/welcome/another.txt", "odd")
	d = diff(t, s, d.Head)
	require.Equal(t, []string{"prompts/welcome/another.txt"}, d.Strange)
	require.Empty(t, d.Changes)
}

// A bucket whose own folder was deleted serves what it had all the same.
func TestLostAndDamagedContentIsMended(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	o := on(server, server.Bucket(t))
	s, eve := open(t, o), personIn(t, server, o.Bucket)
	stored := put(t, s, "welcome", "text")
	d := diff(t, s, "")
	for _, k := range eve.has(t, ".promptmetrics/") {
		eve.deletes(t, k)
	}
	_, err := home(s).Read(t.Context(), stored.Ref)
	require.ErrorIs(t, err, pmerr.ErrNotFound)
	require.Len(t, diff(t, s, "").Changes, 1)
	reads(t, s, stored.Ref, "text")

	other := open(t, o)
	content := ".promptmetrics/content/" + stored.Ref[:2] + "/" + stored.Ref
	eve.writes(t, content, "damaged")
	_, err = home(s).Read(t.Context(), stored.Ref)
	down(t, err)
	require.ErrorContains(t, err, "damaged")
	again := put(t, s, "welcome", "text")
	require.True(t, again.Existed)
	reads(t, s, stored.Ref, "text")

	// A damaged or forged state is no state.
	eve.writes(t, ".promptmetrics/states/"+d.Head+".gz", "no state")
	require.True(t, diff(t, put2(t, other), d.Head).Full)
	eve.writes(t, ".promptmetrics/states/"+strings.Repeat("0", 64)+".gz", "no state")
	require.True(t, diff(t, other, strings.Repeat("0", 64)).Full)
}

func put2(tb testing.TB, s *s3store.Store) *s3store.Store {
	tb.Helper()
	put(tb, s, "another", "another")
	return s
}

// Files that were laid into the server's folder have no ETag; they are as good.
func TestMoreThanOnePageOfObjectsWithoutETags(t *testing.T) {
	t.Parallel()
	const many = 2060
	server := s3server.Shared(t)
	p := between(t, server)
	o := p.on(server.Bucket(t))
	folder := filepath.Join(server.Folder(o.Bucket), "prompts")
	lay := func(i int, text string) {
		dir := filepath.Join(folder, fmt.Sprintf("prompt-%d", i%20))
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("1.%d.0.json", i)), []byte(text), 0o600))
	}
	for i := range many {
		lay(i, fmt.Sprint(i))
	}
	s := open(t, o)
	d := diff(t, s, "")
	require.Len(t, d.Changes, many)
	require.Empty(t, d.Strange)

	lay(7, "changed")
	lay(many, "new")
	require.NoError(t, os.Remove(filepath.Join(folder, "prompt-0", "1.0.0.json")))
	p.clear()
	d2 := diff(t, s, d.Head)
	require.False(t, d2.Full)
	require.Len(t, d2.Changes, 3)
	seen := p.clear()
	require.Len(t, seen, 13, "what is known is not read again: %v", seen)

	// Another node knows it all from the bucket.
	other := open(t, o)
	p.clear()
	d3 := diff(t, other, d.Head)
	require.Equal(t, d2, d3)
	require.Len(t, p.clear(), 4+2, "another has looked before: its states tell all")
	d4 := diff(t, other, d3.Head)
	require.Empty(t, d4.Changes)
	require.Len(t, p.clear(), 4, "a pass in which nothing changed only lists: 3 pages of prompts, 1 of workspaces")
}

func TestOldStatesAreForgotten(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	o := on(server, server.Bucket(t))
	s, ada := open(t, o), personIn(t, server, o.Bucket)
	var heads []string
	for i := range s3store.KeepStates + 6 {
		put(t, s, fmt.Sprint("prompt-", i), "text")
		since := ""
		if i > 0 {
			since = heads[i-1]
		}
		d := diff(t, s, since)
		require.Len(t, d.Changes, 1)
		heads = append(heads, d.Head)
		// As if a minute had gone by: the server tells times by the second.
		file := filepath.Join(server.Folder(o.Bucket), ".promptmetrics", "states", d.Head+".gz")
		at := time.Now().Add(time.Duration(i-s3store.KeepStates-10) * time.Minute)
		require.NoError(t, os.Chtimes(file, at, at))
	}
	require.Len(t, ada.has(t, ".promptmetrics/states/"), s3store.KeepStates)
	put(t, s, "one-more", "text")
	other := open(t, o)
	require.True(t, diff(t, other, heads[0]).Full)
	d := diff(t, other, heads[len(heads)-10])
	require.False(t, d.Full)
	require.Len(t, d.Changes, 10)
}

// An object that changes between listing and reading does not confuse.
func TestChangesDuringADiff(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	p := between(t, server)
	o := p.on(server.Bucket(t))
	s, eve := open(t, o), personIn(t, server, o.Bucket)
	eve.writes(t, "prompts/goes/1.0.0.json", "goes")
	eve.writes(t, "prompts/changes/1.0.0.json", "before")
	p.spoil("GET", "/prompts/goes/", 1, func(p *proxy, w http.ResponseWriter, r *http.Request) {
		eve.deletes(t, "prompts/goes/1.0.0.json")
		p.reverse.ServeHTTP(w, r)
	})
	p.spoil("GET", "/prompts/changes/", 1, func(p *proxy, w http.ResponseWriter, r *http.Request) {
		eve.writes(t, "prompts/changes/1.0.0.json", "after")
		p.reverse.ServeHTTP(w, r)
	})
	d := diff(t, s, "")
	require.Equal(t, []string{`default changes 1.0.0 json prompts/changes/1.0.0.json "after"`}, told(t, s, d))
	d = diff(t, s, d.Head)
	require.Empty(t, d.Changes, "whatever the exact time was, the content is known")
	require.Empty(t, diff(t, s, d.Head).Changes)
}

func TestACallThatIsCancelledStops(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	p := between(t, server)
	s := open(t, p.on(server.Bucket(t)))
	ctx, cancel := context.WithCancel(t.Context())
	p.spoil("PUT", "/prompts/", -1, func(_ *proxy, w http.ResponseWriter, r *http.Request) {
		cancel()
		hangs(nil, w, r)
	})
	_, err := home(s).Put(ctx, key("welcome"), []byte("text"), by("Ada"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
}
