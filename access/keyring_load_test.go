package access_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestAFloodOfWrongKeys(t *testing.T) {
	t.Parallel()
	inBubble(t, "takes few reads at a time and leaves known keys alone", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		known := access.Hash(testSalt, secret)
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)

		var reading, most atomic.Int64
		gate := make(chan struct{})
		store.entered = func(_ context.Context, hash [32]byte) {
			if hash == known {
				return
			}
			most.Store(max(most.Load(), reading.Add(1)))
			defer reading.Add(-1)
			<-gate
		}
		time.Sleep(6 * time.Second) // the known key must be read again.
		var flood sync.WaitGroup
		for range 300 {
			wrong := newSecret(t)
			flood.Go(func() {
				_, err := ring.Authenticate(t.Context(), wrong)
				requireRefused(t, err, invalid)
			})
		}
		synctest.Wait()
		require.EqualValues(t, access.MaxStrangers, reading.Load())
		_, err = ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		close(gate)
		flood.Wait()
		require.LessOrEqual(t, most.Load(), int64(access.MaxStrangers))
		require.Equal(t, 1, ring.Verified(), "wrong keys leave nothing behind")
	})
	inBubble(t, "that the store cannot take is turned away in time", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		store.entered = func(ctx context.Context, _ [32]byte) { <-ctx.Done() }
		began := time.Now()
		var flood sync.WaitGroup
		for range 300 {
			wrong := newSecret(t)
			flood.Go(func() {
				_, err := ring.Authenticate(t.Context(), wrong)
				require.ErrorIs(t, err, pmerr.ErrUnavailable)
				require.Equal(t, time.Second, pmerr.From(err).RetryAfter)
			})
		}
		flood.Wait()
		require.Equal(t, 3*time.Second, time.Since(began))
	})
	inBubble(t, "with one wrong key costs one read more", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		gate := make(chan struct{})
		store.entered = func(context.Context, [32]byte) { <-gate }
		wrong := newSecret(t)
		var flood sync.WaitGroup
		for range 300 {
			flood.Go(func() {
				_, err := ring.Authenticate(t.Context(), wrong)
				requireRefused(t, err, invalid)
			})
		}
		synctest.Wait()
		close(gate)
		flood.Wait()
		// One for whoever came first, and one for all who came later.
		require.Equal(t, 2, store.readCount())
	})
}

// anyKeyStore knows every key, so that a table can be filled without 40,000 rows.
type anyKeyStore struct {
	*keyStore
	ids atomic.Int64
}

func (s *anyKeyStore) KeyByHash(_ context.Context, hash [32]byte) (access.StoredKey, error) {
	return access.StoredKey{Key: access.Key{ID: s.ids.Add(1), Workspace: "default"}, Hash: hash}, nil
}

func TestTheTableOfVerifiedKeysIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &anyKeyStore{keyStore: newKeyStore()}
		ring := newRing(t, store)
		busy := newSecret(t)
		for i := range access.MaxVerified + 4000 {
			if i%1000 == 0 { // a key in use stays, though thousands come by.
				_, err := ring.Authenticate(t.Context(), busy)
				require.NoError(t, err)
				time.Sleep(3 * time.Second)
				_, err = ring.Authenticate(t.Context(), busy)
				require.NoError(t, err)
				synctest.Wait()
			}
			_, err := ring.Authenticate(t.Context(), newSecret(t))
			require.NoError(t, err)
		}
		require.LessOrEqual(t, ring.Verified(), access.MaxVerified)
		require.Greater(t, ring.Verified(), access.MaxVerified*3/4)
		before := store.ids.Load()
		_, err := ring.Authenticate(t.Context(), busy)
		require.NoError(t, err)
		require.Equal(t, before, store.ids.Load(), "still known")
	})
}

func TestMoreKeysThanCanBeConfirmedAtOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, "are all confirmed before a caller must wait", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		var secrets []string
		for range 400 {
			_, secret := store.put(t, access.Key{})
			secrets = append(secrets, secret)
		}
		useAll := func() {
			for _, secret := range secrets {
				_, err := ring.Authenticate(t.Context(), secret)
				require.NoError(t, err)
			}
			synctest.Wait()
		}
		useAll()
		gate := make(chan struct{})
		store.entered = func(context.Context, [32]byte) { <-gate }
		time.Sleep(3 * time.Second)
		useAll() // more than the queue holds, and the store hangs.
		require.Equal(t, 400, store.readCount())
		close(gate)
		time.Sleep(time.Second)
		useAll() // those that found no place get one now.
		require.Equal(t, 800, store.readCount())
		time.Sleep(1900 * time.Millisecond) // 5.9 s: the first confirmation is no longer enough.
		store.breakDown(errors.New("no route"))
		useAll()
	})
}

// Keys are used, made and revoked all at once: whoever begins after a revocation
// has returned must be refused, and whoever begins before it must not be.
func TestKeysUnderLoad(t *testing.T) {
	t.Parallel()
	store := newKeyStore()
	ring := newRing(t, store)
	for range 30 {
		id, secret := store.put(t, access.Key{})
		var revoking, revoked atomic.Bool
		var users sync.WaitGroup
		for range 4 {
			users.Go(func() {
				for after := 0; after < 20; {
					sure, ok := revoked.Load(), false
					_, err := ring.Authenticate(context.Background(), secret)
					if ok = err == nil; ok && sure {
						t.Error("accepted after it was revoked")
						return
					}
					if !ok && !revoking.Load() {
						t.Errorf("refused before it was revoked: %v", err)
						return
					}
					if sure {
						after++
					}
				}
			})
		}
		time.Sleep(time.Millisecond)
		revoking.Store(true)
		store.remove(id)
		ring.Forget(access.Hash(testSalt, secret))
		revoked.Store(true)
		users.Wait()
	}
}
