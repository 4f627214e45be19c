CREATE TABLE pm_evaluations (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    prompt_name TEXT NOT NULL,
    version_tag TEXT,
    description TEXT,
    criteria TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- version_tag is empty where there is none. row_id is the dataset's row that
-- the metadata names.
CREATE TABLE pm_evaluation_results (
    workspace_id TEXT NOT NULL,
    evaluation_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run_id TEXT,
    version_tag TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    row_id BIGINT,
    metadata TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, evaluation_id, id)
);
CREATE INDEX pm_evaluation_results_by_version ON pm_evaluation_results (workspace_id, evaluation_id, version_tag, id);

-- The results of a day (UTC, counted from 1970), of all versions.
CREATE TABLE pm_evaluation_days (
    workspace_id TEXT NOT NULL,
    evaluation_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    results BIGINT NOT NULL,
    score_sum DOUBLE PRECISION NOT NULL,
    score_min DOUBLE PRECISION NOT NULL,
    score_max DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (workspace_id, evaluation_id, day)
);
CREATE INDEX pm_evaluation_days_by_day ON pm_evaluation_days (workspace_id, day, evaluation_id);

-- How many results a version has in an evaluation.
CREATE TABLE pm_evaluation_versions (
    workspace_id TEXT NOT NULL,
    evaluation_id BIGINT NOT NULL,
    version_tag TEXT NOT NULL,
    results BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, evaluation_id, version_tag)
);

CREATE TABLE pm_datasets (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    schema_json TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE pm_dataset_rows (
    workspace_id TEXT NOT NULL,
    dataset_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    input TEXT NOT NULL,
    expected_output TEXT,
    output TEXT,
    PRIMARY KEY (workspace_id, dataset_id, id)
);
