package pgserver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// start gives a server that ends with the test.
func start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := Start(tb.Context(), o)
	if errors.Is(err, ErrNotInstalled) {
		testserver.Missing(tb, "PostgreSQL")
	}
	require.NoError(tb, err)
	tb.Cleanup(s.Stop)
	return s
}

// connect gives a connection that ends with the test.
func connect(tb testing.TB, dsn string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), dsn)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// ask gives the one value that a query answers.
func ask[T any](tb testing.TB, conn *pgx.Conn, query string) T {
	tb.Helper()
	var answer T
	require.NoError(tb, conn.QueryRow(tb.Context(), query).Scan(&answer))
	return answer
}

func run(tb testing.TB, conn *pgx.Conn, statement string) {
	tb.Helper()
	_, err := conn.Exec(tb.Context(), statement)
	require.NoError(tb, err)
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})

	t.Run("answers on the socket and on 127.0.0.1", func(t *testing.T) {
		t.Parallel()
		for _, dsn := range []string{s.DSN("postgres"), s.TCPDSN("postgres")} {
			require.Equal(t, 42, ask[int](t, connect(t, dsn), "SELECT 42"), dsn)
		}
	})
	t.Run("refuses 127.0.0.1 without its password", func(t *testing.T) {
		t.Parallel()
		config, err := pgx.ParseConfig(s.TCPDSN("postgres"))
		require.NoError(t, err)
		config.Password = "guess"
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			_ = conn.Close(t.Context())
		}
		require.ErrorContains(t, err, "password authentication failed")
	})
	t.Run("speaks UTF-8, sorts by bytes and keeps UTC", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, s.DSN("postgres"))
		require.Equal(t, "UTF8", ask[string](t, conn, "SHOW server_encoding"))
		require.Equal(t, "UTC", ask[string](t, conn, "SHOW timezone"))
		require.True(t, ask[bool](t, conn, "SELECT 'Z' < 'a'"))
	})
	t.Run("runs with the settings of a throw-away server", func(t *testing.T) {
		t.Parallel()
		conn := connect(t, s.DSN("postgres"))
		for name, want := range map[string]string{
			"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
			"max_connections": "200", "listen_addresses": "127.0.0.1",
		} {
			require.Equal(t, want, ask[string](t, conn, "SHOW "+name), name)
		}
	})
	t.Run("keeps other users out of its folder", func(t *testing.T) {
		t.Parallel()
		info, err := os.Stat(s.folder.private)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
		_, err = os.Stat(filepath.Join(s.folder.private, "password"))
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestSettingsOfTheCallerWin(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Settings: map[string]string{"statement_timeout": "50ms", "max_connections": "7"}})
	conn := connect(t, s.DSN("postgres"))
	require.Equal(t, "7", ask[string](t, conn, "SHOW max_connections"))
	_, err := conn.Exec(t.Context(), "SELECT pg_sleep(5)")
	require.ErrorContains(t, err, "statement timeout")
}

func TestTwoServersAreStrangers(t *testing.T) {
	t.Parallel()
	servers := make([]*Server, 2)
	var starting sync.WaitGroup
	for i := range servers {
		starting.Go(func() {
			s, err := Start(t.Context(), Options{})
			if err == nil {
				servers[i] = s
				t.Cleanup(s.Stop)
			} else if !errors.Is(err, ErrNotInstalled) {
				t.Errorf("start: %v", err)
			}
		})
	}
	starting.Wait()
	if servers[0] == nil || servers[1] == nil {
		testserver.Missing(t, "PostgreSQL")
	}
	one, two := connect(t, servers[0].DSN("postgres")), connect(t, servers[1].TCPDSN("postgres"))
	run(t, one, "CREATE TABLE mine (n int)")
	_, err := two.Exec(t.Context(), "SELECT n FROM mine")
	require.ErrorContains(t, err, "does not exist")
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Parent: "/tmp"}) // On a disk, which the other tests avoid.
	dsn, err := s.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	before := connect(t, dsn)
	run(t, before, "CREATE TABLE kept (n int)")
	run(t, before, "INSERT INTO kept VALUES (7)")

	require.NoError(t, s.Restart(t.Context()))

	_, err = before.Exec(t.Context(), "SELECT 1")
	require.Error(t, err, "a connection survived the restart")
	require.Equal(t, 7, ask[int](t, connect(t, dsn), "SELECT n FROM kept"))
	next, err := s.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	require.NotEqual(t, dsn, next)
}

