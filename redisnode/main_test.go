package redisnode_test

import (
	"bytes"
	"context"
	"log/slog"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/internal/redisserver"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

func TestMain(m *testing.M) {
	redisnode.Quiet()
	goleak.VerifyTestMain(m)
}

const (
	// patient is a time that a machine never takes, however busy it is.
	patient = 30 * time.Second
	// age is a window that no test sees the end of.
	age = 300 * 24 * time.Hour
)

// open opens a node and closes it with the test.
func open(tb testing.TB, o redisnode.Options) *redisnode.Node {
	tb.Helper()
	if o.Timeout == 0 {
		o.Timeout = patient
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = patient
	}
	n, err := redisnode.Open(tb.Context(), o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, n.Close()) })
	return n
}

func limiter(tb testing.TB, o access.LimiterOptions) *access.Limiter {
	tb.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	l, err := access.NewLimiter(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, l.Close(context.WithoutCancel(tb.Context()))) })
	return l
}

// cli gives a command to a Redis as an operator would.
func cli(tb testing.TB, s redisserver.Server, words ...string) string {
	tb.Helper()
	address := strings.Split(s.Address(), ":")
	out, err := exec.CommandContext(tb.Context(), "redis-cli", append([]string{"-h", address[0], "-p", address[1]}, words...)...).CombinedOutput()
	require.NoError(tb, err, string(out))
	return strings.TrimSpace(string(out))
}

// journal is what a logger wrote.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }
