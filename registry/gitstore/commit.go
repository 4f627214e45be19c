package gitstore

import (
	"bytes"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// commit is what the store needs of a commit.
type commit struct {
	tree    plumbing.Hash
	parents []plumbing.Hash
	author  identity
	// at is the committer's time.
	at      time.Time
	message string
	// own is set if this program made the commit.
	own bool
}

// encode writes a commit by this program.
func (c commit) encode() []byte {
	var b bytes.Buffer
	b.WriteString("tree " + c.tree.String() + "\n")
	for _, p := range c.parents {
		b.WriteString("parent " + p.String() + "\n")
	}
	b.WriteString("author " + c.author.line(c.at) + "\n")
	b.WriteString("committer " + committer().line(c.at) + "\n\n")
	b.WriteString(c.message + "\n")
	return b.Bytes()
}

// parseCommit reads a commit by anybody.
func parseCommit(raw []byte) (c commit, err error) {
	c.at = time.Unix(0, 0).UTC()
	head, body, _ := strings.Cut(string(raw), "\n\n")
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree", "parent":
			h, ok := parseHash(value)
			if !ok {
				return c, damaged("commit with %s %q", key, truncate(strings.ToValidUTF8(value, ""), 64))
			}
			if key == "tree" {
				c.tree = h
			} else {
				c.parents = append(c.parents, h)
			}
		case "author":
			c.author, _ = parseLine(value)
		case "committer":
			var by identity
			by, c.at = parseLine(value)
			c.own = by == committer()
		}
	}
	if c.tree.IsZero() {
		return c, damaged("commit without tree")
	}
	c.message = strings.TrimRight(strings.ToValidUTF8(body, "\uFFFD"), "\n")
	return c, nil
}
