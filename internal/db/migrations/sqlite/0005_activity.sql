-- What was created on a day (UTC, counted from 1970), for the metrics. Deleted
-- things are taken out again; what retention removes stays counted.
CREATE TABLE pm_activity_days (
    workspace_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    failed_runs BIGINT NOT NULL,
    traces BIGINT NOT NULL,
    evaluations BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, day)
) WITHOUT ROWID;

INSERT INTO pm_activity_days (workspace_id, day, runs, failed_runs, traces, evaluations)
SELECT workspace_id, day, SUM(runs), SUM(failed_runs), SUM(traces), 0 FROM (
    SELECT workspace_id, created_at / 86400000000 AS day, COUNT(*) AS runs,
        SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed_runs, 0 AS traces
    FROM pm_runs GROUP BY workspace_id, created_at / 86400000000
    UNION ALL
    SELECT workspace_id, created_at / 86400000000, 0, 0, COUNT(*)
    FROM pm_traces GROUP BY workspace_id, created_at / 86400000000
) AS what GROUP BY workspace_id, day;
