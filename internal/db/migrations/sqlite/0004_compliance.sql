-- What scans and guards have found. The findings are masked, unless the
-- workspace's policy keeps their texts.
CREATE TABLE pm_compliance_scores (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    prompt_name TEXT NOT NULL,
    version_tag TEXT NOT NULL,
    score BIGINT NOT NULL,
    categories TEXT NOT NULL,
    findings TEXT NOT NULL,
    provider TEXT NOT NULL,
    stage TEXT NOT NULL,
    blocked BOOLEAN NOT NULL,
    truncated BOOLEAN NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE pm_compliance_rules (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX pm_compliance_rules_by_name ON pm_compliance_rules (workspace_id, name);

CREATE TABLE pm_compliance_allowed (
    workspace_id TEXT NOT NULL,
    id BIGINT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