func TestHaltedServer(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	require.NoError(t, s.Halt(t.Context()))
	require.NoError(t, s.Halt(t.Context()), "halting twice")
	for _, dsn := range []string{s.DSN("postgres"), s.TCPDSN("postgres")} {
		_, err := pgx.Connect(t.Context(), dsn)
		require.Error(t, err, dsn)
	}
	_, err := s.CreateDatabase(t.Context(), "")
	require.ErrorContains(t, err, "create a database")

	require.NoError(t, s.Resume(t.Context()))
	require.NoError(t, s.Resume(t.Context()), "resuming twice")
	require.Equal(t, 1, ask[int](t, connect(t, s.DSN("postgres")), "SELECT 1"))
}

func TestResumeAfterTheServerEndedByItself(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	require.NoError(t, s.process.Signal(immediateShutdown))
	<-s.process.Done()
	require.NoError(t, s.Resume(t.Context()))
	require.Equal(t, 1, ask[int](t, connect(t, s.DSN("postgres")), "SELECT 1"))
}

func TestStoppedServerLeavesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	require.DirExists(t, s.folder.data)
	pid := s.process.PID()
	s.Stop()
	s.Stop()
	require.NoDirExists(t, s.folder.path)
	p, err := os.FindProcess(pid)
	if err == nil {
		require.Error(t, p.Signal(fastShutdown), "process %d still lives", pid)
	}
	require.ErrorIs(t, s.Halt(t.Context()), errStopped)
	require.ErrorIs(t, s.Resume(t.Context()), errStopped)
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	parent := shortDir(t)
	tests := []struct {
		name    string
		options Options
		wants   string
	}{
		{"when a setting is unknown, with the server's words", Options{Settings: map[string]string{"no_such_setting": "1"}}, `unrecognized configuration parameter "no_such_setting"`},
		{"when the parent folder does not exist", Options{Parent: filepath.Join(parent, "none")}, "no such file or directory"},
		{"when the parent folder is too long for a socket", Options{Parent: parent + "/a-folder-with-a-name-that-no-unix-socket-could-bear"}, "too long"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.options.Parent == "" {
				test.options.Parent = parent
			}
			s, err := Start(t.Context(), test.options)
			if errors.Is(err, ErrNotInstalled) {
				testserver.Missing(t, "PostgreSQL")
			}
			if err == nil {
				s.Stop()
			}
			require.ErrorContains(t, err, test.wants)
		})
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(parent)
		require.NoError(t, err)
		require.Empty(t, left, "a failed start left its folder")
	})
}

func TestStartObeysItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s, err := Start(ctx, Options{})
	if errors.Is(err, ErrNotInstalled) {
		testserver.Missing(t, "PostgreSQL")
	}
	if err == nil {
		s.Stop()
	}
	require.Error(t, err)
	require.Error(t, ctx.Err())
}

func TestStartTakesAnotherPortWhenOneIsTaken(t *testing.T) {
	t.Parallel()
	first := start(t, Options{})
	second := start(t, Options{})
	require.NoError(t, second.Halt(t.Context()))

	own := second.port
	second.port = first.port
	_, err := second.launch(t.Context())
	require.ErrorIs(t, err, errPortTaken)
	second.port = own
	require.NoError(t, second.Resume(t.Context()))
}

// shortDir gives a folder whose path leaves room for a socket's, and which the
// server's user may enter.
func shortDir(tb testing.TB) string {
	tb.Helper()
	folder, err := os.MkdirTemp(append(memoryFolders(), "/tmp")[0], "pgtest-")
	require.NoError(tb, err)
	require.NoError(tb, os.Chmod(folder, 0o711))
	tb.Cleanup(func() { require.NoError(tb, os.RemoveAll(folder)) })
	return folder
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(b.Context(), Options{})
		if errors.Is(err, ErrNotInstalled) {
			testserver.Missing(b, "PostgreSQL")
		}
		require.NoError(b, err)
		b.StopTimer()
		s.Stop()
		b.StartTimer()
	}
}

func BenchmarkStop(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s := start(b, Options{})
		b.StartTimer()
		s.Stop()
	}
}

func BenchmarkRestart(b *testing.B) {
	s := start(b, Options{})
	for b.Loop() {
		require.NoError(b, s.Restart(b.Context()))
	}
}
