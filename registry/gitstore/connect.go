package gitstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// connection is what Open has learnt about a remote.
type connection struct {
	host *host
	// branch that the mirror follows, by its full name.
	branch string
	// known is what the mirror followed last.
	known string
	// found are the host's refs, if it was asked; trouble is why it did not
	// answer.
	found   *refs
	trouble error
	// carry is the branch whose commits belong to the followed branch too,
	// because the repository was no mirror so far.
	carry string
	// noteFile is the file of the repository that keeps known.
	noteFile string
	// root is where a branch begins that the host does not have; zero if it must
	// have it.
	root plumbing.Hash
}

// connect asks the host, unless it may be left alone, and finds the branch. It
// fails if nothing can be said about the branch, or if the remote cannot be
// used.
func connect(ctx context.Context, remote Remote, dir, head string, now func() time.Time) (*connection, error) {
	h, err := newHost(remote, now)
	if err != nil {
		return nil, pmerr.Invalid("Remote.URL cannot be read: it must look like https://host/owner/prompts.git")
	}
	c := &connection{host: h, known: readMirrorNote(dir, mirrorNote), noteFile: mirrorNote}
	switch {
	case remote.Branch != "":
		c.branch = headsFolder + remote.Branch
	case c.known != "":
		c.branch = head
	}
	if !remote.Lazy || c.branch == "" {
		ctx, cancel := context.WithTimeoutCause(ctx, openTimeout, errSilent)
		defer cancel()
		if err := c.ask(ctx); err != nil {
			h.close()
			return nil, err
		}
	}
	if c.known == "" && c.branch != head {
		c.carry = head
	}
	return c, nil
}

// ask finds out whether the remote can be read and pushed to, and which branch
// is meant. A host that does not answer is trouble and no fault, as long as the
// branch is known.
func (c *connection) ask(ctx context.Context) error {
	found, err := c.host.list(ctx)
	if err == nil {
		c.found = &found
		err = c.host.prepare(ctx)
	}
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = &hostFault{down: true, cause: errSilent}
		}
		if faultOf(err).down && c.branch != "" {
			c.trouble = err
			return nil
		}
		return c.refusal(err)
	}
	switch {
	case c.branch != "":
		if _, ok := found.branches[c.branch]; !ok && len(found.branches) > 0 {
			return pmerr.Invalid(noBranch(c.branch, found, workspace.Default()).Error())
		}
	case found.head != "":
		c.branch = found.head
	case len(found.branches) == 1:
		for name := range found.branches {
			c.branch = name
		}
	case len(found.branches) > 1:
		return pmerr.Invalid("Remote.Branch is empty, and the repository has no default branch: name one")
	default:
		c.branch = headOfNew
	}
	if !plainBranch(c.branch) {
		return pmerr.Invalid("Remote.Branch is empty, and the default branch of the repository has an unusual name: name one")
	}
	return nil
}

// refusal says which option is at fault for what the host said.
func (c *connection) refusal(err error) error {
	remote := c.host.remote
	f := faultOf(err)
	said := ": " + f.Error()
	switch {
	case f.status == http.StatusUnauthorized && remote.Token == "":
		return pmerr.Invalid("Remote.Token is empty, and the repository needs one" + said)
	case f.status == http.StatusUnauthorized:
		return pmerr.Invalid("Remote.Token is refused: it may be wrong or expired" + said)
	case f.status == http.StatusForbidden && !f.down:
		return pmerr.Invalid("Remote.Token is not enough: it must be allowed to read and push" + said)
	case f.status == http.StatusNotFound:
		return pmerr.Invalid("Remote.URL names no repository that the token may see" + said)
	case f.down:
		return pmerr.Down(err, "Remote.URL cannot be used now, and there is no earlier copy of the prompts here")
	case f.redirected:
		return pmerr.Invalid("Remote.URL leads elsewhere" + said)
	}
	return pmerr.Invalid("Remote.URL cannot be used" + said)
}

// startMirror makes the repository follow its remote.
func (s *Store) startMirror(ctx context.Context, c *connection) error {
	m := newMirror(s, c)
	fail := func(err error) error {
		m.cancel()
		c.host.close()
		return err
	}
	if s.owner == workspace.Default() {
		if err := s.setHead(c); err != nil {
			return fail(unusable(s.dir, err))
		}
	}
	here, err := s.branch.read()
	if err != nil {
		return fail(unusable(s.dir, err))
	}
	s.mirror = m
	if c.found == nil && c.trouble == nil { // it is to be left alone
		return nil
	}
	if c.trouble == nil {
		if err = m.plant(ctx, c); err == nil {
			err = m.adopt(ctx, *c.found, false)
		}
		_ = m.note(err)
	} else {
		err = c.trouble
		_ = m.note(err)
	}
	if wrong := (*unusableRemote)(nil); errors.As(err, &wrong) {
		return fail(pmerr.Invalid(wrong.Error()))
	}
	if err != nil {
		if here.IsZero() {
			return fail(c.refusal(err))
		}
		s.log.Warn("the git host cannot be used; prompts are served from the mirror, and cannot be published until it answers", "error", err)
	}
	return nil
}

// setHead makes HEAD name the branch that is followed, so that people who look
// at the mirror see it. Prompts that were here before there was a remote are
// carried over.
func (s *Store) setHead(c *connection) error {
	if head, err := readHead(s.dir); c.carry == "" && head == s.branch.name {
		return err
	}
	release, err := s.lock.acquire(s.wait)
	if err != nil {
		return err
	}
	defer release()
	if c.carry != "" {
		old := &branch{dir: s.dir, name: c.carry, log: s.log, wait: s.wait, link: os.Link}
		before, err := old.read()
		if err != nil {
			return err
		}
		now, err := s.branch.read()
		if err != nil {
			return err
		}
		if now.IsZero() && !before.IsZero() {
			if err := s.branch.move(plumbing.ZeroHash, before); err != nil {
				return err
			}
		}
	}
	head, err := readHead(s.dir)
	if err != nil || head == s.branch.name {
		return err
	}
	if c.known != "" {
		s.log.Info("the mirror of the prompts follows another branch now",
			"branch", strings.TrimPrefix(s.branch.name, headsFolder), "before", strings.TrimPrefix(head, headsFolder))
	}
	return placeFile(s.dir, "HEAD", fmt.Sprintf("ref: %s\n", s.branch.name))
}
