// Package workspace holds the identity that scopes all data, and the actor on
// whose behalf a call is made.
package workspace

import (
	"database/sql/driver"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// MaxLength is the longest workspace name, in bytes.
const MaxLength = 128

// ID names a workspace. Only [Parse] and [Default] make one; the zero value
// names none, and stores refuse it by panicking, so a forgotten workspace
// cannot become everybody's data.
type ID struct{ name string }

// Default is the workspace that is used when a caller names none.
func Default() ID { return ID{name: "default"} }

// Parse checks a name: 1 to 128 of the characters a–z, A–Z, 0–9, "_" and "-".
// Otherwise it returns a BadRequest error.
func Parse(name string) (ID, error) {
	if !Valid(name) {
		return ID{}, pmerr.New(pmerr.BadRequest, "workspace id must be 1 to 128 letters, digits, '_' or '-'")
	}
	return ID{name: name}, nil
}

// Valid reports whether name may name a workspace.
func Valid(name string) bool {
	if name == "" || len(name) > MaxLength {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// String gives the name. It panics on the zero ID.
func (id ID) String() string {
	if id.name == "" {
		panic("workspace: the zero ID names no workspace; use workspace.Parse")
	}
	return id.name
}

// IsZero reports whether the ID names no workspace.
func (id ID) IsZero() bool { return id.name == "" }

// Value lets an ID be an argument of a database query.
func (id ID) Value() (driver.Value, error) { return id.String(), nil }

// Actor is who acts, as the audit log will show it.
type Actor struct {
	// Name of the API key, or whatever an embedding program calls its user.
	Name string
	// IP address of the caller; empty in-process.
	IP string
	// Admin lets the actor move and delete protected labels.
	Admin bool
}
