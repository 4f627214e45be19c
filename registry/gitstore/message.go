package gitstore

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

const (
	// maxMessage bounds one change's message, in bytes.
	maxMessage = 4 << 10
	// maxListed bounds how many paths of one change a message lists. Only
	// deletions have more than one, and nobody asks for their message by path.
	maxListed = 50

	indent = "    "
)

// change is what one caller changes, for the commit's message.
type change struct {
	// paths that the change writes or deletes, at least one.
	paths   []string
	deletes bool
	message string
}

// formatMessage makes the message of a commit. A single change's message is
// taken as it is. Several share one like this, so that messageFor can give each
// file its own message and nobody else's:
//
//	Publish 2 prompts
//
//	prompts/welcome/1.0.0.json
//	    Create welcome 1.0.0
//
//	workspaces/team/prompts/farewell/2.1.0.json
//	    Soften the tone
//
//	    Customers found it cold.
func formatMessage(changes []change) string {
	if len(changes) == 1 && !isList(changes[0].message) {
		return changes[0].message
	}
	published, deleted := 0, 0
	for _, c := range changes {
		if c.deletes {
			deleted += len(c.paths)
		} else {
			published += len(c.paths)
		}
	}
	var b strings.Builder
	b.WriteString(subject(published, deleted))
	b.WriteString("\n")
	for _, c := range changes {
		b.WriteString("\n")
		for _, path := range c.paths[:min(len(c.paths), maxListed)] {
			b.WriteString(path + "\n")
		}
		if more := len(c.paths) - maxListed; more > 0 {
			b.WriteString("and " + strconv.Itoa(more) + " more\n")
		}
		for line := range strings.SplitSeq(c.message, "\n") {
			if line != "" {
				b.WriteString(indent + line)
			}
			b.WriteString("\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func subject(published, deleted int) string {
	last := published
	var parts []string
	if published > 0 {
		parts = append(parts, "publish "+strconv.Itoa(published))
	}
	if deleted > 0 {
		parts = append(parts, "delete "+strconv.Itoa(deleted))
		last = deleted
	}
	noun := " prompts"
	if last == 1 {
		noun = " prompt"
	}
	s := strings.Join(parts, " and ") + noun
	return strings.ToUpper(s[:1]) + s[1:]
}

var (
	listSubject = regexp.MustCompile(`^(Publish [0-9]+( and delete [0-9]+)?|Delete [0-9]+) prompts?$`)
	listPath    = regexp.MustCompile(`^(workspaces/[a-zA-Z0-9_-]{1,128}/)?prompts/[a-zA-Z0-9_-]{1,128}/[a-zA-Z0-9.+-]{1,64}\.(json|yaml|yml)$`)
)

// isList tells whether a commit's message is a list of changes. It needs no
// more than its beginning: a list to which somebody has added lines is still
// one, and must not be shown to a single workspace.
func isList(message string) bool {
	first, rest, _ := strings.Cut(message, "\n")
	if !listSubject.MatchString(first) {
		return false
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if listPath.MatchString(line) {
			return true
		}
	}
	return false
}

// messageFor gives what a commit's message says about one path: the message
// itself, or the path's part of a list, which may be missing.
func messageFor(message, path string) string {
	if !isList(message) {
		return message
	}
	var found []string
	mine, listing := false, false
	for line := range strings.SplitSeq(message, "\n") {
		text, indented := strings.CutPrefix(line, indent)
		switch {
		case indented || line == "":
			listing = false
			if mine {
				found = append(found, text)
			}
		default: // a path, or a line that somebody has added
			if mine && !listing {
				return trimBlank(found)
			}
			listing = true
			mine = mine || line == path
		}
	}
	return trimBlank(found)
}

// trimBlank joins lines without the empty ones around them.
func trimBlank(lines []string) string {
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// cleanMessage makes a caller's message fit for a commit: valid text, line
// feeds, no control characters, bounded, not empty.
func cleanMessage(text, fallback string) string {
	// Cutting first keeps the work small; what follows only makes it shorter,
	// but for the replacement of line ends, which the second cut catches.
	if cut := truncate(text, 2*maxMessage); cut != text {
		text = cut
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, text)
	text = strings.TrimSpace(text)
	if len(text) > maxMessage {
		text = strings.TrimSpace(truncate(text, maxMessage-len("…"))) + "…"
	}
	if text == "" {
		return fallback
	}
	return text
}
