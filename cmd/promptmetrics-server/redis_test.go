package main_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
)

// redisPatience is what a busy machine may take for what should take a moment.
const redisPatience = 30 * time.Second

// Two servers on one folder and one Redis are one service.
func TestOnRedis(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t, "--requirepass", "hunter2hunter2")
	url := "redis://:hunter2hunter2@" + redis.Address() + "/2"
	dir := t.TempDir()
	env := []string{"REDIS_URL=" + url, "RATE_LIMIT_MAX_REQUESTS=200", "RATE_LIMIT_WINDOW_MS=25920000000"}
	servers := []*servertest.Server{programs.Start(t, dir, env...), programs.Start(t, dir, env...)}
	require.Contains(t, servers[0].Out(), ", limits in Redis at "+redis.Address()+"\n")
	key, other := servers[0].Key(t), servers[1].Key(t)

	// spend asks both servers by turns and tells how often they answered.
	spend := func(key string, n int) (answered int) {
		for i := range n {
			status, _ := servers[i%2].Ask(t, key, "GET", "/v1/prompts", "")
			if status == 200 {
				answered++
			} else {
				require.Equal(t, 429, status)
			}
		}
		return answered
	}
	health := func(c *assert.CollectT, s *servertest.Server) (h struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
		Nodes  int               `json:"nodes"`
	},
	) {
		status, answer := s.Ask(t, "", "GET", "/health/deep", "")
		assert.Equal(c, 200, status, answer)
		assert.NoError(c, json.Unmarshal([]byte(answer), &h))
		return h
	}
	require.Equal(t, 200, spend(key, 240), "the limit is that of the service")
	require.Equal(t, 60, spend(other, 60))
	for _, s := range servers {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			h := health(c, s)
			assert.Equal(c, 2, h.Nodes)
			assert.Equal(c, "ok", h.Checks["redis"])
		}, redisPatience, 100*time.Millisecond)
	}

	redis.Kill()
	require.Zero(t, spend(key, 20), "what was spent stays spent")
	require.InDelta(t, 140, spend(other, 200), 14, "and what was left is shared")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		h := health(c, servers[0])
		assert.Equal(c, "error", h.Checks["redis"])
		assert.Equal(c, "ok", h.Status)
	}, redisPatience, 100*time.Millisecond)

	require.NoError(t, redis.Resume(t.Context()))
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		for _, s := range servers {
			assert.Contains(c, s.Err(), "Redis answers again")
		}
	}, redisPatience, 50*time.Millisecond)
	require.Zero(t, spend(key, 20), "an empty Redis gives nothing back")
	require.LessOrEqual(t, spend(other, 40), 14)

	require.Contains(t, servers[0].Run(t, "reindex").Out, "removed 0\n")
	for _, s := range servers {
		s.Stop(t)
		said := s.Out() + s.Err()
		require.NotContains(t, said, "hunter2")
		require.Equal(t, 1, strings.Count(s.Err(), "Redis does not answer as it should"), "an outage is one line")
		require.NotContains(t, said, "pool.go")
	}
}

func TestARedisThatRefuses(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t, "--requirepass", "secret")
	for url, want := range map[string]string{
		"redis://" + redis.Address():                  "says: NOAUTH Authentication required; correct user and password",
		"redis://:hunter2@" + redis.Address():         "says: WRONGPASS invalid username-password pair or user is disabled; correct user and password",
		"redis://:secret@" + redis.Address() + "/999": "says: ERR DB index is out of range; correct the number of the database at the end",
	} {
		result := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: []string{"PORT=0", "HOST=127.0.0.1", "REDIS_URL=" + url}}, "promptmetrics-server")
		require.Equal(t, 1, result.Code)
		require.Equal(t, "promptmetrics-server: REDIS_URL: Redis at "+redis.Address()+" "+want+"\n", result.Err)
		require.Empty(t, result.Out)
	}
}
