package gitstore

import (
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// The names of all prompt stores, under those that this package uses.
const (
	promptsFolder    = layout.Prompts
	workspacesFolder = layout.Workspaces
	maxVersion       = layout.MaxVersion
)

// extensions are the endings of prompt files. Of several files for one version
// the first ending wins.
func extensions() [3]string { return layout.Extensions() }

// formatOf gives the format for an ending.
func formatOf(extension string) string { return layout.Format(extension) }

// folderOf gives the folder of a workspace's prompts.
func folderOf(id workspace.ID) []string { return layout.Folder(id) }

// pathOf gives the path of a prompt file.
func pathOf(id workspace.ID, key registry.Key, extension string) string {
	return layout.Path(id, key, extension)
}

// checkKey refuses what cannot be a path of ours.
func checkKey(key registry.Key) error { return layout.Check(key) }

// splitFile takes a file name apart into version and ending.
func splitFile(name string) (version, extension string, ok bool) { return layout.Split(name) }

// readable makes a path from a tree fit to be shown.
func readable(p string) string { return layout.Readable(p) }
