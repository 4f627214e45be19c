package gitstore

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

const (
	promptsFolder    = "prompts"
	workspacesFolder = "workspaces"
	maxVersion       = 64
)

// extensions are the endings of prompt files. Of several files for one version
// the first ending wins.
func extensions() [3]string { return [...]string{".json", ".yaml", ".yml"} }

// formatOf gives the format for an ending.
func formatOf(extension string) string {
	if extension == ".json" {
		return "json"
	}
	return "yaml"
}

// folderOf gives the folder of a workspace's prompts.
func folderOf(id workspace.ID) []string {
	if id == workspace.Default() {
		return []string{promptsFolder}
	}
	return []string{workspacesFolder, id.String(), promptsFolder}
}

// pathOf gives the path of a prompt file.
func pathOf(id workspace.ID, key registry.Key, extension string) string {
	return path.Join(append(folderOf(id), key.Name, key.Version+extension)...)
}

// checkKey refuses what cannot be a path of ours.
func checkKey(key registry.Key) error {
	var faults []string
	if !workspace.Valid(key.Name) { // names have the form of workspaces
		faults = append(faults, "name must be 1 to 128 letters, digits, '_' or '-'")
	}
	if !plainVersion(key.Version) {
		faults = append(faults, "version must be semantic (e.g. 1.0.0), at most 64 characters")
	}
	if len(faults) > 0 {
		return pmerr.Invalid(faults...)
	}
	return nil
}

// plainVersion accepts the characters of SemVer. Whether it is SemVer is the
// registry's to say.
func plainVersion(v string) bool {
	if v == "" || len(v) > maxVersion {
		return false
	}
	for i := range len(v) {
		c := v[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '+' && c != '-') {
			return false
		}
	}
	return true
}

// splitFile takes a file name apart into version and ending. It accepts any
// readable version, so that the registry can tell people what is wrong with it.
func splitFile(name string) (version, extension string, ok bool) {
	for _, extension = range extensions() {
		version, ok = strings.CutSuffix(name, extension)
		if ok {
			break
		}
	}
	if !ok || version == "" || utf8.RuneCountInString(version) > maxVersion {
		return "", "", false
	}
	for _, r := range version {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return "", "", false
		}
	}
	return version, extension, true
}

// readable makes a path from a tree fit to be shown.
func readable(p string) string {
	p = strings.ToValidUTF8(truncate(p, 512), "\uFFFD")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, p)
}
