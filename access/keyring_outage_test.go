package access_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func TestStoreDown(t *testing.T) {
	t.Parallel()
	outage := errors.New("connection refused at 10.0.0.7:5432")
	requireDown := func(tb testing.TB, err error) {
		tb.Helper()
		require.ErrorIs(tb, err, pmerr.ErrUnavailable)
		require.NotErrorIs(tb, err, pmerr.ErrUnauthorized)
		require.ErrorIs(tb, err, outage)
		require.NotContains(tb, pmerr.From(err).Message, "10.0.0.7")
	}
	inBubble(t, "an unknown key is unavailable, not unauthorized", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		store.breakDown(outage)
		_, err := ring.Authenticate(t.Context(), newSecret(t))
		requireDown(t, err)
	})
	inBubble(t, "whatever code the store gave its failure", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		store.breakDown(pmerr.New(pmerr.Unauthorized, "password of the database is wrong").Because(outage))
		_, err := ring.Authenticate(t.Context(), newSecret(t))
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.Equal(t, pmerr.Unavailable, pmerr.From(err).Code)
		require.NotContains(t, pmerr.From(err).Message, "password")
	})
	inBubble(t, "a confirmed key is trusted for 5 s and not longer", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		store.breakDown(outage)
		time.Sleep(5*time.Second - time.Nanosecond)
		_, err = ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
		time.Sleep(time.Nanosecond)
		_, err = ring.Authenticate(t.Context(), secret)
		requireDown(t, err)
		store.breakDown(nil)
		_, err = ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
	})
	inBubble(t, "an outage of 2 s goes unseen by keys in use, and is not hammered", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		for i := range 2000 { // 20 s, the store is down from 4 to 6 s.
			switch i {
			case 400:
				store.breakDown(outage)
			case 600:
				store.breakDown(nil)
			}
			_, err := ring.Authenticate(t.Context(), secret)
			require.NoError(t, err)
			time.Sleep(10 * time.Millisecond)
		}
		require.Less(t, store.readCount(), 20)
	})
	inBubble(t, "keys recover between outages", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		for i := range 2000 { // down from 4 to 6 s, and from 7.3 to 8.3 s.
			switch i {
			case 400, 730:
				store.breakDown(outage)
			case 600, 830:
				store.breakDown(nil)
			}
			_, err := ring.Authenticate(t.Context(), secret)
			require.NoError(t, err)
			time.Sleep(10 * time.Millisecond)
		}
	})
	inBubble(t, "a store that hangs is unavailable within 3 s", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		store.entered = func(ctx context.Context, _ [32]byte) { <-ctx.Done() }
		began := time.Now()
		_, err := ring.Authenticate(t.Context(), newSecret(t))
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.Equal(t, 3*time.Second, time.Since(began))
	})
	inBubble(t, "whether there are keys is unavailable", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		some, err := ring.HasKeys(t.Context())
		require.NoError(t, err)
		require.False(t, some)
		store.put(t, access.Key{})
		some, err = ring.HasKeys(t.Context())
		require.NoError(t, err)
		require.True(t, some)
		store.breakDown(outage)
		_, err = ring.HasKeys(t.Context())
		requireDown(t, err)
	})
}

func TestCallersWhoWaitTogether(t *testing.T) {
	t.Parallel()
	inBubble(t, "survive the one who reads going away", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		gate := make(chan struct{})
		store.entered = func(ctx context.Context, _ [32]byte) {
			select {
			case <-gate:
			case <-ctx.Done():
			}
		}
		impatient, leave := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() {
			_, err := ring.Authenticate(impatient, secret)
			left <- err
		}()
		synctest.Wait()
		go func() {
			_, err := ring.Authenticate(t.Context(), secret)
			stayed <- err
		}()
		synctest.Wait()
		leave()
		err := <-left
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		close(gate)
		require.NoError(t, <-stayed)
	})
	inBubble(t, "may go away alone", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		gate := make(chan struct{})
		store.entered = func(context.Context, [32]byte) { <-gate }
		read := make(chan error, 1)
		go func() {
			_, err := ring.Authenticate(t.Context(), secret)
			read <- err
		}()
		synctest.Wait()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := ring.Authenticate(impatient, secret)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(gate)
		require.NoError(t, <-read)
	})
	inBubble(t, "are told when the store panics", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		_, secret := store.put(t, access.Key{})
		gate := make(chan struct{})
		store.entered = func(context.Context, [32]byte) { <-gate; panic("a bug of the store") }
		panicked, waited := make(chan any, 1), make(chan error, 1)
		go func() {
			defer func() { panicked <- recover() }()
			_, _ = ring.Authenticate(t.Context(), secret)
		}()
		synctest.Wait()
		go func() {
			_, err := ring.Authenticate(t.Context(), secret)
			waited <- err
		}()
		synctest.Wait()
		close(gate)
		require.Equal(t, "a bug of the store", <-panicked)
		require.ErrorIs(t, <-waited, pmerr.ErrUnavailable)
	})
}
