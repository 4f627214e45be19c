package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

func TestWrongValues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prices.json"), []byte(`{"updated":"2026-01-31","currency":"EUR","unit":"1M tokens","providers":{}}`), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "work"), 0o700))
	require.Zero(t, programs.Run(t, servertest.Call{Dir: dir}, "git", "init", "-q", "work").Code)

	for _, c := range []struct{ name, env, want string }{
		{"PORT no number", "PORT=http", `PORT must be an integer from 0 to 65535, not "http"`},
		{"PORT too large", "PORT=65536", `PORT must be an integer from 0 to 65535, not "65536"`},
		{"HOST with a port", "HOST=localhost:3000", `HOST must be an address or a host name without a port, such as 127.0.0.1, not "localhost:3000"`},
		{"HOST is an address of the web", "HOST=http://x/", `HOST must be an address or a host name without a port, such as 127.0.0.1, not "http://x/"`},
		{"DRIVER empty", "DRIVER=", "DRIVER is empty: set it to filesystem, github or s3, or remove it"},
		{"DRIVER unknown", "DRIVER=floppy", `DRIVER must be filesystem, github or s3, not "floppy"`},
		{"REDIS_URL of another kind, and not shown", "REDIS_URL=http://:hunter2@x", "REDIS_URL must look like redis://user:password@host:6379/0, or rediss:// for TLS"},
		{"REDIS_URL with a database that is no number", "REDIS_URL=redis://:hunter2@x/hunter2", "REDIS_URL must end with the number of a database, such as /0, or with nothing"},
		{"REDIS_URL with an option of another program", "REDIS_URL=redis://:hunter2@x?family=6", "REDIS_URL has an option behind the question mark that is not understood"},
		{"REDIS_URL where nobody listens", "REDIS_URL=redis://:hunter2@127.0.0.1:1", "REDIS_URL: Redis at 127.0.0.1:1 says: connection refused; correct the host and port, or start it"},
		{"OTEL_ENABLED no boolean", "OTEL_ENABLED=maybe", `OTEL_ENABLED must be true, 1, false or 0, not "maybe"`},
		{"METRICS_ADDR without a port", "METRICS_ADDR=localhost", `METRICS_ADDR must be host:port, such as 127.0.0.1:9464, or :9464 for every network interface, not "localhost"`},
		{"METRICS_ADDR with a service", "METRICS_ADDR=localhost:http", `METRICS_ADDR must be host:port, such as 127.0.0.1:9464, or :9464 for every network interface, not "localhost:http"`},
		{"METRICS_ADDR beyond ports", "METRICS_ADDR=:65536", `METRICS_ADDR must be host:port, such as 127.0.0.1:9464, or :9464 for every network interface, not ":65536"`},
		{"METRICS_ADDR as a URL", "METRICS_ADDR=http://localhost:9464", `METRICS_ADDR must be host:port, such as 127.0.0.1:9464, or :9464 for every network interface, not "http://localhost:9464"`},
		{"LOG_REQUESTS", "LOG_REQUESTS=some", `LOG_REQUESTS must be true, false or errors, not "some"`},
		{"GIT_REMOTE_URL, short for ssh", "GIT_REMOTE_URL=git@x:y", "GIT_REMOTE_URL cannot be read: it must look like https://host/owner/prompts.git"},
		{"DATABASE_URL of another kind, and not shown", "DATABASE_URL=mysql://root:hunter2@x", "DATABASE_URL must start with postgres:// or postgresql://; remove it to use SQLite"},
		{"DATABASE_URL unreadable, and not shown", "DATABASE_URL=postgres://root:hunter2@[::1", "DATABASE_URL cannot be read: it must look like postgres://user:password@host:5432/database"},
		{"DATABASE_URL where nobody listens", "DATABASE_URL=postgres://root:hunter2@127.0.0.1:1/db", ""},
		{"API_KEY_SALT short, and not shown", "API_KEY_SALT=hunter2hunter2", "API_KEY_SALT must be at least 16 characters, it has 14; set a longer random value, and keep it: keys made under another salt stop working"},
		{"API_KEY_SALT empty", "API_KEY_SALT=", "API_KEY_SALT must be at least 16 characters, it has 0; set a longer random value, and keep it: keys made under another salt stop working"},
		{"RATE_LIMIT_MAX_REQUESTS zero", "RATE_LIMIT_MAX_REQUESTS=0", `RATE_LIMIT_MAX_REQUESTS must be an integer from 1 to 1000000000000000, not "0"`},
		{"RATE_LIMIT_WINDOW_MS negative", "RATE_LIMIT_WINDOW_MS=-1", `RATE_LIMIT_WINDOW_MS must be an integer from 1 to 31622400000, not "-1"`},
		{"API_KEY_LAST_USED_DEBOUNCE_MS no number", "API_KEY_LAST_USED_DEBOUNCE_MS=1m", `API_KEY_LAST_USED_DEBOUNCE_MS must be an integer from 0 to 31622400000, not "1m"`},
		{"PROMPT_RECONCILE_INTERVAL_MS too small", "PROMPT_RECONCILE_INTERVAL_MS=1", `PROMPT_RECONCILE_INTERVAL_MS must be an integer from 10 to 31622400000, not "1"`},
		{"RETENTION_DAYS a fraction", "RETENTION_DAYS=0.5", `RETENTION_DAYS must be an integer from 0 to 36500, not "0.5"`},
		{"COMPLIANCE_PROVIDER unknown", "COMPLIANCE_PROVIDER=magic", `COMPLIANCE_PROVIDER must be builtin, llm-guard or lakera, not "magic"`},
		{"LOG_LEVEL unknown", "LOG_LEVEL=loud", `LOG_LEVEL must be debug, info, warn or error, not "loud"`},
		{"LOG_FORMAT unknown", "LOG_FORMAT=xml", `LOG_FORMAT must be text or json, not "xml"`},
		{"TRUST_PROXY no boolean", "TRUST_PROXY=yes", `TRUST_PROXY must be true, 1, false or 0, not "yes"`},
		{"a long value that would disturb the terminal", "PORT=\x1b[2J" + strings.Repeat("a", 40), `PORT must be an integer from 0 to 65535, not "\x1b[2Jaaaaaaaaaaaaaaaaaaaaaaaaaaaa…"`},
		{"PRICES_PATH missing", "PRICES_PATH=none.json", `PRICES_PATH: the price file "none.json" cannot be read: no such file or directory`},
		{"PRICES_PATH wrong", "PRICES_PATH=prices.json", `PRICES_PATH: currency: must be "USD": convert the prices`},
		{"DATA_DIR is a file", "DATA_DIR=file", "DATA_DIR: the data folder cannot be made: mkdir file: not a directory; make it, or choose another with DATA_DIR"},
		{"SQLITE_PATH is a folder", "SQLITE_PATH=.", ""},
		{"SQLITE_PATH is no database", "SQLITE_PATH=prices.json", ""},
		{"PROMPTS_PATH is a working copy", "PROMPTS_PATH=work", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := []string{"PORT=0", "HOST=127.0.0.1", "DATA_DIR=" + t.TempDir(), c.env}
			r := programs.Run(t, servertest.Call{Dir: dir, Env: env}, "promptmetrics-server")
			require.Equal(t, 1, r.Code, r.Err)
			require.Empty(t, r.Out)
			require.Equal(t, 1, strings.Count(strings.TrimSpace(r.Err), "promptmetrics-server: "), r.Err)
			require.NotContains(t, r.Err, "hunter2")
			variable, _, _ := strings.Cut(c.env, "=")
			require.Contains(t, r.Err, "promptmetrics-server: "+variable)
			if c.want != "" {
				require.Equal(t, "promptmetrics-server: "+c.want+"\n", r.Err)
			}
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		t.Parallel()
		env := []string{"PORT=x", "DRIVER=floppy", "LOG_LEVEL=x", "RETENTION_DAYS=x", "DATABASE_URL=x", "API_KEY_SALT=x"}
		r := programs.Run(t, servertest.Call{Dir: dir, Env: env}, "promptmetrics-server")
		require.Equal(t, 1, r.Code)
		for _, e := range env {
			variable, _, _ := strings.Cut(e, "=")
			require.Contains(t, r.Err, "promptmetrics-server: "+variable)
		}
		require.Equal(t, len(env), strings.Count(r.Err, "\n"))
	})
}

func TestProvidersAndTheScannerNeedTheirVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"llm-guard without an address", []string{"COMPLIANCE_PROVIDER=llm-guard"}, "COMPLIANCE_SCANNER_URL must be set when COMPLIANCE_PROVIDER is llm-guard, such as http://llm-guard:8000"},
		{"llm-guard at no address", []string{"COMPLIANCE_PROVIDER=llm-guard", "COMPLIANCE_SCANNER_URL=http://u:hunter2@x"}, "COMPLIANCE_SCANNER_URL must be an address such as http://llm-guard:8000, without user, query and fragment"},
		{"an address of a provider that is none", []string{"OPENAI_API_KEY=hunter2", "OPENAI_BASE_URL=ftp://nowhere"}, "OPENAI_BASE_URL must start with http:// or https://"},
		{"a key that no header carries", []string{"ANTHROPIC_API_KEY=hunter2 b"}, "ANTHROPIC_API_KEY has characters that no key has, such as spaces or line ends"},
		{"azure without its address", []string{"AZURE_OPENAI_API_KEY=hunter2"}, "AZURE_OPENAI_BASE_URL is missing: AZURE_OPENAI_API_KEY needs the address of the resource, such as https://NAME.openai.azure.com"},
		{"a budget that is no number", []string{"DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD=plenty"}, `DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD must be a number of US dollars from 0, such as 100, not "plenty"`},
		{"a budget below zero", []string{"DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD=-1"}, `DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD must be a number of US dollars from 0, such as 100, not "-1"`},
		{"lakera without a key", []string{"COMPLIANCE_PROVIDER=lakera"}, "LAKERA_API_KEY must be set when COMPLIANCE_PROVIDER is lakera"},
		{"lakera with a broken key", []string{"COMPLIANCE_PROVIDER=Lakera", "LAKERA_API_KEY=hunter2 x"}, "LAKERA_API_KEY must be a key of Lakera Guard, printable and without spaces"},
		{"lakera at no address", []string{"COMPLIANCE_PROVIDER=lakera", "LAKERA_API_KEY=hunter2", "COMPLIANCE_SCANNER_URL=x"}, "COMPLIANCE_SCANNER_URL must be an address such as https://api.lakera.ai, without user, query and fragment; remove it for that one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"PORT=0", "HOST=127.0.0.1", "DATA_DIR=" + t.TempDir()}, c.env...)
			r := programs.Run(t, servertest.Call{Dir: t.TempDir(), Env: env}, "promptmetrics-server")
			require.Equal(t, 1, r.Code)
			require.Equal(t, "promptmetrics-server: "+c.want+"\n", r.Err)
			require.NotContains(t, r.Err, "hunter2")
		})
	}
}

