-- The processes that serve this database now. Each moves its beat on as long as it
-- runs; who looks twice sees which still do, whatever the clocks say.
CREATE TABLE pm_nodes (
    id TEXT NOT NULL PRIMARY KEY,
    beat BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
) WITHOUT ROWID;
