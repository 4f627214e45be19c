package arrows

import (
	"bytes"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/promptmetrics-go/promptmetrics"
	top    = "../.." // the module's folder, as seen from this one
)

// Import paths that a package may not bring along. Each stands for itself and
// for all below it.
var (
	databases = []string{"modernc.org", "github.com/mattn/go-sqlite3", "github.com/uptrace/bun", "github.com/jackc"}
	stores    = []string{"github.com/go-git", "github.com/minio"}
	caches    = []string{"github.com/redis"}
	handlers  = []string{"github.com/danielgtaylor/huma", "github.com/swaggest"}
	scrapes   = []string{"github.com/prometheus"}
	// exporters are what OpenTelemetry brings along.
	exporters = []string{"go.opentelemetry.io", "google.golang.org/protobuf"}
	programs  = []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/joho/godotenv"}
	above     = []string{
		module + "/internal/db", module + "/internal/sqlstore", module + "/internal/access",
		module + "/registry/gitstore", module + "/registry/s3store",
		module + "/httpapi", module + "/dashboard", module + "/cmd", module + "/redisnode",
	}
	grpc  = []string{"google.golang.org/grpc", "google.golang.org/genproto", "go.opentelemetry.io/proto/otlp/collector"}
	heavy = all(databases, stores, caches, handlers, scrapes, programs, above)
)

// siblings gives the import paths of folders of this module.
func siblings(folders ...string) []string {
	paths := make([]string, 0, len(folders))
	for _, folder := range folders {
		paths = append(paths, module+"/"+folder)
	}
	return paths
}

func all(lists ...[]string) []string {
	var joined []string
	for _, list := range lists {
		joined = append(joined, list...)
	}
	return joined
}

// rules name a folder and what its package may not bring along. A folder that
// does not exist fails the test, so that no rule outlives its package unseen.
var rules = []struct {
	folder string
	never  []string
}{
	{"census", all(heavy, siblings("pmerr", "workspace", "page", "registry", "telemetry", "access", "client"))},
	{"requestid", all(heavy, siblings("pmerr", "workspace", "page", "registry", "telemetry", "access", "client"))},
	{"pmerr", all(heavy, siblings("workspace", "page", "registry", "telemetry", "access", "client"))},
	{"workspace", all(heavy, siblings("page", "registry", "telemetry", "access", "client"))},
	{"page", all(heavy, siblings("workspace", "registry", "telemetry", "access", "client"))},
	{"access", all(heavy, siblings("registry", "telemetry", "client"))},
	{"registry", all(heavy, siblings("telemetry", "eval", "abtest", "compliance", "playground", "client"))},
	{"telemetry/otelexport", all(heavy, grpc, siblings("registry", "eval", "abtest", "compliance", "playground", "client"))},
	{"telemetry/jsonlines", all(heavy, exporters, siblings("registry", "eval", "abtest", "compliance", "playground", "client"))},
	{"telemetry", all(heavy, exporters, siblings("registry", "eval", "abtest", "compliance", "playground", "client"))},
	{"telemetry/otlp", all(heavy, grpc, siblings("registry", "eval", "abtest", "compliance", "playground", "client"), []string{"go.opentelemetry.io"})},
	{"compliance", all(heavy, siblings("telemetry", "eval", "abtest", "playground", "client", "compliance/builtin"))},
	{"compliance/detect", all(heavy, siblings("pmerr", "registry", "telemetry", "eval", "playground", "client"))},
	{"eval", all(heavy, siblings("telemetry", "abtest", "compliance", "playground", "metrics", "budget", "client"))},
	{"eval/scorer", all(heavy, siblings("telemetry", "abtest", "playground", "metrics", "budget", "client"))},
	{"abtest", all(heavy, siblings("telemetry", "compliance", "playground", "metrics", "budget", "client"))},
	{"abtest/stats", all(heavy, siblings("workspace", "page", "registry", "telemetry", "access", "eval", "client"))},
	{"metrics", all(heavy, siblings("registry", "eval", "abtest", "compliance", "playground", "budget", "client"))},
	{"budget", all(heavy, siblings("registry", "telemetry", "eval", "abtest", "compliance", "playground", "metrics", "client"))},
	{"retention", all(heavy, siblings("registry", "telemetry", "eval", "abtest", "compliance", "playground", "metrics", "budget", "client"))},
	{"playground", all(heavy, siblings("eval", "abtest", "compliance", "metrics", "budget", "client"))},
	{"registry/internal/layout", all(heavy, siblings("telemetry", "eval", "compliance", "playground", "client"))},
	{"registry/s3store", all(databases, []string{"github.com/go-git"}, handlers, programs, siblings("internal/db", "internal/sqlstore", "registry/gitstore", "httpapi", "telemetry", "eval", "client"))},
	{"client", all(heavy, exporters)},
	{"redisnode", all(databases, stores, handlers, scrapes, programs, siblings("internal/db", "internal/sqlstore", "registry/gitstore", "httpapi", "client", "cmd"))},
	// The root wires databases and git; a program that wants S3, Redis or
	// OpenTelemetry opens it. It wires neither HTTP handlers nor programs.
	{".", all([]string{"github.com/minio", "go.opentelemetry.io"}, caches, handlers, scrapes, programs, siblings("redisnode", "telemetry/otelexport", "httpapi", "client", "dashboard", "prom", "cmd"))},
	{"httpapi", all(scrapes, programs, siblings("client", "dashboard", "prom", "cmd"))},
	{"prom", all(programs, siblings("client", "dashboard", "cmd"))},
}

