package registry

import (
	"errors"
	"regexp"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Problem is a file of the prompt store that is not served. It says nothing of
// what the file holds, so anybody may see it.
type Problem struct {
	// Path of the file in the prompt store.
	Path string `json:"path"`
	// Reason in a few words.
	Reason string `json:"reason"`
	// Of is the version that the file is for, which other files may be for too;
	// empty if its path names none.
	Of string `json:"of,omitempty"`
}

// String is "path: reason".
func (p Problem) String() string { return p.Path + ": " + p.Reason }

const (
	// maxProblems bounds how many problems are remembered.
	maxProblems = 500
	maxReason   = 300
	// maxReasons is how many faults of one file are told.
	maxReasons = 3
)

// errMisplaced is a file whose content is for another path.
var errMisplaced = errors.New("name and version must be those of the path")

func (f File) key() string { return f.Workspace.String() + "/" + f.Name + "/" + f.Version }

// reason says what is wrong with a file without quoting it.
func reason(err error) string {
	var e *pmerr.Error
	switch {
	case errors.Is(err, errMisplaced):
		return errMisplaced.Error()
	case !errors.As(err, &e):
		return shorten(err.Error())
	case e.Code == pmerr.Validation:
		return faultsWithoutContent(e.Fields)
	case e.Code == pmerr.BadRequest:
		kind := "JSON"
		if strings.Contains(e.Message, "YAML") {
			kind = "YAML"
		}
		line := lineNumber.FindString(e.Error())
		if line != "" {
			line = " (" + line + ")"
		}
		return "is no valid " + kind + line
	case e.Code == pmerr.TooLarge:
		return "is larger than 10 MiB"
	}
	return "cannot be read"
}

var (
	lineNumber = regexp.MustCompile(`\bline [0-9]{1,7}\b`)
	// template is how a fault of a template begins; what follows may quote it.
	template = regexp.MustCompile(`^messages\[[0-9]+\]\.content is no valid template: line [0-9]+`)
	// field is a fault whose path has names of ours only.
	field = regexp.MustCompile(`^(body|name|version|messages|model_config|ollama|tags)(\[[0-9]+\])?(\.[a-z_]+)* (must|has) `)
)

// faultsWithoutContent leaves out what a prompt's author has named.
func faultsWithoutContent(faults []string) string {
	var told []string
	for _, fault := range faults {
		switch begin := template.FindString(fault); {
		case begin != "":
			fault = begin
		case !field.MatchString(fault):
			top, _, _ := strings.Cut(fault, ".")
			if len(top) > 32 || !only(top, "_") {
				top = "the prompt"
			}
			fault = top + " is not as it must be"
		}
		if len(told) == maxReasons {
			told = append(told, "and more")
			break
		}
		told = append(told, fault)
	}
	return shorten(strings.Join(told, "; "))
}

func shorten(text string) string {
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// problems gives the problems that stand after a reconciliation: those from
// before whose files it has not touched, and those that it has found.
func (c *reconciliation) problems(before []Problem) []Problem {
	if c.diff.Full {
		before = nil
	}
	touched := map[string]bool{}
	for _, change := range c.diff.Changes {
		touched[change.Path] = true
		touched[change.key()] = true
	}
	for _, path := range append(c.diff.Mended, c.diff.Strange...) {
		touched[path] = true
	}
	stand := make([]Problem, 0, len(before)+len(c.found))
	for _, p := range before {
		if !touched[p.Path] && (p.Of == "" || !touched[p.Of]) {
			stand = append(stand, p)
		}
	}
	stand = append(stand, c.found...)
	return stand[:min(len(stand), maxProblems)]
}
