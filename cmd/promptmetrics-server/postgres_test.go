package main_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest/pgserver"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// postgres gives the URL of an empty PostgreSQL database.
func postgres(t *testing.T) string {
	t.Helper()
	server, err := pgserver.Start(t.Context(), pgserver.Options{})
	if errors.Is(err, pgserver.ErrNotInstalled) {
		testserver.Missing(t, "PostgreSQL")
	}
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	url, err := server.CreateDatabase(t.Context(), "")
	require.NoError(t, err)
	return url
}

func TestOnPostgreSQL(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	dir := t.TempDir()
	one, two := programs.Start(t, dir, "DATABASE_URL="+url), programs.Start(t, dir, "DATABASE_URL="+url)
	require.Contains(t, one.Out(), ", database in PostgreSQL\n")
	require.Contains(t, one.Out(), "Make one in another terminal, with the same DATABASE_URL in the environment:\n")
	require.NotContains(t, one.Out()+one.Err()+two.Out()+two.Err(), url)

	key := one.Key(t)
	publish(t, one, key, "1.0.0")
	for _, s := range []*servertest.Server{one, two} {
		status, answer := s.Ask(t, key, "GET", "/v1/prompts/welcome?variables[name]=Ada", "")
		require.Equal(t, 200, status, answer)
	}
	require.Zero(t, one.Run(t, "migrate").Code)
	require.Contains(t, one.Run(t, "seed-demo").Out, "8 prompt versions, 6 labels, 400 logs, 6 traces, 8 runs")
	require.Contains(t, one.Run(t, "reindex").Out, "Indexed 0 versions, removed 0\n")
	one.Stop(t)
	two.Stop(t)
}
