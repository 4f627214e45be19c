package access

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Scope is one permission of an API key. Scopes do not imply each other.
type Scope string

// The scopes.
const (
	Read  Scope = "read"
	Write Scope = "write"
	Admin Scope = "admin"
)

// Master is the workspace of a key that may name any workspace.
const Master = "*"

// Scopes is a set of scopes, in the order read, write, admin.
type Scopes []Scope

// maxScopeNames bounds a list of scopes; repeating one is harmless.
const maxScopeNames = 16

// ParseScopes reads "read,write" into a set. Unknown, too many or no scopes are
// an ErrValidation that names the scope.
func ParseScopes(text string) (Scopes, error) {
	if strings.Count(text, ",") >= maxScopeNames {
		return nil, errManyScopes()
	}
	if strings.TrimSpace(text) == "" {
		return scopesOf[string](nil)
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return scopesOf(names)
}

func scopesOf[S ~string](names []S) (Scopes, error) {
	if len(names) > maxScopeNames {
		return nil, errManyScopes()
	}
	var faults []string
	for _, name := range names {
		if !slices.Contains(allScopes(), Scope(name)) {
			faults = append(faults, "scopes must be among read, write, admin; got "+clip(string(name)))
		}
	}
	if len(names) == 0 {
		faults = append(faults, "scopes must name at least one of read, write, admin")
	}
	if faults != nil {
		return nil, pmerr.Invalid(faults...)
	}
	var set Scopes
	for _, s := range allScopes() {
		if slices.Contains(names, S(s)) {
			set = append(set, s)
		}
	}
	return set, nil
}

func allScopes() Scopes { return Scopes{Read, Write, Admin} }

func errManyScopes() error {
	return pmerr.Invalid("scopes must list at most " + strconv.Itoa(maxScopeNames) + " names")
}

// clip keeps what is echoed to a caller short and printable.
func clip(s string) string {
	const most = 32
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// Has reports whether the set holds a scope.
func (s Scopes) Has(scope Scope) bool { return slices.Contains(s, scope) }

// String gives the set as "read,write".
func (s Scopes) String() string {
	names := make([]string, len(s))
	for i, scope := range s {
		names[i] = string(scope)
	}
	return strings.Join(names, ",")
}

// UnmarshalJSON reads a list of scopes, or one text with commas. As everywhere
// in encoding/json, null changes nothing.
func (s *Scopes) UnmarshalJSON(data []byte) (err error) {
	if string(data) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) == nil {
		*s, err = ParseScopes(text)
		return err
	}
	var names []string
	if json.Unmarshal(data, &names) != nil {
		return pmerr.Invalid("scopes must be a list of strings or a string with commas")
	}
	*s, err = scopesOf(names)
	return err
}

// Key describes an API key. The secret is not in it.
type Key struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Scopes Scopes `json:"scopes"`
	// Workspace that the key belongs to, or [Master].
	Workspace string          `json:"workspace_id"`
	CreatedAt timestamp.Time  `json:"created_at"`
	ExpiresAt *timestamp.Time `json:"expires_at"`
	// LastUsedAt lags by up to the debounce interval.
	LastUsedAt *timestamp.Time `json:"last_used_at"`
}

// NewKey is a key that was just made: the only time its secret is known.
type NewKey struct {
	Key
	// Secret is "pm_" and 64 hexadecimal digits.
	Secret string `json:"key"`
}

// KeySpec says what key to make.
type KeySpec struct {
	// Name is 1 to 128 characters, none of them a control character.
	Name string `json:"name"`
	// Scopes default to read and write when nil.
	Scopes Scopes `json:"scopes"`
	// Workspace defaults to the maker's, for a master key to the one that it
	// works in. [Master] makes a master key.
	Workspace string `json:"workspace_id"`
	// ExpiresInDays is 1 to 36500, in days of 24 hours; nil never expires.
	ExpiresInDays *int64 `json:"expires_in_days"`
}

// Identity is who a request comes from, once authenticated.
type Identity struct {
	// KeyID is 0 for a host program's own login.
	KeyID     int64
	Name      string
	Workspace string
	Scopes    Scopes
}

// Operator is the identity of whoever runs the process: the command line and a
// host program in its own code. It holds every scope in every workspace, and no
// key, so the audit log shows no key's name for it.
func Operator() Identity { return Identity{Workspace: Master, Scopes: allScopes()} }

// May reports whether the identity may act in a workspace.
func (i Identity) May(id workspace.ID) bool {
	return i.Workspace == Master || i.Workspace == id.String()
}
