package registry

import (
	"context"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Record is a version as the index holds it.
type Record struct {
	Version
	// Ref finds the file in the prompt store, Format says how to read it.
	Ref, Format string
	Tags        []string
	// Acknowledged is set once a caller of Create was told that the version
	// exists. What people committed, or a crash left behind, is not.
	Acknowledged bool
	// After is a mark of the workspace's history. Insert leaves out what is not
	// acknowledged and was deleted behind the mark. It is not stored.
	After int64
	// PromotedFrom is the workspace that the version comes from, for the audit
	// entry; empty for one that was made. It is not stored.
	PromotedFrom string
}

// Pointers say which version a prompt answers with.
type Pointers struct {
	Latest string
	// Active is the pinned version, or empty.
	Active string
}

// Choice is the version that an unnamed Get answers.
func (p Pointers) Choice() string {
	if p.Active != "" {
		return p.Active
	}
	return p.Latest
}

// Index finds prompts of one workspace. Every writing method is one
// transaction with its audit entry. All return ErrUnavailable when the
// database is down.
type Index interface {
	// Pointers of a prompt. ErrNotFound.
	Pointers(ctx context.Context, name string) (Pointers, error)
	// Record of a version. ErrNotFound.
	Record(ctx context.Context, name, version string) (Record, error)
	// VersionNames of a prompt, in no order; none for an unknown prompt.
	VersionNames(ctx context.Context, name string) ([]string, error)
	List(ctx context.Context, f Filter, r page.Request) (page.Of[Summary], error)
	Versions(ctx context.Context, name string, r page.Request) (page.Of[VersionItem], error)
	History(ctx context.Context, name string, r page.Request) (page.Of[HistoryItem], error)

	// Insert adds a version, keeps latest and tags right and writes history.
	// A version that exists is left alone, unless it has the same ref and was
	// never acknowledged and r is: then it becomes so. inserted tells whether
	// anything was written; the record is the one that stands.
	Insert(ctx context.Context, r Record) (stands Record, inserted bool, err error)
	// Remove deletes versions with the labels that point at them; a pin that
	// points at one is lifted. byHand says that people deleted the files:
	// versions under a protected label then stay and are returned in kept.
	// Otherwise such a version is an ErrConflict. ErrNotFound when no version
	// was there, unless a reconciler was faster: what it removed last, and nobody
	// has claimed, becomes the caller's deletion, and so does whatever at names
	// the caller's own commit of.
	Remove(ctx context.Context, name string, versions []string, at Origin, byHand bool) (kept []string, err error)
	// SetActive pins a version, or unpins with an empty one. Unknown prompt:
	// ErrNotFound; unknown version: ErrBadRequest.
	SetActive(ctx context.Context, name, version string) error

	// The methods on labels return the errors that Labels documents.
	SetLabel(ctx context.Context, name, label, version string) (Label, error)
	Label(ctx context.Context, name, label string) (Label, error)
	Labels(ctx context.Context, name string, r page.Request) (page.Of[Label], error)
	DeleteLabel(ctx context.Context, name, label string) error
	ProtectedLabels(ctx context.Context) ([]string, error)
	SetProtectedLabels(ctx context.Context, labels []string) error
}

// IndexStore is the index of all workspaces.
type IndexStore interface {
	// Workspace binds the index to a workspace and to who acts.
	Workspace(id workspace.ID, actor workspace.Actor) Index
	// ContentHead is the state of the prompt store that was indexed last, or
	// empty.
	ContentHead(ctx context.Context) (string, error)
	SetContentHead(ctx context.Context, head string) error
	// Problems of files in the prompt store, as EditProblems left them.
	Problems(ctx context.Context) ([]Problem, error)
	// EditProblems replaces the problems by what edit makes of them, in one
	// transaction. edit may be called again if that fails.
	EditProblems(ctx context.Context, edit func([]Problem) []Problem) error
	// Marks tells how far the history of each workspace has come.
	Marks(ctx context.Context) (map[workspace.ID]int64, error)
	// Files calls fn for every indexed version.
	Files(ctx context.Context, fn func(f File) error) error
}
