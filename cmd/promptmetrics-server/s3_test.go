package main_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
)

// inBucket is the environment of a server whose prompts are in a bucket.
func inBucket(s *s3server.Server, bucket string, more ...string) []string {
	return append([]string{
		"DRIVER=s3", "S3_ENDPOINT=" + s.Endpoint(), "S3_REGION=" + s3server.Region, "S3_BUCKET=" + bucket, "S3_PREFIX=team/prompts",
		"S3_ACCESS_KEY=" + s3server.AccessKey, "S3_SECRET_KEY=" + s3server.SecretKey, "PROMPT_RECONCILE_INTERVAL_MS=50",
	}, more...)
}

func TestPromptsInABucket(t *testing.T) {
	t.Parallel()
	store := s3server.Start(t)
	bucket, dir := store.Bucket(t), t.TempDir()
	s := programs.Start(t, dir, inBucket(store, bucket)...)
	place := "prompts in s3://" + bucket + "/team/prompts at " + store.Endpoint()
	require.Contains(t, s.Out(), place)
	require.Contains(t, s.Out(), "with the same S3_ACCESS_KEY and S3_SECRET_KEY in the environment:")
	require.Contains(t, s.Out(), "DRIVER=s3 S3_ENDPOINT="+store.Endpoint()+" S3_REGION="+s3server.Region+" S3_BUCKET="+bucket+" S3_PREFIX=team/prompts")
	require.NotContains(t, s.Out()+s.Err(), s3server.SecretKey)
	key := s.Key(t)

	prompt := `{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"Hello {{name}}"}]}`
	status, answer := s.Ask(t, key, "POST", "/v1/prompts", prompt)
	require.Equal(t, http.StatusCreated, status, answer)
	require.NotContains(t, answer, "commit_sha", "a bucket has no commits")
	status, answer = s.Ask(t, key, "POST", "/v1/prompts", prompt)
	require.Equal(t, http.StatusBadRequest, status, answer)
	require.NoDirExists(t, filepath.Join(dir, "data", "prompts.git"))
	folder := filepath.Join(store.Folder(bucket), "team", "prompts", "prompts", "welcome")
	require.FileExists(t, filepath.Join(folder, "1.0.0.json"))
	_, answer = s.Ask(t, "", "GET", "/health/deep", "")
	require.Contains(t, answer, `"driverType":"s3"`)
	require.Contains(t, answer, `"status":"ok"`)

	// A person adds a version, and takes it away again.
	byHand := filepath.Join(folder, "1.1.0.json")
	require.NoError(t, os.WriteFile(byHand, []byte(strings.ReplaceAll(prompt, "1.0.0", "1.1.0")), 0o600))
	served := func(want int) func() bool {
		return func() bool {
			status, _ := s.Ask(t, key, "GET", "/v1/prompts/welcome?version=1.1.0&variables[name]=Ada", "")
			return status == want
		}
	}
	require.Eventually(t, served(http.StatusOK), 30*time.Second, 20*time.Millisecond)
	require.NoError(t, os.Remove(byHand))
	require.Eventually(t, served(http.StatusNotFound), 30*time.Second, 20*time.Millisecond)

	r := s.Run(t, "migrate")
	require.Zero(t, r.Code, r.Err)
	require.Contains(t, r.Out, place)
	r = s.Run(t, "backup", filepath.Join(dir, "backup.tar"))
	require.Zero(t, r.Code, r.Err)
	require.Contains(t, r.Err, "The prompts are in S3 and not in the backup")
	require.FileExists(t, filepath.Join(dir, "backup.tar"))

	// Another index on the same bucket finds what is there.
	other := t.TempDir()
	r = programs.Run(t, servertest.Call{Dir: other, Env: inBucket(store, bucket)}, "promptmetrics-server", "reindex")
	require.Zero(t, r.Code, r.Err)
	require.Equal(t, "Indexed 1 versions, removed 0\n", r.Out)

	// An outage is one, and ends.
	require.NoError(t, store.Halt(t.Context()))
	status, answer = s.Ask(t, key, "POST", "/v1/prompts", strings.ReplaceAll(prompt, "1.0.0", "2.0.0"))
	require.Equal(t, http.StatusServiceUnavailable, status, answer)
	require.NotContains(t, answer, "127.0.0.1")
	require.NoError(t, store.Resume(t.Context()))
	status, answer = s.Ask(t, key, "POST", "/v1/prompts", strings.ReplaceAll(prompt, "1.0.0", "2.0.0"))
	require.Equal(t, http.StatusCreated, status, answer)
	s.Signal(t, os.Interrupt)
	require.Zero(t, s.Wait(t, 30*time.Second))
}

