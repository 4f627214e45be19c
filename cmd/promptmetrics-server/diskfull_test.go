//go:build linux

package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// TestDiskFull fills the disk under a server that works. Writes are refused
// with 503 and Retry-After, reads go on, nothing that was acknowledged is lost,
// and once there is room the server writes again without a restart.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	t.Run("a file system without room", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		data := filepath.Join(dir, "data")
		require.NoError(t, os.Mkdir(data, 0o700))
		if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size=96m"); err != nil {
			t.Logf("no file system can be mounted here (%v): the limit of file sizes alone stands for a full disk", err)
			return
		}
		t.Cleanup(func() { require.NoError(t, unix.Unmount(data, unix.MNT_DETACH)) })
		s := programs.Start(t, dir, "PROMPT_RECONCILE_INTERVAL_MS=1000")
		ballast := filepath.Join(data, "ballast")
		(&fullDisk{
			server: s,
			fill: func(t *testing.T) {
				t.Helper()
				f, err := os.OpenFile(ballast, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
				require.NoError(t, err)
				defer f.Close()
				for block := make([]byte, 64<<10); len(block) >= 4096; {
					if _, err := f.Write(block); err != nil {
						block = block[:len(block)/2]
					}
				}
			},
			free: func(t *testing.T) { t.Helper(); require.NoError(t, os.Remove(ballast)) },
		}).run(t)
	})
	t.Run("a limit of file sizes", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := programs.Start(t, dir)
		limit := func(t *testing.T, most uint64) {
			t.Helper()
			var old unix.Rlimit
			require.NoError(t, unix.Prlimit(s.PID(), unix.RLIMIT_FSIZE, nil, &old))
			require.NoError(t, unix.Prlimit(s.PID(), unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: old.Max}, nil))
		}
		(&fullDisk{
			server: s,
			fill:   func(t *testing.T) { t.Helper(); limit(t, 64<<10) },
			free:   func(t *testing.T) { t.Helper(); limit(t, unix.RLIM_INFINITY) },
		}).run(t)
	})
}

// fullDisk is a server whose disk can be filled and freed.
type fullDisk struct {
	server     *servertest.Server
	fill, free func(*testing.T)

	key string
	mu  *sync.Mutex
	// acknowledged are prompts and logs by name, refused how many were not.
	acknowledged map[string]bool
	refused      int
}

func (d *fullDisk) run(t *testing.T) {
	t.Helper()
	d.mu, d.acknowledged = &sync.Mutex{}, map[string]bool{}
	d.key = d.server.Key(t, "--scopes", "read,write,admin")
	for n := range 20 {
		require.Equal(t, 201, d.prompt(t, fmt.Sprintf("before-%d", n)))
		require.Equal(t, 202, d.log(t, fmt.Sprintf("before-%d", n)))
	}
	// Writers all the time: before, while and after the disk is full.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			// Not as fast as they can: the room that is made has to last.
			pace := time.NewTicker(100 * time.Millisecond)
			defer pace.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				<-pace.C
				d.prompt(t, fmt.Sprintf("w%d-%d", w, n))
				d.log(t, fmt.Sprintf("w%d-%d", w, n))
			}
		})
	}
	for round := range 2 {
		d.fill(t)
		before := d.refusals()
		require.Eventually(t, func() bool { return d.refusals() > before+20 }, 60*time.Second, time.Millisecond, "nothing is refused")
		for n := range 10 {
			status, answer := d.server.Ask(t, d.key, "GET", fmt.Sprintf("/v1/prompts/before-%d", n), "")
			require.Equal(t, 200, status, answer)
			status, answer = d.server.Ask(t, d.key, "GET", "/v1/logs?limit=10", "")
			require.Equal(t, 200, status, answer)
			status, _ = d.server.Ask(t, "", "GET", "/health", "")
			require.Equal(t, 200, status)
		}
		require.Eventually(t, func() bool { // the outcome of a check is kept for 5 s
			status, _ := d.server.Ask(t, "", "GET", "/health/deep", "")
			return status == 503
		}, 30*time.Second, 100*time.Millisecond)
		d.free(t)
		require.Eventually(t, func() bool {
			name := fmt.Sprintf("after-%d-%d", round, time.Now().UnixNano())
			return d.log(t, name) == 202 && d.prompt(t, name) == 201
		}, 60*time.Second, 20*time.Millisecond, "the server writes again once there is room")
		require.Eventually(t, func() bool {
			status, _ := d.server.Ask(t, "", "GET", "/health/deep", "")
			return status == 200
		}, 30*time.Second, 100*time.Millisecond)
	}
	stop()
	writers.Wait()
	d.check(t, d.server)
	t.Logf("%d acknowledged, %d refused", len(d.acknowledged), d.refused)
	d.server.Stop(t)
	fsck := programs.Run(t, d.server.Call, "git", "--git-dir=data/prompts.git", "fsck", "--full", "--strict")
	require.Zero(t, fsck.Code, fsck.Err)
	left, err := filepath.Glob(filepath.Join(d.server.Call.Dir, "data", "prompts.git", "objects", "pack", "unfinished_*"))
	require.NoError(t, err)
	require.Empty(t, left, "a full disk is not filled with rubbish")
	d.check(t, programs.Start(t, d.server.Call.Dir))
}

func (d *fullDisk) refusals() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// prompt publishes, and log records; each notes what came of it.
func (d *fullDisk) prompt(t *testing.T, name string) int {
	t.Helper()
	return d.send(t, "prompt "+name, "/v1/prompts", fmt.Sprintf(
		`{"name":%q,"version":"1.0.0","messages":[{"role":"user","content":"This is %s. %s"}]}`, name, name, strings.Repeat(name, 100)), 201)
}

func (d *fullDisk) log(t *testing.T, name string) int {
	t.Helper()
	return d.send(t, "log "+name, "/v1/logs", fmt.Sprintf(
		`{"prompt_name":"p","version_tag":"1.0.0","metadata":{"op":%q,"pad":%q}}`, name, strings.Repeat("x", 1000)), 202)
}

func (d *fullDisk) send(t *testing.T, what, path, body string, want int) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.server.URL+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("X-API-Key", d.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if t.Context().Err() == nil {
			t.Errorf("%s: %v", what, err)
		}
		return 0
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch res.StatusCode {
	case want:
		d.acknowledged[what] = true
	case 503:
		d.refused++
		if res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", what)
		}
		if !strings.Contains(string(answer), `"code":"SERVICE_UNAVAILABLE"`) && !strings.Contains(string(answer), `"code":"UNAVAILABLE"`) {
			t.Errorf("%s: %s", what, answer)
		}
	default:
		t.Errorf("%s answers %d: %s", what, res.StatusCode, answer)
	}
	return res.StatusCode
}

// check wants everything that was acknowledged.
func (d *fullDisk) check(t *testing.T, s *servertest.Server) {
	t.Helper()
	awaitSync(t, s)
	have := map[string]int{}
	status, answer := s.Ask(t, d.key, "GET", "/v1/logs/export", "")
	require.Equal(t, 200, status)
	for line := range strings.Lines(answer) {
		var one struct {
			Metadata map[string]string `json:"metadata"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &one))
		have["log "+one.Metadata["op"]]++
	}
	type summary struct {
		Name string `json:"name"`
	}
	for _, p := range everything[summary](t, s, d.key, "/v1/prompts") {
		have["prompt "+p.Name]++
	}
	for what := range d.acknowledged {
		require.Equal(t, 1, have[what], "%s was acknowledged", what)
	}
	for what, n := range have {
		require.Equal(t, 1, n, "%s is there twice", what)
	}
}
