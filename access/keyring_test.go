package access_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// newRing makes a ring as one process has it, and closes it with the test.
func newRing(tb testing.TB, store access.KeyStore) *access.Keyring {
	tb.Helper()
	return newRingOf(tb, store, access.KeyringOptions{})
}

func newRingOf(tb testing.TB, store access.KeyStore, o access.KeyringOptions) *access.Keyring {
	tb.Helper()
	o.Salt, o.Now = testSalt, time.Now
	ring, err := access.NewKeyring(store, o)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = ring.Close(context.Background()) }) // some tests leave the store down.
	return ring
}

// inBubble runs a test on virtual time.
func inBubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

func fromNow(d time.Duration) *timestamp.Time {
	at := timestamp.Of(time.Now().Add(d))
	return &at
}

func requireRefused(tb testing.TB, err error, message string) {
	tb.Helper()
	require.ErrorIs(tb, err, pmerr.ErrUnauthorized)
	require.Equal(tb, message, pmerr.From(err).Message)
}

const (
	missing = "API key is missing"
	invalid = "API key is invalid"
	expired = "API key has expired"
)

func TestNewKeyringRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := access.NewKeyring(newKeyStore(), access.KeyringOptions{Salt: []byte("short"), Now: time.Now})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.ErrorContains(t, err, "API_KEY_SALT")
	_, err = access.NewKeyring(newKeyStore(), access.KeyringOptions{Salt: testSalt})
	require.ErrorIs(t, err, pmerr.ErrValidation)
	require.ErrorContains(t, err, "Now")
}

func TestAuthenticateTellsWhoseAKeyIs(t *testing.T) {
	t.Parallel()
	store := newKeyStore()
	ring := newRing(t, store)
	id, secret := store.put(t, access.Key{Name: "ci", Workspace: "team", Scopes: access.Scopes{access.Read, access.Admin}})
	for range 2 { // from the store, then from memory.
		who, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		require.Equal(t, access.Identity{
			KeyID: id, Name: "ci", Workspace: "team", Scopes: access.Scopes{access.Read, access.Admin},
		}, who)
	}
	require.Equal(t, 1, store.readCount())
}

func TestAuthenticateRefuses(t *testing.T) {
	t.Parallel()
	well := "pm_" + strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		secret, message string
		reads           int
	}{
		"no key":                       {"", missing, 0},
		"an unknown key":               {well, invalid, 1},
		"another prefix":               {"sk_" + strings.Repeat("0", 64), invalid, 0},
		"a short key":                  {well[:66], invalid, 0},
		"a long key":                   {well + "0", invalid, 0},
		"a megabyte":                   {strings.Repeat("a", 1<<20), invalid, 0},
		"digits that are no hex":       {"pm_" + strings.Repeat("g", 64), invalid, 0},
		"capitals, which no key has":   {"pm_" + strings.Repeat("A", 64), invalid, 0},
		"runes of the length of a key": {"pm_" + strings.Repeat("é", 32), invalid, 0},
		"a zero byte":                  {"pm_" + strings.Repeat("\x00", 64), invalid, 0},
		"blanks around":                {" " + well[1:], invalid, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newKeyStore()
			who, err := newRing(t, store).Authenticate(t.Context(), c.secret)
			requireRefused(t, err, c.message)
			require.Zero(t, who)
			require.Equal(t, c.reads, store.readCount())
		})
	}
}

func TestKeysOfAnotherSaltAreInvalid(t *testing.T) {
	t.Parallel()
	store := newKeyStore()
	_, secret := store.put(t, access.Key{})
	ring, err := access.NewKeyring(store, access.KeyringOptions{Salt: []byte("another salt of 16 or more"), Now: time.Now})
	require.NoError(t, err)
	defer func() { require.NoError(t, ring.Close(t.Context())) }()
	_, err = ring.Authenticate(t.Context(), secret)
	requireRefused(t, err, invalid)
}

