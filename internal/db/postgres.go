package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// openLimit bounds the first look at a server, all its addresses together.
	openLimit = 8 * time.Second
	// connectLimit bounds one connection, unless the URL has a connect_timeout.
	connectLimit = 5 * time.Second
	// maxConns is how many connections the pool has, unless the URL has a
	// pool_max_conns.
	maxConns     = 20
	maxPoolConns = 1000
	connLife     = time.Hour // so that nodes come back after a failover
	connIdle     = 5 * time.Minute
)

// ownTimeouts are the server's settings for connections that we open, unless
// the URL has others: how long a statement may run and wait for a lock, and
// how long a transaction of a node that is gone may keep its locks.
func ownTimeouts() [][2]string {
	return [][2]string{
		{"statement_timeout", "30s"},
		{"lock_timeout", "10s"},
		{"idle_in_transaction_session_timeout", "30s"},
	}
}

// postgres is what we know of a PostgreSQL server and how we talk to it.
type postgres struct {
	// config makes a further connection; nil where a pool of another driver
	// was given.
	config *pgx.ConnConfig
	// prepares says that statements of constant text stay prepared on a
	// connection. Everything else is sent as it is.
	prepares bool
	// local are settings for each transaction: behind a pooler, which shares
	// connections, a session has none. Empty otherwise.
	local [][2]string
	// pooled says that a pooler stands in between.
	pooled bool
	// ours says that we opened the pool.
	ours bool
	// limit bounds a call as a whole; 0 means that nothing does.
	limit time.Duration
	pulse *pulse
	ends  farewells
	// generation moves on when the connections made so far are worth nothing.
	generation atomic.Int64
}

func (d *DB) openPostgres(ctx context.Context, c Config) error {
	p, conns, err := parsePostgres(c)
	if err != nil {
		return fmt.Errorf("Options.DatabaseURL (DATABASE_URL) %w", err)
	}
	opening, opened := context.WithTimeout(ctx, openLimit)
	defer opened()
	if err := p.greet(opening); err != nil {
		return fmt.Errorf("Options.DatabaseURL (DATABASE_URL): PostgreSQL at %s:%d, database %q, cannot be used: %s",
			p.config.Host, p.config.Port, p.config.Database, reason(err))
	}
	p.pulse = newPulse(p.config, c.Patience)
	p.pulse.fell = func() { p.generation.Add(1) }
	pool := stdlib.OpenDB(*p.config,
		stdlib.OptionAfterConnect(p.mark), stdlib.OptionShouldPing(p.worthAPing), stdlib.OptionResetSession(p.checkMark))
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxLifetime(connLife)
	pool.SetConnMaxIdleTime(connIdle)
	d.read = d.wrap(pool)
	d.write = d.read
	d.pg = p
	return nil
}

// adoptPostgres finds out about a pool that the embedding program opened.
// Its settings are the program's.
func (d *DB) adoptPostgres(ctx context.Context, c Config) error {
	p := &postgres{}
	var ms int64
	if err := c.Pool.QueryRowContext(ctx, statementTimeout).Scan(&ms); err != nil {
		return fmt.Errorf("Options.DB cannot be used: %w", err)
	}
	config, err := configOf(ctx, c.Pool)
	if err != nil && !errors.Is(err, errNotPgx) {
		return fmt.Errorf("Options.DB cannot be reached: %w", err)
	}
	p.config, p.limit, p.pulse = config, callLimit(ms), newPulse(config, c.Patience)
	d.pg = p
	return nil
}

// errNotPgx says that a pool is of another driver than pgx.
var errNotPgx = errors.New("the pool is not one of pgx")

// configOf tells how a pool of pgx makes its connections.
func configOf(ctx context.Context, pool *sql.DB) (config *pgx.ConnConfig, err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	err = conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return errNotPgx
		}
		config = c.Conn().Config()
		return nil
	})
	return config, err
}

