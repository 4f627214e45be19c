-- Logs and spans become slices by time, so that retention drops a slice instead
-- of deleting its rows. The tables of before become the first slice, which ends
-- with the day on which this runs; from then on the program makes slices ahead
-- of time (internal/db/partitions.go says how wide). There is no default slice:
-- with one, PostgreSQL could no longer read the slices one after the other for
-- the newest rows, and no slice could be added without reading it. What finds
-- no slice makes it.
ALTER TABLE pm_logs RENAME TO pm_logs_first;
ALTER INDEX pm_logs_pkey RENAME TO pm_logs_first_pkey;
ALTER INDEX pm_logs_by_prompt RENAME TO pm_logs_first_by_prompt;
ALTER INDEX pm_logs_failed RENAME TO pm_logs_first_failed;
ALTER INDEX pm_logs_by_trace RENAME TO pm_logs_first_by_trace;
CREATE TABLE pm_logs (LIKE pm_logs_first, PRIMARY KEY (workspace_id, created_at, id)) PARTITION BY RANGE (created_at);
CREATE INDEX pm_logs_by_prompt ON pm_logs (workspace_id, prompt_name, created_at, id);
CREATE INDEX pm_logs_failed ON pm_logs (workspace_id, created_at, id) WHERE status = 'error';
CREATE INDEX pm_logs_by_trace ON pm_logs (workspace_id, trace_id, created_at, id) WHERE trace_id IS NOT NULL;

-- The key of a sliced table must hold the time. A trace has one time and takes
-- its spans with it, so that a span stays unique in its trace.
ALTER TABLE pm_spans RENAME TO pm_spans_first;
ALTER TABLE pm_spans_first DROP CONSTRAINT pm_spans_pkey;
ALTER TABLE pm_spans_first ADD CONSTRAINT pm_spans_first_pkey PRIMARY KEY (workspace_id, trace_id, span_id, trace_at);
CREATE TABLE pm_spans (LIKE pm_spans_first, PRIMARY KEY (workspace_id, trace_id, span_id, trace_at)) PARTITION BY RANGE (trace_at);

-- The end of today, by the clock or by the newest row, whichever is later.
DO $$
DECLARE
    newest BIGINT;
BEGIN
    SELECT greatest((extract(epoch FROM now()) * 1000000)::BIGINT, coalesce(max(last_at), 0)) INTO newest
    FROM pm_counters WHERE kind IN ('logs', 'traces');
    newest := (newest / 86400000000 + 1) * 86400000000;
    EXECUTE format('ALTER TABLE pm_logs ATTACH PARTITION pm_logs_first FOR VALUES FROM (MINVALUE) TO (%s)', newest);
    EXECUTE format('ALTER TABLE pm_spans ATTACH PARTITION pm_spans_first FOR VALUES FROM (MINVALUE) TO (%s)', newest);
END $$;
