package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/internal/jsontext"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of fields, in characters but for counts and numbers.
const (
	maxName        = 128
	maxPromptName  = 128
	maxVersionTag  = 64
	maxDescription = 1024
	maxReference   = 128
	maxMembers     = 50
	maxMemberKey   = 128
	maxMemberText  = 1024

	// maxScore keeps sums of scores finite.
	maxScore = 1e12

	// maxFaults ends the check of rows that are wrong throughout.
	maxFaults = 100
)

// faults collects what is wrong with an input, each by the name of its field
// behind a prefix such as "rows[3].".
type faults struct {
	prefix string
	list   []string
}

func (f *faults) check(ok bool, format string, args ...any) {
	if !ok {
		f.list = append(f.list, f.prefix+fmt.Sprintf(format, args...))
	}
}

func (f *faults) err() error {
	if f.list == nil {
		return nil
	}
	return pmerr.Invalid(f.list...)
}

// text checks the length of a text and that every database can store it.
func (f *faults) text(field, s string, low, high int) {
	if !storable(s) {
		f.check(false, "%s must be UTF-8 without NUL", field)
		return
	}
	n := utf8.RuneCountInString(s)
	if low > 0 {
		f.check(n >= low && n <= high, "%s is required and must be at most %d characters", field, high)
	} else {
		f.check(n <= high, "%s must be at most %d characters", field, high)
	}
}

func (f *faults) optional(field string, s *string, high int) {
	if s != nil {
		f.text(field, *s, 0, high)
	}
}

func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func (f *faults) evaluation(e *Evaluation) {
	f.text("name", e.Name, 1, maxName)
	f.text("prompt_name", e.PromptName, 1, maxPromptName)
	f.optional("version_tag", e.VersionTag, maxVersionTag)
	f.optional("description", e.Description, maxDescription)
}

// storedCriteria checks that criteria which scorers have accepted can be
// stored and read back.
func (f *faults) storedCriteria(c *Criteria) {
	for i, r := range c.Rules {
		if !jsontext.Absent(r.Config) {
			f.object(fmt.Sprintf("criteria.rules[%d].config", i), r.Config)
		}
	}
	for name, member := range c.Extra {
		f.text("criteria", name, 0, maxMemberKey)
		f.json("criteria."+name, member, 0)
	}
}

// result checks a score, and reads the row that its metadata names.
func (f *faults) result(r *Result) (rowID *int64) {
	f.check(r.Score >= 0 && r.Score <= maxScore, "score is required and must be a number from 0 to %d", int64(maxScore))
	f.optional("run_id", r.RunID, maxReference)
	f.optional("version_tag", r.VersionTag, maxVersionTag)
	f.check(len(r.Metadata) <= maxMembers, "metadata must have at most %d keys", maxMembers)
	if len(r.Metadata) > maxMembers {
		return nil
	}
	for key, raw := range r.Metadata {
		f.check(storable(key) && utf8.RuneCountInString(key) <= maxMemberKey, "metadata keys must be at most %d characters", maxMemberKey)
		f.json("metadata."+key, raw, maxMemberText)
	}
	if raw, named := r.Metadata[RowIDMember]; named {
		// Anything else under this name is the caller's own business.
		if id, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64); err == nil && id > 0 {
			rowID = &id
		}
	}
	return rowID
}

// object checks that free data is a JSON object that can be stored.
func (f *faults) object(field string, raw json.RawMessage) {
	f.check(jsontext.Kind(raw) == '{', "%s must be an object", field)
	f.json(field, raw, 0)
}

// json checks free JSON data: that it can be stored and read back, and that no
// text in it is longer than high characters.
func (f *faults) json(field string, raw json.RawMessage, high int) {
	if fault := jsontext.Fault(raw, high); fault != "" {
		f.check(false, "%s %s", field, fault)
	}
}
