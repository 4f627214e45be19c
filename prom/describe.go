package prom

import "github.com/prometheus/client_golang/prometheus"

// descriptions are the metrics of a [Collector].
type descriptions struct {
	all []*prometheus.Desc

	engine                                                         *prometheus.Desc
	connections, connectionsMax, connectionWaits, connectionWaited *prometheus.Desc
	transactionTook, transactionCallers, transactionsFailed        *prometheus.Desc
	writerQueued, audited                                          *prometheus.Desc
	queued, commitRows, commitTook, commitFailed                   *prometheus.Desc
	gitQueued, gitQueuedBytes, gitChanges, gitTook, gitFailed      *prometheus.Desc
	gitPacks, gitMerges, gitMergesFailed                           *prometheus.Desc
	lookups, refused                                               *prometheus.Desc
	providerTook, providerFailed                                   *prometheus.Desc
	evaluating, evaluated                                          *prometheus.Desc
	reconciled, reconcileFailed, reconcileChanges                  *prometheus.Desc
	reconcileProblems, reconcileLast                               *prometheus.Desc
	expired, expireFailed, expireLast                              *prometheus.Desc
}

func describe() (d descriptions) {
	metric := func(name, help string, labels ...string) *prometheus.Desc {
		made := prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
		d.all = append(d.all, made)
		return made
	}
	d.engine = metric("db_info", "The database engine; the value is always 1.", "engine")
	d.connections = metric("db_connections", "Open connections of a pool.", "pool", "state")
	d.connectionsMax = metric("db_connections_max", "Most connections that a pool opens.", "pool")
	d.connectionWaits = metric("db_connection_waits_total", "How often a caller had to wait for a connection.", "pool")
	d.connectionWaited = metric("db_connection_wait_seconds_total", "How long callers waited for connections.", "pool")
	d.transactionTook = metric("db_transaction_duration_seconds", "Writing transactions that were committed, from begin to commit.")
	d.transactionCallers = metric("db_transaction_callers", "Callers who shared a committed transaction.")
	d.transactionsFailed = metric("db_transaction_failures_total", "Writing transactions that the database lost or refused.")
	d.writerQueued = metric("db_writer_queue_length", "Callers who wait for the writer of SQLite.")
	d.audited = metric("audit_entries_total", "Entries written into the audit log.")

	d.queued = metric("ingest_queue_length", "Callers whose rows wait for the next commit.", "queue")
	d.commitRows = metric("ingest_commit_rows", "Rows of a commit.", "queue")
	d.commitTook = metric("ingest_commit_duration_seconds", "How long a commit took, the wait for the writer included.", "queue")
	d.commitFailed = metric("ingest_commit_failures_total", "Commits that failed; their callers were told.", "queue")

	d.gitQueued = metric("git_queue_length", "Changes of prompts that wait for the committer.")
	d.gitQueuedBytes = metric("git_queue_bytes", "What the waiting changes weigh.")
	d.gitChanges = metric("git_commit_changes", "Changes of prompts in a batch of commits.")
	d.gitTook = metric("git_commit_duration_seconds", "How long a batch of commits took until it was synced to disk.")
	d.gitFailed = metric("git_commit_failures_total", "Batches of commits that failed; their callers were told.")
	d.gitPacks = metric("git_packs", "Pack files of the prompt repository.")
	d.gitMerges = metric("git_pack_merges_total", "Merges of pack files.")
	d.gitMergesFailed = metric("git_pack_merge_failures_total", "Merges of pack files that failed.")

	d.lookups = metric("cache_lookups_total", "Lookups of a cache.", "cache", "result")
	d.refused = metric("rate_limit_refusals_total", "Requests that the rate limit refused.")
	d.providerTook = metric("provider_call_duration_seconds", "Calls of models that have ended, well or not.", "provider")
	d.providerFailed = metric("provider_call_failures_total", "Calls of models that failed.", "provider", "code")
	d.evaluating = metric("evaluation_runs_active", "Evaluation runs that this process executes.")
	d.evaluated = metric("evaluation_rows_total", "Rows of evaluation runs that got a result.", "result")

	d.reconciled = metric("reconcile_runs_total", "Searches for changes in the prompt store.")
	d.reconcileFailed = metric("reconcile_failures_total", "Searches for changes in the prompt store that failed.")
	d.reconcileChanges = metric("reconcile_versions_total", "Versions that were indexed or removed because the prompt store had changed.", "change")
	d.reconcileProblems = metric("reconcile_problems", "Files that the last search which found changes left out.")
	d.reconcileLast = metric("reconcile_last_success_timestamp_seconds", "When a search last succeeded; 0 for never.")
	d.expired = metric("retention_removed_rows_total", "Rows that were removed for their age.")
	d.expireFailed = metric("retention_failures_total", "Runs of the retention that failed.")
	d.expireLast = metric("retention_last_success_timestamp_seconds", "When the retention last succeeded.")
	return d
}
