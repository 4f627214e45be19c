package gitstore

import (
	"container/heap"
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxWalk bounds how many commits are looked at to find another one.
const maxWalk = 1_000_000

// leads tells whether one commit is another one or comes before it.
func (s *Store) leads(ctx context.Context, from, to plumbing.Hash) (bool, error) {
	if from == to {
		return true, nil
	}
	seen := map[plumbing.Hash]bool{}
	var queue stops
	reach := func(h plumbing.Hash) error {
		if seen[h] {
			return nil
		}
		seen[h] = true
		c, err := s.commit(h)
		if errors.Is(err, errMissing) {
			return nil // a shallow clone ends here
		}
		if err == nil {
			heap.Push(&queue, &stop{commit: c, hash: h})
		}
		return err
	}
	if err := reach(to); err != nil {
		return false, err
	}
	for n := 0; len(queue) > 0 && n < maxWalk; n++ {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		at := heap.Pop(&queue).(*stop)
		for _, h := range at.parents {
			if h == from {
				return true, nil
			}
			if err := reach(h); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// reachable lists every object that a commit leads to.
func (s *Store) reachable(ctx context.Context, head plumbing.Hash) ([]plumbing.Hash, error) {
	seen := map[plumbing.Hash]bool{head: true}
	all := []plumbing.Hash{head}
	todo := []plumbing.Hash{head}
	for len(todo) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		kind, raw, err := s.odb.read(h, maxObject)
		if err != nil {
			return nil, err
		}
		err = eachLink(kind, raw, func(h plumbing.Hash, open bool) error {
			if !seen[h] {
				seen[h] = true
				all = append(all, h)
				if open {
					todo = append(todo, h)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