func TestArrows(t *testing.T) {
	t.Parallel()
	watch(t)
	for _, rule := range rules {
		t.Run(rule.folder, func(t *testing.T) {
			t.Parallel()
			imports, err := imports(t, rule.folder)
			require.NoError(t, err)
			for _, found := range offenders(imports, rule.never) {
				t.Errorf("%s brings along %s; run: go mod why -m, or go list -deps ./%s", rule.folder, found, rule.folder)
			}
		})
	}
}

func TestArrowsSeeWhatIsImportedIndirectly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		folder string
		never  []string
	}{
		{"internal/sqlstore", []string{"modernc.org", "github.com/jackc", module + "/internal/db"}},
		{"registry/gitstore", []string{"github.com/go-git", module + "/registry"}},
		{"registry/s3store", []string{"github.com/minio", module + "/registry"}},
	}
	for _, test := range tests {
		t.Run(test.folder, func(t *testing.T) {
			t.Parallel()
			imports, err := imports(t, test.folder)
			require.NoError(t, err)
			for _, path := range test.never {
				require.NotEmpty(t, offenders(imports, []string{path}), path)
			}
		})
	}
	t.Run("and fail for a folder that is not there", func(t *testing.T) {
		t.Parallel()
		_, err := imports(t, "no-such-package")
		require.ErrorContains(t, err, "no-such-package")
	})
}

func TestOffenders(t *testing.T) {
	t.Parallel()
	imports := []string{"example.com/a", "example.com/a/b", "example.com/ab", "fmt"}
	require.Equal(t, []string{"example.com/a", "example.com/a/b"}, offenders(imports, []string{"example.com/a"}))
	require.Equal(t, []string{"example.com/a/b"}, offenders(imports, []string{"example.com/a/b", "example.com/c"}))
	require.Empty(t, offenders(imports, []string{"example.com/abc", "exam"}))
}

// offenders gives the imports that are, or are below, a path in never.
func offenders(imports, never []string) []string {
	var found []string
	for _, path := range imports {
		for _, root := range never {
			if path == root || strings.HasPrefix(path, root+"/") {
				found = append(found, path)
				break
			}
		}
	}
	return found
}

// imports gives every package that the one in folder is built from.
func imports(tb testing.TB, folder string) ([]string, error) {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "go", "list", "-deps", "./"+folder)
	cmd.Dir = top
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, errors.Join(err, errors.New(said.String()))
	}
	return strings.Fields(out.String()), nil
}

// watch reads every folder of the module. The go command repeats a test only
// when a file that the test itself looked at has changed, and go list looks for
// its own account.
func watch(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // Removed while we looked.
		}
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != top && (strings.HasPrefix(name, ".") || name == "bin" || name == "data") {
			return fs.SkipDir
		}
		return nil
	}))
}

// The validator of JSON schemas is behind its one door, eval/scorer.
func TestOnlyScorersBringJSONSchemas(t *testing.T) {
	t.Parallel()
	watch(t)
	schemas := []string{"github.com/santhosh-tekuri/jsonschema"}
	for _, folder := range []string{"eval", "client"} {
		imports, err := imports(t, folder)
		require.NoError(t, err)
		require.Empty(t, offenders(imports, schemas), folder)
	}
	imports, err := imports(t, "eval/scorer")
	require.NoError(t, err)
	require.NotEmpty(t, offenders(imports, schemas))
}
