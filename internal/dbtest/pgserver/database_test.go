package pgserver

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDatabases(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})

	t.Run("are islands", func(t *testing.T) {
		t.Parallel()
		one, err := s.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		two, err := s.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		run(t, connect(t, one), "CREATE TABLE mine (n int)")
		_, err = connect(t, two).Exec(t.Context(), "SELECT n FROM mine")
		require.ErrorContains(t, err, "does not exist")
	})
	t.Run("begin as a copy of their template, by DSN or by name", func(t *testing.T) {
		t.Parallel()
		template, err := s.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		conn := connect(t, template)
		run(t, conn, "CREATE TABLE seeded (n int)")
		run(t, conn, "INSERT INTO seeded VALUES (1), (2)")
		name := ask[string](t, conn, "SELECT current_database()")
		require.NoError(t, conn.Close(t.Context()))

		for _, from := range []string{template, name} {
			dsn, err := s.CreateDatabase(t.Context(), from)
			require.NoError(t, err)
			clone := connect(t, dsn)
			require.Equal(t, 2, ask[int](t, clone, "SELECT count(*) FROM seeded"))
			run(t, clone, "DELETE FROM seeded")
		}
		require.Equal(t, 2, ask[int](t, connect(t, template), "SELECT count(*) FROM seeded"))
	})
	t.Run("are made for many tests at once from one template", func(t *testing.T) {
		t.Parallel()
		template, err := s.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		const many = 12
		dsns := make([]string, many)
		errs := make([]error, many)
		var creating sync.WaitGroup
		for i := range many {
			creating.Go(func() { dsns[i], errs[i] = s.CreateDatabase(t.Context(), template) })
		}
		creating.Wait()
		seen := map[string]bool{}
		for i := range many {
			require.NoError(t, errs[i])
			require.False(t, seen[dsns[i]], "made twice: %s", dsns[i])
			seen[dsns[i]] = true
			require.Equal(t, 1, ask[int](t, connect(t, dsns[i]), "SELECT 1"))
		}
	})
	t.Run("are dropped with somebody connected", func(t *testing.T) {
		t.Parallel()
		dsn, err := s.CreateDatabase(t.Context(), "")
		require.NoError(t, err)
		conn := connect(t, dsn)
		require.NoError(t, s.DropDatabase(t.Context(), dsn))
		_, err = conn.Exec(t.Context(), "SELECT 1")
		require.Error(t, err)
		require.NoError(t, s.DropDatabase(t.Context(), dsn), "dropping twice")
	})
	t.Run("cannot be smuggled into a statement", func(t *testing.T) {
		t.Parallel()
		evil := `x"; DROP DATABASE postgres; --`
		_, err := s.CreateDatabase(t.Context(), evil)
		require.ErrorContains(t, err, "does not exist")
		require.NoError(t, s.DropDatabase(t.Context(), evil))
		require.Equal(t, 1, ask[int](t, connect(t, s.DSN("postgres")), "SELECT 1"))
	})
	t.Run("need a name", func(t *testing.T) {
		t.Parallel()
		require.ErrorContains(t, s.DropDatabase(t.Context(), ""), "names no database")
		_, err := s.CreateDatabase(t.Context(), "postgres://localhost/")
		require.ErrorContains(t, err, "names no database")
	})
}

func TestDatabaseName(t *testing.T) {
	t.Parallel()
	s := &Server{folder: &folder{sockets: "/tmp/a folder?"}, port: 20001, password: "p@ss/word"}
	for _, name := range []string{"test_1", "with space", "a/b?c", "ünï"} {
		for _, dsn := range []string{name, s.DSN(name), s.TCPDSN(name)} {
			got, err := databaseName(dsn)
			require.NoError(t, err)
			require.Equal(t, name, got, dsn)
		}
	}
	_, err := databaseName("postgres://%zz/")
	require.ErrorContains(t, err, "read a DSN")
}

func BenchmarkCreateDatabase(b *testing.B) {
	s := start(b, Options{})
	template, err := s.CreateDatabase(b.Context(), "")
	require.NoError(b, err)
	conn := connect(b, template)
	for i := range 30 {
		run(b, conn, fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, name text UNIQUE)", i))
	}
	require.NoError(b, conn.Close(b.Context()))
	for _, from := range []string{"", template} {
		b.Run(fmt.Sprintf("template=%t", from != ""), func(b *testing.B) {
			for b.Loop() {
				dsn, err := s.CreateDatabase(b.Context(), from)
				require.NoError(b, err)
				b.StopTimer()
				require.NoError(b, s.DropDatabase(b.Context(), dsn))
				b.StartTimer()
			}
		})
	}
}

func BenchmarkDropDatabase(b *testing.B) {
	s := start(b, Options{})
	for b.Loop() {
		b.StopTimer()
		dsn, err := s.CreateDatabase(b.Context(), "")
		require.NoError(b, err)
		b.StartTimer()
		require.NoError(b, s.DropDatabase(b.Context(), dsn))
	}
}
