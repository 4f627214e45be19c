-- Scans come in masses, as logs do: their entries are found by time.
DROP INDEX pm_audit_by_action;
CREATE INDEX pm_audit_by_action ON pm_audit (workspace_id, action, created_at, id)
    WHERE action NOT IN ('log:create', 'create_log', 'trace:span:create', 'create_span', 'trace:create', 'run:create', 'run:update', 'compliance_scan');
