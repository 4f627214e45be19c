-- Times are integer microseconds since 1970, UTC. JSON is text. Every key of a
-- table that belongs to a workspace starts with workspace_id.

-- What a workspace has of a kind of thing: the last id that was given, how many
-- are alive, and the time of the newest, so that time never runs backwards.
CREATE TABLE pm_counters (
    workspace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    last_id BIGINT NOT NULL,
    alive BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind)
) WITHOUT ROWID;

-- Facts about the whole database: the indexed state of the prompt store, and
-- change counters by which processes notice each other's writes.
CREATE TABLE pm_state (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE pm_settings (
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
) WITHOUT ROWID;

CREATE TABLE pm_prompts (
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    latest_version TEXT NOT NULL,
    active_version TEXT,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
) WITHOUT ROWID;

CREATE TABLE pm_prompt_tags (
    workspace_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    prompt_name TEXT NOT NULL,
    PRIMARY KEY (workspace_id, tag, prompt_name)
) WITHOUT ROWID;
CREATE INDEX pm_prompt_tags_by_prompt ON pm_prompt_tags (workspace_id, prompt_name);

CREATE TABLE pm_prompt_versions (
    workspace_id TEXT NOT NULL,
    prompt_name TEXT NOT NULL,
    version TEXT NOT NULL,
    id BIGINT NOT NULL,
    ref TEXT NOT NULL,
    format TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    tags TEXT NOT NULL,
    acknowledged BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, prompt_name, version)
);
CREATE UNIQUE INDEX pm_prompt_versions_by_age ON pm_prompt_versions (workspace_id, prompt_name, created_at, id);

CREATE TABLE pm_prompt_labels (
    workspace_id TEXT NOT NULL,
    prompt_name TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, prompt_name, name)
) WITHOUT ROWID;
CREATE INDEX pm_prompt_labels_by_name ON pm_prompt_labels (workspace_id, name, prompt_name);

CREATE TABLE pm_prompt_history (
    workspace_id TEXT NOT NULL,
    prompt_name TEXT NOT NULL,
    id BIGINT NOT NULL,
    action TEXT NOT NULL,
    version TEXT NOT NULL,
    commit_sha TEXT NOT NULL,
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, prompt_name, id)
);

CREATE TABLE pm_logs (
    workspace_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    id BIGINT NOT NULL,
    prompt_name TEXT NOT NULL,
    version_tag TEXT NOT NULL,
    provider TEXT,
    model TEXT,
    tokens_in BIGINT,
    tokens_out BIGINT,
    latency_ms BIGINT,
    cost_usd DOUBLE PRECISION,
    cost_source TEXT,
    status TEXT NOT NULL,
    error_code TEXT,
    http_status BIGINT,
    run_id TEXT,
    trace_id TEXT,
    ollama_options TEXT,
    ollama_keep_alive TEXT,
    ollama_format TEXT,
    metadata TEXT,
    PRIMARY KEY (workspace_id, created_at, id)
);
CREATE INDEX pm_logs_by_prompt ON pm_logs (workspace_id, prompt_name, created_at, id);
CREATE INDEX pm_logs_failed ON pm_logs (workspace_id, created_at, id) WHERE status = 'error';
CREATE INDEX pm_logs_by_trace ON pm_logs (workspace_id, trace_id, created_at, id) WHERE trace_id IS NOT NULL;

-- How many logs are alive by what lists filter on.
CREATE TABLE pm_log_totals (
    workspace_id TEXT NOT NULL,
    prompt_name TEXT NOT NULL,
    version_tag TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    status TEXT NOT NULL,
    alive BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, prompt_name, version_tag, provider, model, status)
) WITHOUT ROWID;

-- A day (UTC, counted from 1970) of a workspace, with a latency histogram.
CREATE TABLE pm_log_days (
    workspace_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL,
    latencies BIGINT NOT NULL,
    latency_ms BIGINT NOT NULL,
    histogram BLOB NOT NULL,
    PRIMARY KEY (workspace_id, day)
) WITHOUT ROWID;

CREATE TABLE pm_log_prompt_days (
    workspace_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    prompt_name TEXT NOT NULL,
    version_tag TEXT NOT NULL,
    requests BIGINT NOT NULL,
    errors BIGINT NOT NULL,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL,
    latencies BIGINT NOT NULL,
    latency_ms BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, day, prompt_name, version_tag)
) WITHOUT ROWID;

-- Answers that were given to requests with an Idempotency-Key.
CREATE TABLE pm_idempotency (
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    first_id BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, name)
) WITHOUT ROWID;
CREATE INDEX pm_idempotency_by_age ON pm_idempotency (workspace_id, created_at);

CREATE TABLE pm_traces (
    workspace_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    prompt_name TEXT,
    version_tag TEXT,
    metadata TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, trace_id)
);
CREATE UNIQUE INDEX pm_traces_by_age ON pm_traces (workspace_id, created_at, id);
CREATE INDEX pm_traces_by_prompt ON pm_traces (workspace_id, prompt_name, created_at, id);

-- trace_at is the trace's created_at, so that spans age with their trace.
CREATE TABLE pm_spans (
    workspace_id TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    trace_at BIGINT NOT NULL,
    id BIGINT NOT NULL,
    parent_id TEXT,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    start_time BIGINT,
    end_time BIGINT,
    metadata TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, trace_id, span_id)
);

CREATE TABLE pm_runs (
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    workflow_name TEXT NOT NULL,
    status TEXT NOT NULL,
    input TEXT,
    output TEXT,
    trace_id TEXT,
    metadata TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, run_id)
);
CREATE UNIQUE INDEX pm_runs_by_age ON pm_runs (workspace_id, created_at, id);
CREATE INDEX pm_runs_by_status ON pm_runs (workspace_id, status, created_at, id);
CREATE INDEX pm_runs_by_workflow ON pm_runs (workspace_id, workflow_name, created_at, id);
CREATE INDEX pm_runs_by_trace ON pm_runs (workspace_id, trace_id) WHERE trace_id IS NOT NULL;

CREATE TABLE pm_audit (
    workspace_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    id BIGINT NOT NULL,
    action TEXT NOT NULL,
    prompt_name TEXT,
    version_tag TEXT,
    target_id TEXT,
    api_key_name TEXT,
    ip_address TEXT,
    PRIMARY KEY (workspace_id, created_at, id)
) WITHOUT ROWID;
-- Telemetry writes most entries; this index finds everything else.
CREATE INDEX pm_audit_by_action ON pm_audit (workspace_id, action, created_at, id)
    WHERE action NOT IN ('log:create', 'create_log', 'trace:span:create', 'create_span', 'trace:create', 'run:create', 'run:update');

-- Keys are found before the workspace is known, so their ids are global.
CREATE TABLE pm_api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX pm_api_keys_by_workspace ON pm_api_keys (workspace_id, id);

CREATE TABLE pm_rate_windows (
    subject TEXT NOT NULL PRIMARY KEY,
    starts_at BIGINT NOT NULL,
    previous BIGINT NOT NULL,
    current BIGINT NOT NULL
) WITHOUT ROWID;