// wrongRowStore answers every hash with the same key.
type wrongRowStore struct {
	*keyStore
	row access.StoredKey
}

func (s wrongRowStore) KeyByHash(context.Context, [32]byte) (access.StoredKey, error) {
	return s.row, nil
}

func TestARowOfAnotherHashOpensNothing(t *testing.T) {
	t.Parallel()
	store := wrongRowStore{newKeyStore(), access.StoredKey{Key: access.Key{ID: 1, Workspace: access.Master}}}
	_, err := newRing(t, store).Authenticate(t.Context(), newSecret(t))
	require.ErrorIs(t, err, pmerr.ErrUnavailable)
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	inBubble(t, "takes effect at its second, cached or not", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{ExpiresAt: fromNow(3 * time.Second)})
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		time.Sleep(3*time.Second - time.Nanosecond)
		_, err = ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		_, err = ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, expired)
		_, err = newRing(t, store).Authenticate(t.Context(), secret)
		requireRefused(t, err, expired)
	})
	inBubble(t, "costs no read a request", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{ExpiresAt: fromNow(-time.Hour)})
		for range 100 {
			_, err := ring.Authenticate(t.Context(), secret)
			requireRefused(t, err, expired)
		}
		require.Equal(t, 1, store.readCount())
	})
	inBubble(t, "in 1970 is an expiry too", func(t *testing.T) {
		store := newKeyStore()
		_, secret := store.put(t, access.Key{ExpiresAt: &timestamp.Time{Time: time.Unix(0, 0)}})
		_, err := newRing(t, store).Authenticate(t.Context(), secret)
		requireRefused(t, err, expired)
	})
	inBubble(t, "is not a use", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{ExpiresAt: fromNow(-time.Hour)})
		_, err := ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, expired)
		require.NoError(t, ring.Close(t.Context()))
		require.Zero(t, store.touchCount(id))
	})
}

func TestRevokedByAnotherProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, "ends a key in use within 5 s", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		use := func() error {
			_, err := ring.Authenticate(t.Context(), secret)
			return err
		}
		for range 100 { // ten seconds of use.
			require.NoError(t, use())
			time.Sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(t, store.readCount(), 6, "a confirmed key costs few reads")
		store.remove(id)
		removed := time.Now()
		for use() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		require.LessOrEqual(t, time.Since(removed), 5*time.Second)
		requireRefused(t, use(), invalid)
	})
	inBubble(t, "ends an idle key within 5 s", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		store.remove(id)
		time.Sleep(5 * time.Second)
		_, err = ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
		require.Zero(t, ring.Verified())
	})
	inBubble(t, "counts from when the read began, however slow it was", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		store.read = func(context.Context, [32]byte) {
			store.remove(id) // just after the row was read.
			time.Sleep(2 * time.Second)
		}
		removed := time.Now()
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		var accepted time.Time
		for err == nil {
			accepted = time.Now()
			time.Sleep(10 * time.Millisecond)
			_, err = ring.Authenticate(t.Context(), secret)
		}
		require.Less(t, accepted.Sub(removed), 5*time.Second)
		requireRefused(t, err, invalid)
		require.LessOrEqual(t, store.readCount(), 3)
	})
	inBubble(t, "ends a key though the wall clock is set back", func(t *testing.T) {
		store := newKeyStore()
		clock := newClock(time.Now())
		ring, err := access.NewKeyring(store, access.KeyringOptions{Salt: testSalt, Now: clock.now})
		require.NoError(t, err)
		defer func() { require.NoError(t, ring.Close(t.Context())) }()
		id, secret := store.put(t, access.Key{})
		_, err = ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		store.remove(id)
		clock.add(-time.Hour)
		_, err = ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
	})
}

func TestRevokedHere(t *testing.T) {
	t.Parallel()
	revoked(t, func(ring *access.Keyring, secret string) { ring.Forget(access.Hash(testSalt, secret)) })
}

