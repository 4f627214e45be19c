package registry

import (
	"context"
	"time"

	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Key names one file of the prompt store within a workspace.
type Key struct{ Name, Version string }

// Signature says who made a change and why; it becomes the commit's author and
// message.
type Signature struct {
	// Author is a name, or "name <address>".
	Author string
	// Message of the change; several lines are allowed.
	Message string
}

// Stored says where the prompt store has put a file.
type Stored struct {
	// Ref finds the bytes again, at any time, also after a deletion.
	Ref string
	// Commit that brought the file; empty where the store has no commits.
	Commit string
	// At is the time of the commit.
	At time.Time
	// Existed is set when the store had the same bytes under that key already.
	Existed bool
}

// Content keeps the prompt files of one workspace. Implementations are safe
// for concurrent use, also by several processes on one store.
type Content interface {
	// Put stores a file that must not exist yet and returns once it is durable.
	// The same bytes under the same key are no fault: Stored.Existed is set.
	// Other bytes under the same key: ErrConflict. Store down: ErrUnavailable.
	Put(ctx context.Context, key Key, data []byte, by Signature) (Stored, error)
	// Read returns the bytes of a ref. Unknown: ErrNotFound. ErrUnavailable.
	Read(ctx context.Context, ref string) ([]byte, error)
	// Remove deletes files in one change and returns its commit. Keys that do
	// not exist are ignored. ErrUnavailable.
	Remove(ctx context.Context, keys []Key, by Signature) (commit string, err error)
}

// ContentStore is the prompt store of all workspaces.
type ContentStore interface {
	// Workspace binds the store to a workspace.
	Workspace(id workspace.ID) Content
	// Diff tells what differs between two states of the store. since is the
	// Head of an earlier Diff; empty, or a state that the store no longer
	// knows, compares with nothing and sets Full. ErrUnavailable.
	Diff(ctx context.Context, since string) (Diff, error)
	// Explain finds the commits that brought the given files of a diff's head,
	// in one walk. Files without an answer are missing from the map.
	Explain(ctx context.Context, head string, files []File) (map[File]Origin, error)
	// Check writes and reads back, for the health report. ErrUnavailable.
	Check(ctx context.Context) error
}

// Diff is the net change between two states of a prompt store.
type Diff struct {
	// Head is the state that was compared; give it to the next Diff.
	Head string
	// Commit that Head is; empty where the store knows no commits.
	Commit string
	// Full says that Changes lists every file of Head, and nothing else exists.
	Full    bool
	Changes []Change
	// Strange lists paths below the prompt folders that name no prompt version.
	Strange []string
	// Mended lists paths that an earlier diff may have listed as Strange and
	// that are not so any more. A full diff leaves it empty: what it does not
	// list is mended.
	Mended []string
	// Heads are the heads of the workspaces that have a history of their own;
	// that of all others is under the default workspace. Nil where there is one
	// history: its head is Head.
	Heads map[workspace.ID]string
}

// commitOf gives the commit at the head of the history that a workspace belongs
// to; empty where the store knows no commits.
func (d Diff) commitOf(id workspace.ID) string {
	if h, ok := d.Heads[id]; ok {
		return h
	}
	if h, ok := d.Heads[workspace.Default()]; ok {
		return h
	}
	return d.Commit
}

// Change is one file that was added, changed or deleted.
type Change struct {
	File
	// Ref of the new bytes; empty for a deletion.
	Ref string
	// Format of the file by its ending: "json" or "yaml".
	Format string
	// Path in the store, for messages to people.
	Path string
}

// File names a file among all workspaces.
type File struct {
	Workspace workspace.ID
	Key
}

// Origin is the commit that brought a file.
type Origin struct {
	Commit, Author, Message string
	At                      time.Time
}