func TestEmptyVariablesCountAsUnset(t *testing.T) {
	t.Parallel()
	var env []string
	for _, name := range []string{
		"DATA_DIR", "SQLITE_PATH", "DATABASE_URL", "PROMPTS_PATH", "RATE_LIMIT_WINDOW_MS", "API_KEY_LAST_USED_DEBOUNCE_MS",
		"PROMPT_RECONCILE_INTERVAL_MS", "GITHUB_WEBHOOK_SECRET", "LOG_LEVEL", "LOG_FORMAT", "RETENTION_DAYS", "PRICES_PATH",
		"COMPLIANCE_PROVIDER", "COMPLIANCE_SCANNER_URL", "COMPLIANCE_SCANNER_TOKEN", "LAKERA_API_KEY", "REDIS_URL", "OTEL_ENABLED", "LOG_METADATA_STDOUT", "METRICS_ADDR", "LOG_REQUESTS", "GIT_REMOTE_URL", "TRUST_PROXY",
	} {
		env = append(env, name+"=")
	}
	dir := t.TempDir()
	s := programs.Start(t, dir, env...)
	require.FileExists(t, filepath.Join(dir, "data", "promptmetrics.db"))
	require.DirExists(t, filepath.Join(dir, "data", "prompts.git"))
	require.Contains(t, s.Out(), "&& promptmetrics-server create-key", "what is empty needs no mention")
}

