package client

import (
	"container/list"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

// subject is a prompt, of which the cache may hold many files.
type subject struct{ workspace, name string }

// selector is what a file was asked by. Version and label are never both set;
// with neither it is the pinned or latest file.
type selector struct {
	subject
	version, label string
}

// file is a prompt file as it was fetched. It never changes.
type file struct {
	prompt  registry.Prompt
	version registry.Version
	// template renders the prompt; where it cannot be rendered, fault says why.
	template *registry.Template
	fault    error
	etag     string
	// carried files come from the fallback, not from the server.
	carried bool
}

// slot is a file in the cache.
type slot struct {
	key  selector
	file *file
	// until is when the file stops to be fresh.
	until time.Time
	// next is when the next refresh may start.
	next time.Time
}

// flight is a request for a file, shared by all who want it.
type flight struct {
	done chan struct{}
	// file and err are set before done is closed.
	file *file
	err  error
	// doomed flights began before a write of this client: their answer may be
	// older than the write and must not be kept. Guarded by the cache's mutex.
	doomed bool
}

// cache keeps the most recently used files of a client, and knows which are
// being fetched.
type cache struct {
	ttl  time.Duration
	size int
	now  func() time.Time

	mu    sync.Mutex
	slots map[selector]*list.Element
	// recent holds *slot, the most recently used first.
	recent *list.List
	// bySubject finds the slots of a prompt when it changes.
	bySubject map[subject]map[selector]struct{}
	flights   map[selector]*flight
}

func newCache(o Options) *cache {
	return &cache{
		ttl: o.CacheTTL, size: o.CacheSize, now: o.Now,
		slots: map[selector]*list.Element{}, recent: list.New(),
		bySubject: map[subject]map[selector]struct{}{},
		flights:   map[selector]*flight{},
	}
}

// off reports whether the cache was turned off.
func (c *cache) off() bool { return c.ttl < 0 }

// found is what the cache says about a file: the file, or the flight that will
// bring it, or both while a stale file is being refreshed.
type found struct {
	file   *file
	source registry.Source
	flight *flight
	// mine is set when the caller has to fly the flight.
	mine bool
}

// lookup finds a file. On a miss, and when a stale file is due for a refresh,
// exactly one caller gets a flight of its own; the others share it.
func (c *cache) lookup(key selector) found {
	if c.off() {
		return found{flight: newFlight(), mine: true}
	}
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.slots[key]
	if !ok {
		f, mine := c.join(key)
		return found{flight: f, mine: mine}
	}
	c.recent.MoveToFront(e)
	s := slotOf(e)
	v := found{file: s.file, source: registry.Stale}
	switch {
	case s.file.carried:
		v.source = registry.Fallback
	case now.Before(s.until):
		v.source = registry.Fresh
		return v
	}
	if !now.Before(s.next) {
		v.flight, v.mine = c.join(key)
	}
	return v
}

// join gives the flight for a file, a new one if there is none. The caller
// holds the mutex.
func (c *cache) join(key selector) (f *flight, mine bool) {
	if f := c.flights[key]; f != nil {
		return f, false
	}
	f = newFlight()
	c.flights[key] = f
	return f, true
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// land ends a flight with a file from the server and keeps it for the TTL.
func (c *cache) land(key selector, f *flight, v *file) {
	until := c.now().Add(c.ttl)
	c.settle(key, f, v, nil, func() { c.put(slot{key: key, file: v, until: until, next: until}) })
}

// lend ends a flight that failed with a file of the fallback. It is served
// until a refresh works, and the next one starts after pause.
func (c *cache) lend(key selector, f *flight, v *file, pause time.Duration) {
	next := c.now().Add(pause)
	c.settle(key, f, v, nil, func() { c.put(slot{key: key, file: v, next: next}) })
}

// fail ends a flight with an error. What is cached stays; the next refresh
// starts after pause.
func (c *cache) fail(key selector, f *flight, err error, pause time.Duration) {
	next := c.now().Add(pause)
	c.settle(key, f, nil, err, func() {
		if e, ok := c.slots[key]; ok {
			slotOf(e).next = next
		}
	})
}

// deny ends a flight with the server's no, and drops what is cached.
func (c *cache) deny(key selector, f *flight, err error) {
	c.settle(key, f, nil, err, func() { c.drop(key) })
}

// settle publishes the result of a flight; keep changes the cache unless a
// write of this client has overtaken the flight.
func (c *cache) settle(key selector, f *flight, v *file, err error, keep func()) {
	c.mu.Lock()
	f.file, f.err = v, err
	if c.flights[key] == f {
		delete(c.flights, key)
	}
	if !f.doomed && !c.off() {
		keep()
	}
	c.mu.Unlock()
	close(f.done)
}

// offer keeps a file of the fallback while the flight for the real one goes
// on, so that nobody else has to wait for it.
func (c *cache) offer(key selector, f *flight, v *file) {
	next := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[key] == f && c.slots[key] == nil {
		c.put(slot{key: key, file: v, next: next})
	}
}

// invalidate drops all files of a prompt and dooms those being fetched.
func (c *cache) invalidate(s subject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.bySubject[s] {
		c.drop(key)
	}
	for key, f := range c.flights {
		if key.subject == s {
			f.doomed = true
			delete(c.flights, key)
		}
	}
}

// invalidateAll drops all files of a workspace and dooms those being fetched.
func (c *cache) invalidateAll(workspace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.slots {
		if key.workspace == workspace {
			c.drop(key)
		}
	}
	for key, f := range c.flights {
		if key.workspace == workspace {
			f.doomed = true
			delete(c.flights, key)
		}
	}
}

// put stores a slot and makes room for it. The caller holds the mutex.
func (c *cache) put(s slot) {
	if e, ok := c.slots[s.key]; ok {
		*slotOf(e) = s
		c.recent.MoveToFront(e)
		return
	}
	c.slots[s.key] = c.recent.PushFront(&s)
	keys := c.bySubject[s.key.subject]
	if keys == nil {
		keys = map[selector]struct{}{}
		c.bySubject[s.key.subject] = keys
	}
	keys[s.key] = struct{}{}
	for len(c.slots) > c.size {
		c.drop(slotOf(c.recent.Back()).key)
	}
}

// drop forgets a file. The caller holds the mutex.
func (c *cache) drop(key selector) {
	e, ok := c.slots[key]
	if !ok {
		return
	}
	c.recent.Remove(e)
	delete(c.slots, key)
	keys := c.bySubject[key.subject]
	delete(keys, key)
	if len(keys) == 0 {
		delete(c.bySubject, key.subject)
	}
}

func slotOf(e *list.Element) *slot { return e.Value.(*slot) } //nolint:forcetypeassert // the list holds nothing else.
