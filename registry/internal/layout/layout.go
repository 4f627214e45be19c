// Package layout says where a prompt version lies in a prompt store, and what
// the names there may be. People read and edit these files, so every store has
// them at the same places:
//
//	prompts/{name}/{version}.json
//	workspaces/{workspace}/prompts/{name}/{version}.json
package layout

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// The folders at the top of a store.
const (
	Prompts    = "prompts"
	Workspaces = "workspaces"
)

// MaxVersion bounds the name of a version, in characters.
const MaxVersion = 64

// MaxFile bounds the bytes of a prompt file.
const MaxFile = 10 << 20

// Extensions are the endings of prompt files. Of several files for one version
// the first ending wins.
func Extensions() [3]string { return [...]string{".json", ".yaml", ".yml"} }

// Format gives the format for an ending.
func Format(extension string) string {
	if extension == ".json" {
		return "json"
	}
	return "yaml"
}

// Folder gives the folders, from the top, of a workspace's prompts. The zero ID
// panics.
func Folder(id workspace.ID) []string {
	if id == workspace.Default() {
		return []string{Prompts}
	}
	return []string{Workspaces, id.String(), Prompts}
}

// Path gives the path of a prompt file.
func Path(id workspace.ID, key registry.Key, extension string) string {
	return path.Join(append(Folder(id), key.Name, key.Version+extension)...)
}

// Check refuses a key that cannot be part of a path: pmerr.ErrValidation.
func Check(key registry.Key) error {
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
	if v == "" || len(v) > MaxVersion {
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

// Split takes a file name apart into version and ending. It accepts any
// readable version, so that the registry can tell people what is wrong with it.
func Split(name string) (version, extension string, ok bool) {
	for _, extension = range Extensions() {
		version, ok = strings.CutSuffix(name, extension)
		if ok {
			break
		}
	}
	if !ok || version == "" || utf8.RuneCountInString(version) > MaxVersion {
		return "", "", false
	}
	for _, r := range version {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return "", "", false
		}
	}
	return version, extension, true
}

// Parse reads a path in a store. ok is false for what names no prompt version.
func Parse(p string) (file registry.File, extension string, ok bool) {
	parts := strings.Split(p, "/")
	file.Workspace = workspace.Default()
	if len(parts) == 5 && parts[0] == Workspaces {
		id, err := workspace.Parse(parts[1])
		if err != nil || id == workspace.Default() { // that one lies at the top
			return registry.File{}, "", false
		}
		file.Workspace, parts = id, parts[2:]
	}
	if len(parts) != 3 || parts[0] != Prompts || !workspace.Valid(parts[1]) {
		return registry.File{}, "", false
	}
	file.Name = parts[1]
	if file.Version, extension, ok = Split(parts[2]); !ok {
		return registry.File{}, "", false
	}
	return file, extension, true
}

// Readable makes a path fit to be shown.
func Readable(p string) string {
	p = strings.ToValidUTF8(Truncate(p, 512), "\uFFFD")
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, p)
}

// Truncate cuts valid text to at most n bytes, between characters.
func Truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}