func TestDotenv(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, text string) string {
		t.Helper()
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte(text), 0o600))
		return dir
	}

	t.Run("is read, and the real environment wins", func(t *testing.T) {
		t.Parallel()
		dir := write(t, "# ours\nexport DATA_DIR=from-file\nPORT=1 # a privileged one\nGITHUB_WEBHOOK_SECRET='a b'\n")
		s := programs.Start(t, dir)
		require.DirExists(t, filepath.Join(dir, "from-file"))
		status, answer := s.Ask(t, "", "POST", "/webhooks/github", "{}")
		require.Equal(t, 401, status, "the webhook has its secret, and misses the signature: %s", answer)
	})
	t.Run("its values are checked like others", func(t *testing.T) {
		t.Parallel()
		r := programs.Run(t, servertest.Call{Dir: write(t, "DRIVER=floppy\n")}, "promptmetrics-server")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics-server: DRIVER must be filesystem, github or s3, not \"floppy\"\n", r.Err)
	})
	t.Run("a line that is not understood is named, and nothing of it is shown", func(t *testing.T) {
		t.Parallel()
		r := programs.Run(t, servertest.Call{Dir: write(t, "PORT=3000\r\n\r\nthis is no-assignment=x\nAPI_KEY_SALT=hunter2hunter2hunter2\n")}, "promptmetrics-server")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics-server: .env in the working folder is not understood (line 3): write one NAME=value a line\n", r.Err)
	})
	t.Run("one that is none is refused", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, ".env"), 0o700))
		r := programs.Run(t, servertest.Call{Dir: dir}, "promptmetrics-server")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "promptmetrics-server: .env in the working folder cannot be read: is a directory\n", r.Err)
	})
	t.Run("one that is too large is refused", func(t *testing.T) {
		t.Parallel()
		r := programs.Run(t, servertest.Call{Dir: write(t, strings.Repeat("#\n", 40_000))}, "promptmetrics-server")
		require.Equal(t, "promptmetrics-server: .env in the working folder is larger than 64 KiB\n", r.Err)
	})
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"an unknown command", []string{"serv"}, 2, "promptmetrics-server: unknown command \"serv\" for \"promptmetrics-server\"\nSee: promptmetrics-server --help\n"},
		{"an unknown flag", []string{"--port", "1"}, 2, "promptmetrics-server: unknown flag: --port\nSee: promptmetrics-server --help\n"},
		{"create-key without a name", []string{"create-key"}, 2, "promptmetrics-server: required flag(s) \"name\" not set\nSee: promptmetrics-server create-key --help\n"},
		{"create-key with an unknown scope", []string{"create-key", "--name", "x", "--scopes", "read,fly"}, 2, "promptmetrics-server: scopes must be among read, write, admin; got \"fly\"\nSee: promptmetrics-server create-key --help\n"},
		{"create-key with a wrong workspace", []string{"create-key", "--name", "x", "--workspace", "a b"}, 2, "promptmetrics-server: --workspace must be '*', or 1 to 128 letters, digits, '_' or '-'\nSee: promptmetrics-server create-key --help\n"},
		{"create-key with an expiry in the past", []string{"create-key", "--name", "x", "--expires-in-days", "-1"}, 2, "promptmetrics-server: --expires-in-days must be at least 1; leave it out for a key that never expires\nSee: promptmetrics-server create-key --help\n"},
		{"create-key with an expiry of nothing", []string{"create-key", "--name", "x", "--expires-in-days", "0"}, 2, "promptmetrics-server: --expires-in-days must be at least 1; leave it out for a key that never expires\nSee: promptmetrics-server create-key --help\n"},
		{"backup without a file", []string{"backup"}, 2, "promptmetrics-server: accepts 1 arg(s), received 0\nSee: promptmetrics-server backup --help\n"},
		{"seed-demo with a wrong workspace", []string{"seed-demo", "--workspace", "*"}, 2, "promptmetrics-server: workspace id must be 1 to 128 letters, digits, '_' or '-'\nSee: promptmetrics-server seed-demo --help\n"},
		{"health without time", []string{"health", "--timeout", "0s"}, 2, "promptmetrics-server: --timeout must be positive, such as 3s\nSee: promptmetrics-server health --help\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := programs.Run(t, servertest.Call{Dir: t.TempDir()}, "promptmetrics-server", c.args...)
			require.Equal(t, servertest.Result{Err: c.want, Code: c.code}, r)
		})
	}
	t.Run("help and version are answers", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"--help"}, {"backup", "--help"}, {"--version"}} {
			r := programs.Run(t, servertest.Call{Dir: t.TempDir()}, "promptmetrics-server", args...)
			require.Zero(t, r.Code)
			require.NotEmpty(t, r.Out)
			require.Empty(t, r.Err)
		}
	})
	t.Run("the help names what can be set, in lines that fit", func(t *testing.T) {
		t.Parallel()
		help := programs.Run(t, servertest.Call{Dir: t.TempDir()}, "promptmetrics-server", "--help").Out
		for _, name := range []string{
			"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "COHERE_API_KEY", "OLLAMA_BASE_URL", "AZURE_OPENAI_BASE_URL", "OPENAI_COMPATIBLE_BASE_URL",
			"DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD", "COMPLIANCE_PROVIDER", "EVALUATION_WEBHOOK_HOSTS", "DATABASE_URL",
			"DRIVER", "S3_BUCKET", "S3_REGION", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_ENDPOINT", "S3_PREFIX", "S3_PATH_STYLE", "S3_SESSION_TOKEN",
		} {
			require.Contains(t, help, name)
		}
		for line := range strings.Lines(help) {
			require.LessOrEqual(t, len(line), 101, line)
		}
	})
}