// parsePostgres reads the URL and fills in what it leaves open.
func parsePostgres(c Config) (*postgres, int, error) {
	unreadable := errors.New("cannot be read: it must look like postgres://user:password@host:5432/database")
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, 0, unreadable // the reason repeats the URL, password and all
	}
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		cause := errors.Unwrap(err)
		if cause == nil {
			return nil, 0, unreadable
		}
		if password, _ := u.User.Password(); password != "" && strings.Contains(cause.Error(), password) {
			return nil, 0, unreadable
		}
		return nil, 0, fmt.Errorf("cannot be used: %w", cause)
	}
	conns := maxConns
	if text, set := config.RuntimeParams["pool_max_conns"]; set {
		if conns, err = strconv.Atoi(text); err != nil || conns < 2 || conns > maxPoolConns {
			return nil, 0, fmt.Errorf("has a pool_max_conns that is not a number from 2 to %d", maxPoolConns)
		}
		delete(config.RuntimeParams, "pool_max_conns")
	}
	p := &postgres{config: config, ours: true}
	if !u.Query().Has("default_query_exec_mode") {
		// Most queries are made of their values and never come back: what is
		// gained by preparing them is lost again by a round trip.
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
		p.prepares = true
	}
	for _, setting := range ownTimeouts() {
		if _, set := config.RuntimeParams[setting[0]]; !set && !strings.Contains(config.RuntimeParams["options"], setting[0]) {
			config.RuntimeParams[setting[0]] = setting[1]
		}
	}
	if _, set := config.RuntimeParams["application_name"]; !set {
		config.RuntimeParams["application_name"] = "promptmetrics"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectLimit
	}
	config.DialFunc = dialer().DialContext
	// A pooler may deliver what others asked to hear.
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
	return p, conns, nil
}

// greet makes a first connection and finds out who answers.
func (p *postgres) greet(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.config.Copy())
	if refusesParameter(err) { // as PgBouncer does
		p.behindPooler()
		conn, err = pgx.ConnectConfig(ctx, p.config.Copy())
	}
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if !p.pooled {
		pooled, err := isPooled(ctx, conn)
		if err != nil {
			return err
		}
		if pooled {
			p.behindPooler()
		}
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if query, args := setLocal(p.local); query != "" {
		if _, err := tx.Exec(ctx, rebind(PostgreSQL, query), args...); err != nil {
			return err
		}
	}
	var ms int64
	if err := tx.QueryRow(ctx, statementTimeout).Scan(&ms); err != nil {
		return err
	}
	p.limit = callLimit(ms)
	return nil
}

// refusesParameter tells that a pooler does not know a setting that the server
// would take when a connection is made.
func refusesParameter(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.Contains(pg.Message, "unsupported startup parameter")
}

// behindPooler gives up what belongs to a session: settings go into each
// transaction, and nothing stays prepared unless the URL says how.
func (p *postgres) behindPooler() {
	p.pooled, p.prepares = true, false
	for _, setting := range ownTimeouts() {
		if value, set := p.config.RuntimeParams[setting[0]]; set {
			p.local = append(p.local, [2]string{setting[0], value})
			delete(p.config.RuntimeParams, setting[0])
		}
	}
}

// statementTimeout asks how long a statement may run, in milliseconds.
const statementTimeout = "SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'"

// callLimit bounds a call of several statements, on our side: the server ends
// each of them before. Without a limit for statements there is none.
func callLimit(ms int64) time.Duration { return 2 * time.Duration(ms) * time.Millisecond }

// setLocal makes a statement that sets what holds until a transaction ends.
func setLocal(settings [][2]string) (query string, args []any) {
	for _, s := range settings {
		query += ", set_config(?, ?, true)"
		args = append(args, s[0], s[1])
	}
	if query == "" {
		return "", nil
	}
	return "SELECT " + query[2:], args
}

// reason is what went wrong, in one line; the driver's own text may hold the
// URL.
func reason(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		err = connect.Unwrap()
	}
	var said []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}
