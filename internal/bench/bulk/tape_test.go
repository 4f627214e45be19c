package bulk_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/internal/sqlstore"
)

// tape is a second process on a database, which writes down what it asks about
// logs.
type tape struct {
	*filled
	conn *pgx.Conn // that explains

	mu    sync.Mutex
	asked []pgx.TraceQueryStartData
}

func newTape(t *testing.T, url string) *tape {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	tp := &tape{}
	tp.conn, err = pgx.ConnectConfig(t.Context(), config.Copy())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tp.conn.Close(context.Background())) })
	config.Tracer = tp
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	d := dbtest.OpenConfig(t, db.Config{Dialect: db.PostgreSQL, Pool: pool, Now: time.Now})
	s := sqlstore.New(d)
	t.Cleanup(s.Close)
	tp.filled = &filled{s, d, url}
	return tp
}

func (tp *tape) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if strings.Contains(data.SQL, "pm_logs") {
		tp.asked = append(tp.asked, data)
	}
	return ctx
}

func (tp *tape) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// during gives the statements about logs of a call.
func (tp *tape) during(t *testing.T, do func() error) []pgx.TraceQueryStartData {
	t.Helper()
	tp.mu.Lock()
	tp.asked = nil
	tp.mu.Unlock()
	require.NoError(t, do())
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return tp.asked
}

// explain is the plan of a statement.
func (tp *tape) explain(t *testing.T, statement pgx.TraceQueryStartData) string {
	t.Helper()
	rows, err := tp.conn.Query(t.Context(), "EXPLAIN "+statement.SQL, statement.Args...)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}
