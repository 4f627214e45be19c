package gitstore

import (
	"container/list"
	"sync"
)

// lru keeps the values that were used last, bounded by their weight in bytes.
// It is safe for concurrent use.
type lru[K comparable, V any] struct {
	mu     sync.Mutex
	limit  int
	weight int
	order  *list.List
	items  map[K]*list.Element
}

type lruItem[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, order: list.New(), items: map[K]*list.Element{}}
}

func (l *lru[K, V]) get(key K) (value V, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.items[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(at)
	return at.Value.(*lruItem[K, V]).value, true
}

// put keeps a value, unless it alone would overfill the cache.
func (l *lru[K, V]) put(key K, value V, bytes int) {
	const overhead = 200 // of the list element, the item and the map slot
	weight := bytes + overhead
	if weight > l.limit {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.items[key]; ok {
		return // values never change: they are named by their content
	}
	l.items[key] = l.order.PushFront(&lruItem[K, V]{key, value, weight})
	l.weight += weight
	for l.weight > l.limit {
		oldest := l.order.Back()
		item := l.order.Remove(oldest).(*lruItem[K, V])
		delete(l.items, item.key)
		l.weight -= item.weight
	}
}
