package access_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func TestLastUsed(t *testing.T) {
	t.Parallel()
	use := func(t *testing.T, ring *access.Keyring, secret string) {
		t.Helper()
		_, err := ring.Authenticate(t.Context(), secret)
		require.NoError(t, err)
	}
	inBubble(t, "is written within a second, then once a minute", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		id, secret := store.put(t, access.Key{})
		use(t, ring, secret)
		first := timestamp.Of(time.Now())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, &first, store.rows[id].LastUsedAt)
		for range 299 { // five minutes.
			use(t, ring, secret)
			time.Sleep(time.Second)
			synctest.Wait()
			require.LessOrEqual(t, time.Since(store.rows[id].LastUsedAt.Time), 62*time.Second)
		}
		require.Equal(t, 5, store.touchCount(id))
	})
	inBubble(t, "of many keys is one write", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		for range 400 {
			_, secret := store.put(t, access.Key{})
			use(t, ring, secret)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, store.touches, 1)
		require.Len(t, store.touches[0], 400)
	})
	inBubble(t, "of very many keys is written in bounded batches", func(t *testing.T) {
		store := newKeyStore()
		ring := newRing(t, store)
		for range 1200 {
			_, secret := store.put(t, access.Key{})
			use(t, ring, secret)
		}
		require.NoError(t, ring.Close(t.Context()))
		total := 0
		for _, batch := range store.touches {
			require.LessOrEqual(t, len(batch), 500)
			total += len(batch)
		}
		require.Equal(t, 1200, total)
	})
	inBubble(t, "is not written when another process just did", func(t *testing.T) {
		store := newKeyStore()
		id, secret := store.put(t, access.Key{LastUsedAt: fromNow(-10 * time.Second)})
		ring := newRing(t, store)
		use(t, ring, secret)
		require.NoError(t, ring.Close(t.Context()))
		require.Zero(t, store.touchCount(id))
	})
	inBubble(t, "is written though a clock elsewhere was an hour ahead", func(t *testing.T) {
		store := newKeyStore()
		id, secret := store.put(t, access.Key{LastUsedAt: fromNow(time.Hour)})
		ring := newRing(t, store)
		use(t, ring, secret)
		require.NoError(t, ring.Close(t.Context()))
		require.Equal(t, 1, store.touchCount(id))
	})
	inBubble(t, "is written at every use if asked for", func(t *testing.T) {
		store := newKeyStore()
		id, secret := store.put(t, access.Key{})
		ring := newRingOf(t, store, access.KeyringOptions{TouchEvery: -1})
		for range 5 {
			use(t, ring, secret)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		require.Equal(t, 5, store.touchCount(id))
	})
	inBubble(t, "survives an outage, which is logged once", func(t *testing.T) {
		var out bytes.Buffer
		store := newKeyStore()
		id, secret := store.put(t, access.Key{})
		ring := newRingOf(t, store, access.KeyringOptions{Logger: slog.New(slog.NewTextHandler(&out, nil))})
		use(t, ring, secret)
		at := timestamp.Of(time.Now())
		store.breakDown(errors.New("no route"))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Zero(t, store.touchCount(id))
		require.Equal(t, 1, strings.Count(out.String(), "last use of API keys cannot be stored"))
		require.NotContains(t, out.String(), secret)
		store.breakDown(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 1, store.touchCount(id))
		require.Equal(t, &at, store.rows[id].LastUsedAt)
	})
	inBubble(t, "is written by Close, which may be called again", func(t *testing.T) {
		store := newKeyStore()
		id, secret := store.put(t, access.Key{})
		ring := newRing(t, store)
		use(t, ring, secret)
		store.breakDown(errors.New("no route"))
		require.ErrorIs(t, ring.Close(t.Context()), pmerr.ErrUnavailable)
		store.breakDown(nil)
		require.NoError(t, ring.Close(t.Context()))
		require.NoError(t, ring.Close(t.Context()))
		require.Equal(t, 1, store.touchCount(id))
	})
}
