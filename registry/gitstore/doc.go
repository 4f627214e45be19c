// Package gitstore keeps prompt files in a bare git repository.
//
// The files of the workspace "default" lie at prompts/{name}/{version}.json,
// those of others at workspaces/{id}/prompts/{name}/{version}.json. There is no
// worktree: objects are written directly, so people can clone the repository,
// edit it and push, while the store writes into it.
//
// # Writing
//
// One goroutine a [Store] takes whatever is queued, makes one commit per
// author, writes all new objects into one pack, syncs it, moves the branch and
// only then answers the callers (commit.go). Several processes on one
// repository take turns by a file lock (lock.go); the branch itself moves by
// git's own protocol (ref.go), so pushes of people are never overwritten: when
// the head has moved, the batch is applied again on the new head.
//
// With Options.Branches a workspace has a branch of its own, with its prompts at
// the top. Each branch is a Store of its own over the same repository, as another
// process would have one; the one that Open returns asks them all (branches.go).
//
// # Reading
//
// A file is read by the hash of its bytes (odb.go), without walking paths. What
// differs between two states is found by comparing tree hashes (diff.go), and
// who brought a file by walking the history (explain.go).
//
// # Housekeeping
//
// Every batch leaves a small pack; a goroutine merges them in the background
// (repack.go). It never drops an object, reachable or not, so it needs no care
// about what another process is just writing.
package gitstore
