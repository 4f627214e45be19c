-- A run of an evaluation. last_row_id is the newest row of the dataset that
-- belongs to it. A run that is under way belongs to lease_owner until
-- lease_until; lease_epoch counts the claims, so that what an earlier owner
-- writes late is refused. task is set where only the owner can go on.
-- claimed_at and claimed_done are the time and the progress of the last claim.
CREATE TABLE pm_evaluation_runs (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    evaluation_id BIGINT NOT NULL,
    dataset_id BIGINT,
    last_row_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    task BOOLEAN NOT NULL,
    version_tag TEXT,
    provider TEXT,
    model TEXT,
    concurrency BIGINT NOT NULL,
    max_cost_usd DOUBLE PRECISION,
    score DOUBLE PRECISION,
    passed BOOLEAN,
    results TEXT,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    cost_usd DOUBLE PRECISION NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT NOT NULL,
    lease_epoch BIGINT NOT NULL,
    claimed_at BIGINT,
    claimed_done BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    completed_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX pm_evaluation_runs_by_age ON pm_evaluation_runs (workspace_id, evaluation_id, created_at, id);
CREATE INDEX pm_evaluation_runs_running ON pm_evaluation_runs (workspace_id, lease_until, id) WHERE status = 'running';

-- What became of each row; row_id is 0 in a run without a dataset.
CREATE TABLE pm_evaluation_run_rows (
    workspace_id TEXT NOT NULL,
    run_id BIGINT NOT NULL,
    row_id BIGINT NOT NULL,
    source TEXT NOT NULL,
    output TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    passed BOOLEAN NOT NULL,
    rules TEXT NOT NULL,
    error TEXT,
    latency_ms BIGINT,
    tokens_in BIGINT,
    tokens_out BIGINT,
    cost_usd DOUBLE PRECISION,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, run_id, row_id)
);
