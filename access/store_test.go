package access_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSalt = []byte("a salt of at least 16 characters")

// keyStore is an [access.KeyStore] in memory that several rings can share, as
// processes share a database.
type keyStore struct {
	mu    sync.Mutex
	rows  map[int64]access.StoredKey
	last  int64
	down  error
	reads int
	// audit notes "action workspace actor" of each change.
	audit   []string
	touches []map[int64]time.Time

	// entered is called when a read begins, read when it has its row but has
	// not returned yet. Both run without the lock.
	entered, read func(ctx context.Context, hash [32]byte)
}

var _ access.KeyStore = (*keyStore)(nil)

func newKeyStore() *keyStore { return &keyStore{rows: map[int64]access.StoredKey{}} }

func (s *keyStore) InsertKey(_ context.Context, in workspace.ID, by workspace.Actor, k access.StoredKey) (access.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return access.Key{}, s.down
	}
	s.last++
	k.ID = s.last
	s.rows[k.ID] = k
	s.audit = append(s.audit, "api_key:create "+in.String()+" "+by.Name)
	return k.Key, nil
}

func (s *keyStore) KeyByHash(ctx context.Context, hash [32]byte) (access.StoredKey, error) {
	if s.entered != nil {
		s.entered(ctx, hash)
	}
	row, err := s.find(hash)
	if s.read != nil {
		s.read(ctx, hash)
	}
	if ctx.Err() != nil {
		return access.StoredKey{}, ctx.Err()
	}
	return row, err
}

func (s *keyStore) find(hash [32]byte) (access.StoredKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.down != nil {
		return access.StoredKey{}, s.down
	}
	for _, k := range s.rows {
		if k.Hash == hash {
			return k, nil
		}
	}
	return access.StoredKey{}, pmerr.Missing("API key")
}

func (s *keyStore) ListKeys(_ context.Context, owner string, r page.Request) (page.Of[access.Key], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return page.Of[access.Key]{}, s.down
	}
	var keys []access.Key
	for _, k := range s.rows {
		if owner == access.Master || k.Workspace == owner {
			keys = append(keys, k.Key)
		}
	}
	slices.SortFunc(keys, func(a, b access.Key) int { return cmp.Compare(b.ID, a.ID) })
	from := min(r.Offset(), len(keys))
	return page.New(r, keys[from:min(from+r.Limit, len(keys))], int64(len(keys)), ""), nil
}

func (s *keyStore) DeleteKey(_ context.Context, in workspace.ID, by workspace.Actor, owner string, id int64) ([32]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return [32]byte{}, s.down
	}
	k, known := s.rows[id]
	if !known || owner != access.Master && k.Workspace != owner {
		return [32]byte{}, pmerr.Missing("API key")
	}
	delete(s.rows, id)
	s.audit = append(s.audit, "api_key:revoke "+in.String()+" "+by.Name)
	return k.Hash, nil
}

func (s *keyStore) TouchKeys(_ context.Context, used map[int64]time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	s.touches = append(s.touches, maps.Clone(used))
	for id, at := range used {
		if k, known := s.rows[id]; known {
			second := timestamp.Of(at)
			k.LastUsedAt = &second
			s.rows[id] = k
		}
	}
	return nil
}

func (s *keyStore) AnyKey(context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows) > 0, s.down
}

// breakDown makes every call fail with err; nil mends the store.
func (s *keyStore) breakDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *keyStore) readCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// touchCount counts how often a key's last use was written.
func (s *keyStore) touchCount(id int64) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, batch := range s.touches {
		if _, in := batch[id]; in {
			n++
		}
	}
	return n
}

// remove deletes a row behind the back of every ring, as another process does.
func (s *keyStore) remove(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rows, id)
}

// put stores a key as another process does, and gives its secret.
func (s *keyStore) put(tb testing.TB, k access.Key) (id int64, secret string) {
	tb.Helper()
	secret = newSecret(tb)
	return s.putSecret(tb, k, secret), secret
}

func (s *keyStore) putSecret(tb testing.TB, k access.Key, secret string) int64 {
	tb.Helper()
	if k.Workspace == "" {
		k.Workspace = "default"
	}
	k, err := s.InsertKey(tb.Context(), workspace.Default(), workspace.Actor{}, access.StoredKey{Key: k, Hash: access.Hash(testSalt, secret)})
	require.NoError(tb, err)
	return k.ID
}

// windowStore is an [access.WindowStore] in memory.
type windowStore struct {
	mu    sync.Mutex
	rows  map[string]access.Window
	saves int
	down  error
}

var _ access.WindowStore = (*windowStore)(nil)

func newWindowStore(windows ...access.Window) *windowStore {
	s := &windowStore{rows: map[string]access.Window{}}
	for _, w := range windows {
		s.rows[w.Subject] = w
	}
	return s
}

func (s *windowStore) LoadWindows(context.Context) ([]access.Window, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rows)), s.down
}

func (s *windowStore) SaveWindows(_ context.Context, windows []access.Window, stale time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return s.down
	}
	s.saves++
	for _, w := range windows {
		s.rows[w.Subject] = w
	}
	maps.DeleteFunc(s.rows, func(_ string, w access.Window) bool { return w.Start.Before(stale) })
	return nil
}

func (s *windowStore) breakDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

func (s *windowStore) saveCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

func (s *windowStore) subjects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.rows))
}
