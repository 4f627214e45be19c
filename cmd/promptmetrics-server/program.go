package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// The statuses with which the program exits.
const (
	exitDone  = 0
	exitFault = 1
	exitUsage = 2
)

// program is one run of the command line.
type program struct {
	// lookup reads the environment.
	lookup   func(name string) (string, bool)
	in       io.Reader
	out, err io.Writer
	// called is the name under which the program was started.
	called string

	// understood is set once a command begins: what fails before is usage.
	understood bool
}

// usageError is a call that cannot be understood.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func (p *program) run(ctx context.Context, args []string) int {
	root := p.commands() //nolint:contextcheck // cobra hands the context to the command that is called.
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	failed, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	for fault := range strings.Lines(err.Error()) {
		fmt.Fprintf(p.err, "promptmetrics-server: %s\n", strings.TrimSpace(fault))
	}
	if _, usage := errors.AsType[usageError](err); usage || !p.understood {
		fmt.Fprintf(p.err, "See: %s --help\n", failed.CommandPath())
		return exitUsage
	}
	return exitFault
}

const about = `Serves the /v1 API. Nothing is required; everything is configured by the environment
and by a file .env in the working folder, over which the environment wins:

  PORT, HOST                     where it listens (3000, 0.0.0.0)
  DATA_DIR                       everything that nothing else places elsewhere (./data)
  SQLITE_PATH                    the database file ($DATA_DIR/promptmetrics.db)
  DATABASE_URL                   PostgreSQL instead of SQLite
  REDIS_URL                      a Redis that many nodes share for limits and hints, such as
                                 redis://user:password@host:6379/0; rediss:// for TLS
  PROMPTS_PATH                   the bare git repository of the prompts ($DATA_DIR/prompts.git)
  DRIVER                         what keeps the prompts: filesystem, that repository; github, a git
                                 host, mirrored at PROMPTS_PATH; s3, a bucket (filesystem)
  GITHUB_REPO, GITHUB_TOKEN      the repository on GitHub, owner/name, and who may push there;
                                 GITHUB_BRANCH is followed (the default branch)
  GIT_REMOTE_URL                 a repository on any other git host, by https, with
                                 GIT_REMOTE_TOKEN, GIT_REMOTE_USERNAME and GIT_REMOTE_BRANCH;
                                 GIT_REMOTE_CLEARTEXT=true lets the token go over http
  GIT_TAGS                       true for a tag in git for each version (false)
  GIT_BRANCHES                   workspaces with a branch of their own, workspace=branch, with
                                 commas between them (none)
  GITHUB_SYNC_INTERVAL_MS        how often the git host is asked for changes (60000)
  GITHUB_WEBHOOK_SECRET          secret of POST /webhooks/github
  S3_BUCKET, S3_REGION           the bucket, with S3_ACCESS_KEY and S3_SECRET_KEY, S3_ENDPOINT if it
                                 is not Amazon's, S3_PREFIX, S3_PATH_STYLE and S3_SESSION_TOKEN
  API_KEY_SALT                   secret under which API keys are hashed, 16+ characters
                                 (made once and kept in $DATA_DIR/api_key_salt)
  RATE_LIMIT_MAX_REQUESTS        requests of a key in a window (300)
  RATE_LIMIT_WINDOW_MS           length of the window (60000)
  API_KEY_LAST_USED_DEBOUNCE_MS  least time between two writes of a key's last use (60000)
  PROMPT_RECONCILE_INTERVAL_MS   how often commits made by people are looked for (60000)
  RETENTION_DAYS                 how long telemetry is kept, workspaces may differ (0, for ever)
  PRICES_PATH                    a price file that overrides the built-in table
  OPENAI_API_KEY, ANTHROPIC_API_KEY, COHERE_API_KEY
                                 a provider of models each; OPENAI_BASE_URL and so on say
                                 where it is, if it is not the provider itself
  OLLAMA_BASE_URL                an Ollama, such as http://localhost:11434
  AZURE_OPENAI_API_KEY, AZURE_OPENAI_BASE_URL
                                 Azure OpenAI, with AZURE_OPENAI_DEPLOYMENTS (their names, with
                                 commas) and AZURE_OPENAI_API_VERSION
  OPENAI_COMPATIBLE_BASE_URL     a server that speaks like OpenAI, with OPENAI_COMPATIBLE_API_KEY
                                 and OPENAI_COMPATIBLE_NAME (openai_compatible)
  DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD
                                 what models may cost a workspace in a month (100)
  COMPLIANCE_PROVIDER            what finds sensitive data: builtin, llm-guard, lakera (builtin);
                                 with COMPLIANCE_SCANNER_URL, COMPLIANCE_SCANNER_TOKEN for
                                 llm-guard, LAKERA_API_KEY for lakera
  EVALUATION_WEBHOOK_HOSTS       hosts that rules of evaluations may call, with commas (none);
                                 EVALUATION_WEBHOOK_PRIVATE=true lets them be in this network
  OTEL_ENABLED                   true exports logs and spans by OpenTelemetry (false), to the
                                 collector at OTEL_EXPORTER_OTLP_ENDPOINT, such as
                                 http://localhost:4318; OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and
                                 OTEL_EXPORTER_OTLP_METRICS_ENDPOINT are whole addresses instead;
                                 OTEL_EXPORTER_OTLP_HEADERS (name=value,...),
                                 OTEL_EXPORTER_OTLP_TIMEOUT (10000), OTEL_EXPORTER_OTLP_PROTOCOL
                                 (http/protobuf), OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER
                                 (otlp, or none), OTEL_METRIC_EXPORT_INTERVAL (60000),
                                 OTEL_SERVICE_NAME (promptmetrics), OTEL_RESOURCE_ATTRIBUTES,
                                 OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT (false)
  LOG_METADATA_STDOUT            true writes each log as a line of JSON on standard output,
                                 and everything else on standard error (false)
  TRUST_PROXY                    true if one reverse proxy in front sets X-Forwarded-For (false)
  LOG_LEVEL, LOG_FORMAT          debug, info, warn, error; text, json (info, text)
  LOG_REQUESTS                   requests to log, a line each: true, false, or errors, which are
                                 those that fail here or take more than a second (errors)
  METRICS_ADDR                   host:port for Prometheus, at GET /metrics (off)

The commands below work while a server runs on the same data.`

// commands is the table of contents.
func (p *program) commands() *cobra.Command {
	root := &cobra.Command{
		Use:           "promptmetrics-server",
		Short:         "Serve prompts and record telemetry",
		Long:          about,
		Version:       version(),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          p.doing(func(ctx context.Context, _ []string) error { return p.serve(ctx) }),
	}
	root.AddCommand(p.createKey(), p.migrate(), p.reindex(), p.backup(), p.restore(), p.seedDemo(), p.health())
	return root
}

// doing marks the border between understanding a call and carrying it out.
func (p *program) doing(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		p.understood = true
		return do(cmd.Context(), args)
	}
}

func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// note is for people, beside an output that scripts read.
func (p *program) note(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

// version is the module's version, as the go command stamped it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
