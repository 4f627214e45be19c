package backup

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Manifest is what a backup says of itself.
type Manifest struct {
	Format int `json:"format"`
	// CreatedAt is the time in Unix seconds, Program the version that wrote it.
	CreatedAt int64  `json:"created_at"`
	Program   string `json:"program"`
	// Prompts tell of the prompt repository; nil if it is not in the backup.
	Prompts *Prompts `json:"prompts"`
	// Files are all that come before the manifest, in their order.
	Files []File `json:"files"`
}

// Prompts describe the prompt repository.
type Prompts struct {
	// Head is the branch that HEAD names.
	Head string `json:"head"`
	// Refs and Objects of the bundle; without refs there is none.
	Refs    int `json:"refs"`
	Objects int `json:"objects"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Has tells whether a file is in the backup.
func (m *Manifest) Has(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name })
}

// parseManifest reads a manifest and compares it with the files that came
// before it.
func parseManifest(data []byte, came []File) (m Manifest, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return m, errDamaged("its manifest is no JSON of a manifest")
	}
	if m.Format != format {
		return m, errDamaged("its manifest is of format %d", m.Format)
	}
	if len(m.Files) != len(came) {
		return m, errDamaged("it has %d files and its manifest %d", len(came), len(m.Files))
	}
	for i, want := range m.Files {
		switch got := came[i]; {
		case got.Name != want.Name:
			return m, errDamaged("its manifest names %q where %s comes", cut(want.Name), got.Name)
		case got != want:
			return m, errDamaged("%s does not match its checksum", got.Name)
		}
	}
	if has := m.Prompts != nil && m.Prompts.Refs > 0; has != m.Has(bundleName) {
		return m, errDamaged("its manifest does not tell of the prompts that it has")
	}
	return m, nil
}

// damagedError is what is wrong with a backup itself.
type damagedError struct{ what string }

// Error implements error.
func (e damagedError) Error() string { return "the backup cannot be used: " + e.what }

func errDamaged(format string, args ...any) error { return damagedError{fmt.Sprintf(format, args...)} }

// cut bounds a text of the file for an error.
func cut(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