// Two servers with an index each, on one bucket: what one publishes and deletes
// the other does too.
func TestTwoServersOnOneBucket(t *testing.T) {
	t.Parallel()
	store := s3server.Start(t)
	bucket := store.Bucket(t)
	one := programs.Start(t, t.TempDir(), inBucket(store, bucket)...)
	two := programs.Start(t, t.TempDir(), inBucket(store, bucket)...)
	keyOne, keyTwo := one.Key(t), two.Key(t)
	prompt := `{"name":"welcome","version":"1.0.0","messages":[{"role":"user","content":"Hello"}]}`
	status, answer := one.Ask(t, keyOne, "POST", "/v1/prompts", prompt)
	require.Equal(t, http.StatusCreated, status, answer)
	status, answer = two.Ask(t, keyTwo, "POST", "/v1/prompts", strings.ReplaceAll(prompt, "Hello", "Bye"))
	require.Equal(t, http.StatusBadRequest, status, "written once among all: %s", answer)

	shows := func(s *servertest.Server, key string, want int) func() bool {
		return func() bool {
			status, _ := s.Ask(t, key, "GET", "/v1/prompts/welcome", "")
			return status == want
		}
	}
	require.Eventually(t, shows(two, keyTwo, http.StatusOK), 30*time.Second, 20*time.Millisecond)
	_, answer = two.Ask(t, keyTwo, "GET", "/v1/prompts/welcome", "")
	var got struct {
		Version struct{ Author, Message string } `json:"version"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &got))
	require.NotEmpty(t, got.Version.Author, "who published it travels with it")
	require.Equal(t, "Create welcome 1.0.0", got.Version.Message)
	status, answer = two.Ask(t, keyTwo, "DELETE", "/v1/prompts/welcome", "")
	require.Less(t, status, 300, answer)
	require.Eventually(t, shows(one, keyOne, http.StatusNotFound), 30*time.Second, 20*time.Millisecond)
}

func TestWrongBuckets(t *testing.T) {
	t.Parallel()
	store := s3server.Start(t)
	bucket := store.Bucket(t)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	for _, c := range []struct{ name, env, want string }{
		{"bucket missing", "S3_BUCKET=no-such-bucket", `S3_BUCKET: "no-such-bucket" does not exist at ` + store.Endpoint() + "; make it, or name another (the server said: 404 NoSuchBucket"},
		{"bucket unset", "S3_BUCKET=", "S3_BUCKET: is empty; name the bucket that keeps the prompts"},
		{"bucket that is none", "S3_BUCKET=a/b", "S3_BUCKET: must be 3 to 63 lower-case letters"},
		{"region", "S3_REGION=mars-north-1", `S3_REGION: the bucket is in "eu-test-1", not in "mars-north-1"; name that region (the server said: `},
		{"access key", "S3_ACCESS_KEY=hunter2", "S3_ACCESS_KEY: is not known at " + store.Endpoint() + "; set a key that is (the server said: "},
		{"secret key", "S3_SECRET_KEY=hunter2", "S3_SECRET_KEY: does not belong to the S3_ACCESS_KEY; set the one that does (the server said: 403 SignatureDoesNotMatch"},
		{"half of the keys", "S3_SECRET_KEY=", "S3_ACCESS_KEY and S3_SECRET_KEY: only one is set; set both, or none to use the role of this machine"},
		{"session token", "S3_SESSION_TOKEN=hunter2", "S3_SESSION_TOKEN: is not valid, or not any more; get new temporary keys (the server said: "},
		{"endpoint where nobody listens", "S3_ENDPOINT=http://127.0.0.1:1", "S3_ENDPOINT: http://127.0.0.1:1 does not answer as S3 does: dial tcp 127.0.0.1:1: connect: connection refused; check the address and the port"},
		{"endpoint of something else", "S3_ENDPOINT=" + web.URL, "S3_ENDPOINT: " + web.URL + " does not answer as S3 does: 404; check the address and the port"},
		{"endpoint that is none", "S3_ENDPOINT=localhost:9000", "S3_ENDPOINT: must be an address such as https://s3.example.com or http://localhost:9000"},
		{"prefix", "S3_PREFIX=a/../b", "S3_PREFIX: must be at most 256 bytes of folders"},
		{"path style", "S3_PATH_STYLE=perhaps", `S3_PATH_STYLE must be true, 1, false or 0, not "perhaps"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			env := inBucket(store, bucket, "PORT=0", "HOST=127.0.0.1", c.env)
			r := programs.Run(t, servertest.Call{Dir: dir, Env: env}, "promptmetrics-server")
			require.Equal(t, 1, r.Code, r.Err)
			require.Empty(t, r.Out)
			require.True(t, strings.HasPrefix(r.Err, "promptmetrics-server: "+c.want), r.Err)
			require.Equal(t, 1, strings.Count(r.Err, "\n"), r.Err)
			require.NotContains(t, r.Err, "hunter2")
			require.NoDirExists(t, filepath.Join(dir, "data", "prompts.git"))
		})
	}
	t.Run("region on Amazon", func(t *testing.T) {
		t.Parallel()
		r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: []string{"DRIVER=s3", "S3_BUCKET=prompts"}}, "promptmetrics-server")
		require.Equal(t, "promptmetrics-server: S3_REGION: is empty, and Amazon S3 needs it: name the region of the bucket, such as eu-central-1\n", r.Err)
	})
}
