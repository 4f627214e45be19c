package testserver

import (
	"os"
	"testing"
)

// OmittedVariable names the environment variable that holds the path of the
// file in which [Missing] lists what a run of the tests left out.
const OmittedVariable = "PROMPTMETRICS_TEST_OMITTED"

// Missing ends a test that needs something this machine lacks, for example
// "PostgreSQL". With CI=true in the environment it fails the test, because a run
// of CI must leave nothing out. Elsewhere it notes the omission and skips.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	missing(tb, what, os.Getenv)
}

func missing(tb testing.TB, what string, env func(string) string) {
	tb.Helper()
	if env("CI") == "true" {
		tb.Fatalf("%s is missing, and CI may leave out no test", what)
	}
	if list := env(OmittedVariable); list != "" {
		if err := note(list, what+"\t"+tb.Name()+"\n"); err != nil {
			tb.Fatalf("note that %s is missing: %v", what, err)
		}
	}
	tb.Skipf("%s is missing on this machine", what)
}

// note appends a line with one write, so that lines of several test processes
// do not mix.
func note(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(line); err != nil {
		_ = f.Close() // The write's error tells more.
		return err
	}
	return f.Close()
}