// Another process has revoked keys, and nobody says which.
func TestRevokedElsewhere(t *testing.T) {
	t.Parallel()
	revoked(t, func(ring *access.Keyring, _ string) { ring.ForgetAll() })
}

func revoked(t *testing.T, forget func(ring *access.Keyring, secret string)) {
	t.Helper()
	inBubble(t, "ends a key at once", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		store.remove(id)
		forget(ring, secret)
		_, err = ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
	})
	inBubble(t, "is not undone by a lookup that had the row already", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		gate := make(chan struct{})
		store.read = func(context.Context, [32]byte) { <-gate }
		results := make(chan error, 3)
		for range 3 { // one reads, two wait with it.
			go func() {
				_, err := ring.Authenticate(t.Context(), secret)
				results <- err
			}()
		}
		synctest.Wait()
		require.Equal(t, 1, store.readCount())
		store.remove(id)
		forget(ring, secret)
		close(gate)
		for range 3 {
			requireRefused(t, <-results, invalid)
		}
		_, err := ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
	})
	inBubble(t, "is not undone by a confirmation in the background", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		gate := make(chan struct{})
		store.read = func(context.Context, [32]byte) { <-gate }
		time.Sleep(4 * time.Second)
		_, err = ring.Authenticate(t.Context(), secret) // trusted, and confirmed behind its back.
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 2, store.readCount())
		store.remove(id)
		forget(ring, secret)
		close(gate)
		synctest.Wait()
		require.Zero(t, ring.Verified())
		_, err = ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
	})
	inBubble(t, "a new caller does not wait for a lookup that is worthless", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		gate := make(chan struct{})
		hold := sync.OnceFunc(func() { <-gate })
		store.read = func(context.Context, [32]byte) { hold() }
		first := make(chan error, 1)
		go func() {
			_, err := ring.Authenticate(t.Context(), secret)
			first <- err
		}()
		synctest.Wait()
		store.read = nil
		store.remove(id)
		forget(ring, secret)
		_, err := ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
		close(gate)
		requireRefused(t, <-first, invalid)
	})
	inBubble(t, "a lookup that had the row leaves nothing behind, not even for a moment", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		gates := make(chan chan struct{}, 2)
		first, second := make(chan struct{}), make(chan struct{})
		gates <- first
		gates <- second
		store.read = func(context.Context, [32]byte) { <-<-gates }
		result := make(chan error, 1)
		go func() {
			_, err := ring.Authenticate(t.Context(), secret)
			result <- err
		}()
		synctest.Wait()
		store.remove(id)
		forget(ring, secret)
		close(first)
		synctest.Wait() // the caller asks again, to be sure.
		require.Equal(t, 2, store.readCount())
		require.Zero(t, ring.Verified())
		close(second)
		requireRefused(t, <-result, invalid)
	})
}

func TestCreatedByAnotherProcess(t *testing.T) {
	t.Parallel()
	inBubble(t, "is accepted at once, even if it was refused just now", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		secret := newSecret(t)
		_, err := ring.Authenticate(t.Context(), secret)
		requireRefused(t, err, invalid)
		store.putSecret(t, access.Key{}, secret)
		_, err = ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
	})
	inBubble(t, "is accepted while an older lookup is about to miss it", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		secret := newSecret(t)
		gate := make(chan struct{})
		store.read = func(context.Context, [32]byte) { <-gate }
		early, late := make(chan error, 1), make(chan error, 1)
		ask := func(result chan error) {
			_, err := ring.Authenticate(t.Context(), secret)
			result <- err
		}
		go ask(early)
		synctest.Wait()
		store.putSecret(t, access.Key{}, secret)
		go ask(late)
		synctest.Wait()
		require.Equal(t, 1, store.readCount())
		close(gate)
		requireRefused(t, <-early, invalid)
		require.NoError(t, <-late)
	})
}
