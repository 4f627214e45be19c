-- spec is what the caller asked for, as JSON; columns hold what is searched.
CREATE TABLE pm_ab_tests (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    prompt_name TEXT NOT NULL,
    status TEXT NOT NULL,
    spec TEXT NOT NULL,
    promoted_version TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE pm_ab_test_results (
    workspace_id TEXT NOT NULL,
    ab_test_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    source TEXT NOT NULL,
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, ab_test_id, id)
);
