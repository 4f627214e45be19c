package gitstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// plan is what a batch means on top of one head: nothing is written yet.
type plan struct {
	from  plumbing.Hash // the head; zero in an empty repository
	to    plumbing.Hash // the new head; equals from if nothing changes
	write *builder

	outcomes map[*job]outcome
	// later are jobs that depend on others of the batch.
	later []*job
}

// planner decides a batch in the order of arrival and groups it by author.
type planner struct {
	plan
	root   plumbing.Hash
	headAt time.Time

	// claimed are the versions that a job of this batch writes or removes.
	claimed map[version]*job
	authors []identity
	groups  map[identity][]part
	// follow are puts that say the same as an earlier one of the batch.
	follow map[*job]*job
}

// version names a prompt version among all workspaces.
type version struct {
	workspace workspace.ID
	key       registry.Key
}

// part is one job's share of a commit.
type part struct {
	job    *job
	change change
	edits  []fileEdit
}

// fileEdit sets a file, or deletes it when the hash is zero.
type fileEdit struct {
	path string
	hash plumbing.Hash
}

// plan works a batch out on top of a head. Faults of single jobs become their
// outcome; an error means that nothing can be decided.
func (s *Store) plan(batch []*job, head plumbing.Hash) (*plan, error) {
	p := &planner{
		plan:    plan{from: head, to: head, write: newBuilder(s), outcomes: map[*job]outcome{}},
		claimed: map[version]*job{},
		groups:  map[identity][]part{},
		follow:  map[*job]*job{},
	}
	if !head.IsZero() {
		c, err := s.commit(head)
		if err != nil {
			return nil, err
		}
		p.root, p.headAt = c.tree, c.at
	}
	for _, j := range batch {
		var err error
		switch {
		case j.begin:
			p.begin(j)
		case j.put != nil:
			err = p.put(j)
		default:
			err = p.remove(j)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := p.commits(s.now().UTC().Truncate(time.Second)); err != nil {
		return nil, err
	}
	for j, first := range p.follow {
		o := p.outcomes[first]
		o.stored.Existed = true
		p.outcomes[j] = o
	}
	return &p.plan, nil
}

// put decides on a file to store.
func (p *planner) put(j *job) error {
	v := version{j.workspace, j.key}
	if first := p.claimed[v]; first != nil {
		switch {
		case first.put == nil:
			p.postpone(j, v)
		case first.ref() == j.ref():
			p.follow[j] = first
		default:
			p.outcomes[j] = outcome{err: conflict(j.key)}
		}
		return nil
	}
	have, err := p.write.versions(p.root, v)
	if clash := (*clashError)(nil); errors.As(err, &clash) {
		p.outcomes[j] = outcome{err: pmerr.New(pmerr.Conflict, "%s in the prompt repository is not a folder: move it away in git", clash.path)}
		return nil
	}
	if err != nil {
		return p.blame(j, err)
	}
	if len(have) > 0 {
		if first := have[0]; first.hash == j.ref() && first.regular {
			p.outcomes[j] = outcome{stored: registry.Stored{
				Ref: j.ref().String(), Commit: p.from.String(), At: p.headAt, Existed: true,
			}}
		} else {
			p.outcomes[j] = outcome{err: conflict(j.key)}
		}
		return nil
	}
	path := pathOf(j.workspace, j.key, ".json")
	p.claimed[v] = j
	p.join(j, part{
		job:    j,
		change: change{paths: []string{path}, message: j.message},
		edits:  []fileEdit{{path, j.ref()}},
	})
	return nil
}

// begin makes the first commit of a branch.
func (p *planner) begin(j *job) {
	if !p.from.IsZero() || len(p.authors) > 0 {
		p.outcomes[j] = outcome{}
		return
	}
	p.join(j, part{job: j, change: change{message: j.message}})
}

// remove decides on files to delete: all endings of a version go.
func (p *planner) remove(j *job) error {
	mine := part{job: j, change: change{deletes: true, message: j.message}}
	for _, key := range j.keys {
		if p.claimed[version{j.workspace, key}] != nil {
			p.postpone(j, versionsOf(j)...)
			return nil
		}
	}
	seen := map[registry.Key]bool{}
	for _, key := range j.keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		have, err := p.write.versions(p.root, version{j.workspace, key})
		if clash := (*clashError)(nil); err != nil && !errors.As(err, &clash) {
			return p.blame(j, err)
		}
		for _, file := range have {
			if file.regular {
				mine.change.paths = append(mine.change.paths, file.path)
				mine.edits = append(mine.edits, fileEdit{path: file.path})
			}
		}
	}
	if len(mine.edits) == 0 {
		p.outcomes[j] = outcome{}
		return nil
	}
	for _, v := range versionsOf(j) {
		p.claimed[v] = j
	}
	p.join(j, mine)
	return nil
}

// blame makes a damage in the folders of one workspace the outcome of the job
// that met it: others have nothing to do with it. Other failures are handed on.
func (p *planner) blame(j *job, err error) error {
	if errors.Is(err, errDamaged) || errors.Is(err, errMissing) || errors.Is(err, errTooLarge) {
		p.outcomes[j] = outcome{err: unwritable(err)}
		return nil
	}
	return err
}

func versionsOf(j *job) []version {
	all := make([]version, 0, len(j.keys))
	for _, key := range j.keys {
		all = append(all, version{j.workspace, key})
	}
	return all
}

// postpone leaves a job to the next round, and with it whatever comes after it
// and touches the same versions.
func (p *planner) postpone(j *job, versions ...version) {
	p.later = append(p.later, j)
	for _, v := range versions {
		if first := p.claimed[v]; first == nil || first.put != nil {
			p.claimed[v] = j
		}
	}
}

func (p *planner) join(j *job, mine part) {
	if _, ok := p.groups[j.author]; !ok {
		p.authors = append(p.authors, j.author)
	}
	p.groups[j.author] = append(p.groups[j.author], mine)
}

// commits makes a chain of one commit per author.
func (p *planner) commits(now time.Time) error {
	for _, author := range p.authors {
		top := &folder{}
		var changes []change
		for _, mine := range p.groups[author] {
			changes = append(changes, mine.change)
			for _, e := range mine.edits {
				top.set(e.path, e.hash)
			}
			if mine.job.put != nil {
				p.write.add(*mine.job.put)
			}
		}
		root, err := p.write.apply(p.root, top)
		if err != nil {
			return err
		}
		if root.IsZero() { // the last file is gone
			root = p.write.addTree(nil)
		}
		c := commit{tree: root, author: author, at: now, message: formatMessage(changes)}
		if !p.to.IsZero() {
			c.parents = []plumbing.Hash{p.to}
		}
		p.to, p.root = p.write.addCommit(c), root
		for _, mine := range p.groups[author] {
			o := outcome{stored: registry.Stored{Commit: p.to.String(), At: now}}
			if mine.job.put != nil {
				o.stored.Ref = mine.job.ref().String()
			}
			p.outcomes[mine.job] = o
		}
	}
	return nil
}

func conflict(key registry.Key) error {
	return pmerr.New(pmerr.Conflict, "Prompt %s %s exists with other content", key.Name, key.Version)
}

// defaultMessage describes a change whose caller said nothing.
func defaultMessage(verb string, keys []registry.Key) string {
	switch len(keys) {
	case 0:
		return verb + " nothing"
	case 1:
		return verb + " " + keys[0].Name + " " + keys[0].Version
	}
	names := map[string]bool{}
	for _, k := range keys {
		names[k.Name] = true
	}
	if len(names) == 1 {
		return fmt.Sprintf("%s %d versions of %s", verb, len(keys), keys[0].Name)
	}
	return fmt.Sprintf("%s %d versions of %d prompts", verb, len(keys), len(names))
}
